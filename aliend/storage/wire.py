"""The words between the daemon and a copying process: one JSON object a line. Encodes and decodes, does no I/O.

To the process: `{"do": N, "task": ..., "share": bytes a second}` (with `"output": true` a
descriptor to write to came before, on a socket), `{"stop": N}`, and `{"end": true}` for an end after
the last answer; `{"grant": N, "size": bytes, "share": ...}` and `{"pace": N, "share": ...}` of bandwidth. From it:
`{"ready": true}` first, or `{"fatal": reason}`; then `{"id": N, "progress": bytes}`, `{"id": N, "want": bytes}` when
bandwidth is used up, `{"id": N, "se": ...}` when a task turns to a storage element, `{"id": N, "failed": se,
"reason": ...}` when one failed, and once for each task `{"id": N, "result": ...}`, `{"id": N, "error": ...}` or
`{"id": N, "stopped": true}`, each with the `unused` bytes of its grant; `{"retire": true}` asks to be replaced when
idle. N is the pipe's own number, so that a
task may be tried again while it is being stopped.

Lines are ASCII: bytes of a path that are no text travel as lone surrogates and come back as the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from aliend.errors import CopyError, ErrorKind, Obstacle
from aliend.storage import tasks
from aliend.storage.tasks import ReplicaOutcome, ReplicaUrl, Result, Task

LONGEST_LINE = 1 << 20
"""Bytes; a task with four envelopes needs about 10 KiB."""

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        tasks.Download,
        tasks.Upload,
        tasks.ThirdParty,
        tasks.Checksum,
        tasks.RemovePartial,
        tasks.ListMembers,
        tasks.Listed,
        tasks.Compare,
        tasks.Compared,
        tasks.Read,
        tasks.Probe,
        tasks.Downloaded,
        tasks.Uploaded,
        tasks.Checksummed,
        tasks.ReadDone,
        tasks.Probed,
    )
}
_PAIRS = frozenset({"failures", "members", "apart"})
_MEMBERS: dict[str, type[Any]] = {"sources": ReplicaUrl, "targets": ReplicaUrl, "replicas": ReplicaOutcome}
_PLAIN = {"directories", "milliseconds", "strangers"}


def encode(message: dict[str, Any]) -> bytes:
    """One line, with its end."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The object that a line carries; ValueError when it carries none."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("a message must be a JSON object")
    return message


def pack(value: Task | Result) -> dict[str, Any]:
    """A task or a result as plain JSON values."""
    return {"kind": type(value).__name__, **_plain(value)}


def _plain(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any of our dataclasses
    """Its fields; `asdict` would copy all that cannot change, and take five times as long."""
    fields = {name: getattr(value, name) for name in value.__slots__}
    for name in _MEMBERS.keys() & fields.keys():
        fields[name] = [_plain(each) for each in fields[name]]
    if "tuning" in fields:
        fields["tuning"] = _plain(fields["tuning"])
    return fields


def unpack_task(packed: dict[str, Any]) -> Task:
    """The task that `pack` was given; ValueError when it was none."""
    value = _unpack(packed)
    if isinstance(value, Task):
        return value
    raise ValueError(f"{packed['kind']} is no task")


def unpack_result(packed: dict[str, Any]) -> Result:
    """The result that `pack` was given; ValueError when it was none."""
    value = _unpack(packed)
    if isinstance(value, Result):
        return value
    raise ValueError(f"{packed['kind']} is no result")


def _unpack(packed: dict[str, Any]) -> object:
    fields = _with_tuples({name: value for name, value in packed.items() if name != "kind"})
    if "tuning" in fields:
        fields["tuning"] = tasks.Tuning(**fields["tuning"])
    for name in _MEMBERS.keys() & fields.keys():
        fields[name] = tuple(_MEMBERS[name](**_with_tuples(each)) for each in fields[name])
    return _KINDS[packed["kind"]](**fields)


def _with_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of one value, without what is a value in them, as they were."""
    for name in _PAIRS & fields.keys():
        fields[name] = tuple((first, second) for first, second in fields[name])
    for name in _PLAIN & fields.keys():
        fields[name] = tuple(fields[name])
    return fields


def pack_error(error: CopyError) -> dict[str, Any]:
    """A failure as plain JSON values."""
    return {
        "text": str(error),
        "kind": error.kind,
        "retry_after": error.retry_after,
        "replicas": error.replicas,
        "obstacle": asdict(error.obstacle) if error.obstacle else None,
    }


def unpack_error(packed: dict[str, Any]) -> CopyError:
    """The failure that `pack_error` was given."""
    kind: ErrorKind = packed["kind"]
    replicas = tuple((se, text) for se, text in packed["replicas"])
    obstacle = Obstacle(**packed["obstacle"]) if packed["obstacle"] else None
    return CopyError(packed["text"], kind, packed["retry_after"], replicas, obstacle)
