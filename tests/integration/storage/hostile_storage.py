"""A hostile storage server: passes the XRootD protocol to a real server, and lies in one way.

flip          other bytes than the file has
more, fewer   a response to a read with more or fewer bytes than were requested, the length field agrees
longer        the length field of a response is larger than the response
garbage       random bytes instead of a response
cut           the connection ends within a response
drip          a response to a read arrives a byte a second
size          another size in the responses to open and stat
checksum      another checksum
redirect:P    the file is on port P of this host
elsewhere     the file is on a host that does not exist
local:PATH    the file is one of the client's machine
"""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from aliend.storage.tasks import ReplicaUrl
from tests.integration.storage.conftest import StorageElement

_QUERY, _OPEN, _READ, _STAT = 3001, 3010, 3013, 3017
_OK, _ATTENTION, _REDIRECT = 0, 4001, 4004
_ATTENTION_HEADER = 8
"""Bytes before the response within a response that the server sends later."""
_HANDSHAKE = 20
_DRIP = 1.0
"""Seconds between two bytes."""


class HostileStorage:
    """The server in front of `element`, which lies in the way `lie`; `requests` counts what it changed."""

    def __init__(self, element: StorageElement, lie: str) -> None:
        self._element = element
        self._lie, _, self._argument = lie.partition(":")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.requests = 0
        self._conversations: list[_Conversation] = []
        self.closing = threading.Event()

    def at(self, path: str) -> ReplicaUrl:
        """Return the replica with a path, as this server serves it."""
        return ReplicaUrl(f"root://127.0.0.1:{self.port}/{path}", "", "HOSTILE")

    def serve(self) -> None:
        """Serve until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._element.port))
                conversation = _Conversation(client, server, self)
                self._conversations.append(conversation)
                if self.closing.is_set():  # `close` may have missed it
                    conversation.close()

    def close(self) -> None:
        """End all connections."""
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for conversation in self._conversations:
            conversation.close()

    def changed(self, request: int, status: int, body: bytes) -> list[bytes]:
        """Return the pieces to send for a response without its stream: status, length and body."""
        lie = self._lie
        change: Callable[[bytes], bytes] | None = {
            ("flip", _READ): lambda text: bytes([text[0] ^ 1]) + text[1:] if text else text,
            ("more", _READ): lambda text: text + b"more" * 1000,
            ("fewer", _READ): lambda text: text[: len(text) // 2],
            ("checksum", _QUERY): _other_checksum,
            ("size", _STAT): _larger,
            ("size", _OPEN): lambda text: text[:12] + _larger(text[12:]),
        }.get((lie, request))
        if lie == "local" and request == _OPEN:
            self.requests += 1
            body = struct.pack(">i", -1) + f"file://localhost{self._argument}".encode()
            return [struct.pack(">HI", _REDIRECT, len(body)) + body]
        if lie in ("redirect", "elsewhere") and request == _OPEN:
            self.requests += 1
            host = b"127.0.0.1" if lie == "redirect" else b"no-such-host.invalid"
            body = struct.pack(">i", int(self._argument or 1094)) + host
            return [struct.pack(">HI", _REDIRECT, len(body)) + body]
        if change and status in (_OK, 4000):
            self.requests += 1
            body = change(body)
        header = struct.pack(">HI", status, len(body))
        if request != _READ or lie not in ("longer", "garbage", "cut", "drip"):
            return [header + body]
        self.requests += 1
        match lie:
            case "longer":
                return [struct.pack(">HI", status, len(body) + 100_000) + body]
            case "drip":
                return [header, *(body[at : at + 1] for at in range(len(body)))]
            case "garbage":
                return [random.Random(0).randbytes(len(body))]
            case _:
                return [header + body[: len(body) // 2], b""]


def _other_checksum(text: bytes) -> bytes:
    """Return the answer to a checksum query, `ALGORITHM VALUE`, with another value."""
    algorithm, space, value = text.partition(b" ")
    return algorithm + space + value.translate(bytes.maketrans(b"0123456789abcdef", b"123456789abcdef0"))


def _larger(text: bytes) -> bytes:
    """Return the answer to `stat` with a size that is larger by one."""
    fields = text.rstrip(b"\0").split(b" ")
    if len(fields) > 1 and fields[1].isdigit():
        fields[1] = b"%d" % (int(fields[1]) + 1)
    return b" ".join(fields) + b"\0"


class _Conversation:
    """One connection: notes the kind of each request by its stream, and changes the response."""

    def __init__(self, client: socket.socket, server: socket.socket, storage: HostileStorage) -> None:
        self._client, self._server, self._storage = client, server, storage
        self._kinds: dict[bytes, int] = {}
        works = (self._requests, self._responses)
        self._threads = [threading.Thread(target=self._guarded, args=(work,), daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End the connection."""
        self._shut_down()
        for thread in self._threads:
            thread.join(10)
        self._client.close()
        self._server.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        with suppress(OSError, struct.error):
            work()
        self._shut_down()

    def _shut_down(self) -> None:
        for side in (self._client, self._server):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _requests(self) -> None:
        self._server.sendall(_exactly(self._client, _HANDSHAKE))
        while header := _exactly(self._client, 24):
            (kind,) = struct.unpack(">H", header[2:4])
            (length,) = struct.unpack(">I", header[20:24])
            self._kinds[header[:2]] = kind
            self._server.sendall(header + _exactly(self._client, length))

    def _responses(self) -> None:
        self._client.sendall(_exactly(self._server, 16))  # the answer to the handshake
        while header := _exactly(self._server, 8):
            status, length = struct.unpack(">HI", header[2:])
            body = _exactly(self._server, length)
            if status == _ATTENTION:
                body = body[:_ATTENTION_HEADER] + self._late_response(body[_ATTENTION_HEADER:])
                self._client.sendall(header[:4] + struct.pack(">I", len(body)) + body)
                continue
            stream = header[:2]
            for number, piece in enumerate(self._storage.changed(self._kinds.get(stream, 0), status, body)):
                if not piece or (number and self._storage.closing.wait(_DRIP)):
                    return
                self._client.sendall(piece if number else stream + piece)

    def _late_response(self, response: bytes) -> bytes:
        """Return the changed response to a request for which the server had asked to wait."""
        stream, (status,) = response[:2], struct.unpack(">H", response[2:4])
        return stream + b"".join(self._storage.changed(self._kinds.get(stream, 0), status, response[8:]))


def _exactly(side: socket.socket, length: int) -> bytes:
    """Receive that many bytes. Raises OSError at the end of the connection."""
    content = bytearray()
    while len(content) < length:
        piece = side.recv(length - len(content))
        if not piece:
            raise OSError("the connection ended")
        content += piece
    return bytes(content)


@contextmanager
def hostile(element: StorageElement, lie: str) -> Iterator[HostileStorage]:
    """Start a server that lies in one way; stop it afterwards."""
    storage = HostileStorage(element, lie)
    serving = threading.Thread(target=storage.serve, daemon=True)
    serving.start()
    try:
        yield storage
    finally:
        storage.close()
        serving.join(10)
