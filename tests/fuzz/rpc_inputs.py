"""Inputs of the targets that get gRPC requests: which call, its message, and what the central service replies.

An input has a line with the name of a call (`Service/Method`, or `RAW`: bytes for the socket), a line with the reply of
the central service to every request (empty: one without results), and the message.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor

from aliend.services.server import MODULES
from tests.fuzz import documents, messages
from tests.fuzz.target import CORPORA, LONGEST

RAW = "RAW"
_ENDS_THE_DAEMON = {"Daemon/Stop", "Daemon/Drain"}
METHODS: dict[str, MethodDescriptor] = {
    name: method
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if (name := f"{service.name.removesuffix('Service')}/{method.name}") not in _ENDS_THE_DAEMON
}
"""The calls of all services by name, without those that end the daemon."""
WAITS = {"Console/Run", "Contents/Write", "Transfers/WaitJob", "GridJobs/WaitGridJobs"}
"""Calls that wait for a job, or for the user; and all that stream do."""
NO_RESULTS = b'{"metadata":{"exitcode":"0","error":"","user":"alice","currentdir":"/alice/"},"results":[]}'


@dataclass(frozen=True, slots=True)
class Input:
    """The parts of an input; `method` is None for bytes that are sent as they are."""

    method: MethodDescriptor | None
    reply: bytes
    message: bytes


_NAMES = (
    *("message", "lfn", "path", "size", "md5", "guid", "ctime", "type", "entry", "folders", "physical_files_count"),
    *("physical_files_size", "logical_files_size", "jobId", "jobid", "id", "split", "status", "owner", "site", "trace"),
    *("username", "role", "homedir", "roles", "pfn", "se", "url", "envelope", "nSEs", "seName", "seNumber", "qos"),
    *("totalSpace", "fileCount", "tokencert", "tokenkey", "nbFiles", "maxNbFiles", "ceName", "TTL", "maxRunning"),
)
"""Names of values in replies."""


def waits(method: MethodDescriptor) -> bool:
    """Return whether a call may take any time."""
    name = f"{method.containing_service.name.removesuffix('Service')}/{method.name}"
    return method.server_streaming or name in WAITS


def parse(data: bytes) -> Input:
    """Return the parts of an input; an unknown name stands for one of the calls."""
    first, _, rest = data.partition(b"\n")
    reply, _, message = rest.partition(b"\n")
    name = first.decode("latin-1")
    method = None if name == RAW else METHODS.get(name) or list(METHODS.values())[len(data) % len(METHODS)]
    return Input(method, reply or NO_RESULTS, message)


def change(data: bytes, chance: random.Random) -> bytes:
    """Return an input with other fields in its message, and perhaps another call or reply."""
    first, _, rest = data.partition(b"\n")
    reply, _, message = rest.partition(b"\n")
    if chance.random() < 0.3:  # the message stays valid
        return b"\n".join((first, _changed_reply(reply, chance), message))
    if chance.random() < 0.4:
        (name,) = chance.choices(list(METHODS), [messages.leaves(method.input_type) for method in METHODS.values()])
        first, message = name.encode(), b""
    if chance.random() < 0.3:
        reply = _changed_reply(reply, chance)
    if not (method := METHODS.get(first.decode("latin-1"))):
        return data
    message = messages.changed(message, message_factory.GetMessageClass(method.input_type)(), chance)
    return b"\n".join((first, reply, message))


def _changed_reply(reply: bytes, chance: random.Random) -> bytes:
    """Return another reply of the corpus, or one with a value that is not expected, perhaps under another name."""
    if chance.random() < 0.2:
        return chance.choice(_replies())
    try:
        document = json.loads(reply or NO_RESULTS)
        result = chance.choice(document["results"] or [{}])
        match chance.randrange(5):
            case 0:
                documents.change(document, chance)
            case 1:
                document["results"].append({**result, chance.choice(_NAMES): chance.choice(documents.VALUES)})
            case _:
                result[chance.choice(list(result))] = chance.choice(documents.VALUES)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return NO_RESULTS
    text = json.dumps(document).encode()
    return text if len(text) < LONGEST // 2 else reply


def _replies() -> list[bytes]:
    return [b"", *(file.read_bytes().replace(b"\n", b" ") for file in sorted((CORPORA / "replies").iterdir()))]
