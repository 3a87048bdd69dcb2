"""Inputs of the targets that get gRPC requests: which call, its message, and what the central service replies.

An input has a line with the name of a call (`Service/Method`, or `RAW`: bytes for the socket), a line with the reply of
the central service to every request (empty: one without results), and the message.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor

from aliend.services.server import MODULES
from tests.fuzz import messages
from tests.fuzz.target import CORPORA

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
NO_RESULTS = b'{"metadata":{"exitcode":"0","error":"","user":"alice","currentdir":"/alice/"},"results":[]}'


@dataclass(frozen=True, slots=True)
class Input:
    """The parts of an input; `method` is None for bytes that are sent as they are."""

    method: MethodDescriptor | None
    reply: bytes
    message: bytes


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
    if chance.random() < 0.3:
        first, message = chance.choice(list(METHODS)).encode(), b""
    if chance.random() < 0.3:
        reply = chance.choice(_replies())
    if not (method := METHODS.get(first.decode("latin-1"))):
        return data
    message = messages.changed(message, message_factory.GetMessageClass(method.input_type)(), chance)
    return b"\n".join((first, reply, message))


def _replies() -> list[bytes]:
    return [b"", *(file.read_bytes().replace(b"\n", b" ") for file in sorted((CORPORA / "replies").iterdir()))]
