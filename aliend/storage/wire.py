"""Encoding of the messages between the daemon and a worker process: one JSON object per line. Does no I/O.

To the process:

    {"do": N, "task": ..., "share": bytes/s}    with `"output": true` after a descriptor was sent over the socket
    {"batch": [{"do": N, "task": ...}, ...], "window": {se: files}}    small files that one thread copies
    {"stop": N}
    {"grant": N, "size": bytes, "share": ...}   bandwidth credit
    {"pace": N, "share": ...}                   a new rate
    {"ping": true}                              answer `{"alive": true, "silent": [[N, path, seconds], ...]}` at once:
                                                the tasks whose thread may hang in a local file system
    {"end": true}                               end after the last answer

From it: `{"ready": true}` first, or `{"fatal": reason}`; then for a task:

    {"id": N, "progress": bytes}
    {"id": N, "want": bytes}                    the bandwidth credit is used up
    {"id": N, "se": ...}                        the task uses this storage element from now on
    {"id": N, "failed": se, "reason": ...}      a storage element failed

and once for each task `{"id": N, "unused": bytes of credit, ...}` with `"result": ...`, `"error": ...` or
`"stopped": true`; for a file that leaves its batch with `"left": true`. Messages about the files of a batch come many
at a time, as `{"answers": [...]}`. `{"retire": true}` asks for a replacement as soon as the process is idle. N is the
pipe's own number, so that a task may be retried while it is being stopped.

Lines are ASCII: bytes of a path that are not UTF-8 travel as lone surrogates and come back as the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from typing import Any

from aliend.errors import CopyError, ErrorKind, Obstacle
from aliend.storage import tasks
from aliend.storage.tasks import Result, Task

LONGEST_LINE = 1 << 20
"""Bytes; a task with four envelopes needs about 10 KiB."""

_TYPES: dict[str, type[Any]] = {
    name: value for name, value in vars(tasks).items() if isinstance(value, type) and is_dataclass(value)
}


def encode(message: dict[str, Any]) -> bytes:
    """Return the message as one line, including the newline."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return the object in a line. Raises ValueError if the line holds none."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("a message must be a JSON object")
    return message


def pack(value: Task[Any] | Result) -> dict[str, Any]:
    """Return a task or a result as JSON values."""
    packed: dict[str, Any] = _pack(value)
    return packed


def _pack(value: Any) -> Any:  # noqa: ANN401 - any field
    """Return a field as JSON values. `asdict` copies immutable values too and takes five times as long."""
    if isinstance(value, tuple):
        return [_pack(item) for item in value]
    if type(value).__name__ in _TYPES:
        return {"type": type(value).__name__, **{name: _pack(getattr(value, name)) for name in value.__slots__}}
    return value


def unpack_task(packed: dict[str, Any]) -> Task[Any]:
    """Return the task that was packed. Raises ValueError for anything else."""
    value = _unpack(packed)
    if isinstance(value, Task):
        return value
    raise ValueError(f"{packed['type']} is not a task")


def unpack_result(packed: dict[str, Any]) -> Result:
    """Return the result that was packed. Raises ValueError for anything else."""
    value = _unpack(packed)
    if isinstance(value, Result):
        return value
    raise ValueError(f"{packed['type']} is not a result")


def _unpack(value: Any) -> Any:  # noqa: ANN401 - any field
    if isinstance(value, list):
        return tuple(_unpack(item) for item in value)
    if isinstance(value, dict):
        return _TYPES[value["type"]](**{name: _unpack(item) for name, item in value.items() if name != "type"})
    return value


def pack_error(error: CopyError) -> dict[str, Any]:
    """Return an error as JSON values."""
    return {
        "text": str(error),
        "kind": error.kind,
        "retry_after": error.retry_after,
        "replicas": error.replicas,
        "obstacle": asdict(error.obstacle) if error.obstacle else None,
        "errno": error.error_number,
    }


def unpack_error(packed: dict[str, Any]) -> CopyError:
    """Return the error that was packed."""
    kind: ErrorKind = packed["kind"]
    replicas = tuple((se, text, number) for se, text, number in packed["replicas"])
    obstacle = Obstacle(**packed["obstacle"]) if packed["obstacle"] else None
    return CopyError(packed["text"], kind, packed["retry_after"], replicas, obstacle).with_errno(packed["errno"])
