"""Targets that read what the daemon sends to its client: HTTP/2 frames and messages, both coded by hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from unittest import mock

from alienctl import grpc_call, wire_messages
from alienctl.grpc_call import Call, RpcProtocolError
from alienctl.local import wire_replies
from tests.fuzz.target import Target, must_be


def _outcome(pieces: list[bytes]) -> tuple[object, ...]:
    """Return what a call makes of a server's bytes that arrive in these pieces."""
    call = Call(b"/aliend.v1.ConsoleService/Run")
    call.send_message(b"message")
    messages: list[bytes] = []
    try:
        for piece in pieces:
            messages += call.receive(piece)
            call.take_output()
    except RpcProtocolError:
        return ("refused",)
    must_be(-1 <= call.status < 1 << 31, f"status {call.status}")
    return messages, call.status, call.message, call.lost, call.not_received


def _check_frames(data: bytes) -> None:
    """Input: one byte, the length of a piece; then what the server sends."""
    size, rest = (max(1, data[0]), data[1:]) if data else (1, b"")
    pieces = [rest[start : start + size] for start in range(0, len(rest), size)]
    must_be(_outcome([rest]) == _outcome(pieces), "the size of the pieces changes the outcome")


_READERS: tuple[Callable[[bytes], object], ...] = (
    wire_messages.event,
    wire_messages.exit_code,
    wire_messages.exit_version,
    wire_messages.go_on,
    wire_messages.jobs,
    wire_replies.run_progress,
    wire_replies.question,
    wire_replies.handoff,
    wire_replies.hello,
    wire_replies.daemon_status,
    wire_replies.run_exit,
    wire_replies.watch_response,
    wire_replies.stop_response,
    wire_replies.reload_response,
)


def _check_messages(data: bytes) -> None:
    for read in _READERS:
        with suppress(wire_messages.MessageError):
            read(data)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[position] & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if not data[position - 1] & 0x80:
            return value, position


TARGETS = (
    Target(
        "http2-frames",
        _check_frames,
        {"a header may be cut off": lambda: mock.patch.object(grpc_call, "IndexError", KeyError, create=True)},
    ),
    Target(
        "messages",
        _check_messages,
        {"a message may end in a number": lambda: mock.patch.object(wire_messages, "_varint", _varint)},
        examples=500,
    ),
)
