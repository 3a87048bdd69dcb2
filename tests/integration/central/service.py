"""A central service for tests: a real TLS websocket that answers few commands and misbehaves on demand.

It knows nothing of a catalogue; the sandbox grid does. Faults are consumed one per request, in the order given.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import os
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from aliend.central.credentials.certificates import Pair
from aliend.core.connection.context import Context, CredentialFiles, Endpoint
from aliend.core.connection.pem import pem_source

HOME = "/alice/cern.ch/user/a/alice/"
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key as files."""

    certificate: str
    key: str

    @property
    def files(self) -> CredentialFiles:
        return CredentialFiles(pem_source(self.certificate), pem_source(self.key))

    @property
    def pair(self) -> Pair:
        return Pair(Path(self.certificate).read_text(), Path(self.key).read_text())

    @property
    def text(self) -> CredentialFiles:
        return CredentialFiles(pem_source(self.pair.certificate), pem_source(self.pair.key))


class Authority:
    """Create a separate certificate authority below `directory`."""

    def __init__(self, directory: Path, name: str = "Test CA") -> None:
        self.directory = directory / name.replace(" ", "_")
        self.directory.mkdir()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._count = 0
        own = self._builder(self._name, self._key, -DAY, 10 * DAY)
        authority = own.add_extension(x509.BasicConstraints(True, None), True)
        self.ca = str(self.directory / "ca.pem")
        Path(self.ca).write_bytes(authority.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, begins: float, ends: float
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(seconds=begins))
            .not_valid_after(now + datetime.timedelta(seconds=ends))
        )

    def issue(
        self, common_name: str, *, host: str = "", begins: float = -3600, ends: float = DAY, passphrase: str = ""
    ) -> Issued:
        """A certificate valid between two moments (seconds from now), with `host` as its alternative name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "ch"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "AliEn2"),
                x509.NameAttribute(NameOID.COMMON_NAME, "Users"),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
        builder = self._builder(subject, key, begins, ends)
        if host:
            name: x509.GeneralName = x509.DNSName(host)
            if host[0].isdigit():
                name = x509.IPAddress(ipaddress.ip_address(host))
            builder = builder.add_extension(x509.SubjectAlternativeName([name]), False)
        self._count += 1
        stem = self.directory / f"{self._count}"
        certificate, private = Path(f"{stem}cert.pem"), Path(f"{stem}key.pem")
        certificate.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            lock = serialization.BestAvailableEncryption(passphrase.encode())
        with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))
        return Issued(str(certificate), str(private))


def document(results: list[dict[str, Any]], *, code: int = 0, error: str = "", directory: str = HOME) -> str:
    """A reply as the service writes it."""
    metadata = {"exitcode": str(code), "error": error, "user": "alice", "currentdir": directory}
    return json.dumps({"metadata": metadata, "results": results})


class Service:
    """The requests to the service, and its next faults.

    Faults: `drop-before` (the command is not executed), `drop-after` (executed, no reply), `empty`, `garbage`, `shape`,
    `hang`, `twice` (an empty message after the reply), `none` (a reply without a directory), `half` (of a reply),
    `drip` (a slow reply, and no pong before its end).
    """

    def __init__(self) -> None:
        self.port = 0
        self.faults: deque[str] = deque()
        self.executed: list[tuple[str, ...]] = []
        self.connections = 0
        self.open = 0
        self.outstanding = 0
        self.most_outstanding = 0
        self.status: HTTPStatus | None = None
        self.delay = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.gated: set[str] = set()
        self.replies: dict[str, str] = {}
        self.first_replies: dict[str, str] = {}
        self.long: dict[str, int] = {}
        self.agents: list[str] = []
        self.paths: list[str] = []
        self.server: Server | None = None

    def admit(self, _: ServerConnection, request: Request) -> Response | None:
        self.agents.append(request.headers.get("User-Agent", ""))
        self.paths.append(request.path)
        if self.status is None:
            return None
        return Response(self.status, self.status.phrase, Headers(Location="wss://elsewhere.example/"), b"")

    async def handle(self, socket: ServerConnection) -> None:
        self.connections += 1
        self.open += 1
        outstanding = 0
        try:
            async for text in socket:
                outstanding += 1
                self.most_outstanding = max(self.most_outstanding, outstanding)
                await self._answer(socket, json.loads(text))
                outstanding -= 1
        except ConnectionClosed:
            pass
        finally:
            self.open -= 1

    async def _answer(self, socket: ServerConnection, request: dict[str, Any]) -> None:
        words = (request["command"], *request["options"])
        fault = self.faults.popleft() if self.faults else ""
        if fault == "drop-before":
            socket.transport.abort()
            return
        self.executed.append(words)
        if words[0] in self.gated:
            await self.gate.wait()
        if self.delay:
            await asyncio.sleep(self.delay)
        whole = (
            self.first_replies.pop(words[0], "")
            or self.replies.get(words[0])
            or document([{"pwd": HOME, "message": " ".join(words)}])
        )
        match fault:
            case "drop-after":
                socket.transport.abort()
            case "hang":
                await socket.wait_closed()
            case "empty":
                await socket.send("")
            case "garbage":
                await socket.send('{"metadata": {"exitcode": "0"')
            case "shape":
                await socket.send('{"results": []}')
            case "twice":
                await socket.send(whole)
                await socket.send("")
            case "none":
                await socket.send(document([], directory="[none]"))
            case "half":
                await self._half(socket, whole)
            case _:
                await self._whole(socket, words[0], whole, slow=fault == "drip")

    async def _whole(self, socket: ServerConnection, command: str, text: str, *, slow: bool) -> None:
        if slow:
            socket.transport.pause_reading()
            await socket.send(self._drip(text))
            socket.transport.resume_reading()
        elif command in self.long:
            await socket.send(self._many(self.long[command]))
        else:
            await socket.send([text[n : n + 8192] for n in range(0, len(text), 8192)])

    async def _many(self, entries: int) -> AsyncGenerator[str, None]:
        """A reply of so many files as `find` gives them, made while it is sent."""
        yield '{"results":['
        for start in range(0, entries, 50):
            found = [
                {"lfn": f"/a/{n:07}/AO2D.root", "type": "f", "size": "11", "md5": 32 * "0", "message": f"/a/{n:07}"}
                for n in range(start, min(start + 50, entries))
            ]
            yield ("," if start else "") + json.dumps(found)[1:-1]
        yield '],"metadata":{"exitcode":"0","error":"","user":"alice","currentdir":"/alice/"}}'

    async def _drip(self, whole: str) -> AsyncGenerator[str, None]:
        for part in (whole[n : n + 10] for n in range(0, len(whole), 10)):
            await asyncio.sleep(0.25)
            yield part

    async def _half(self, socket: ServerConnection, whole: str) -> None:
        async def pieces() -> AsyncGenerator[str, None]:
            for n in range(0, len(whole) // 2, 8192):
                yield whole[n : n + 8192]
            await asyncio.sleep(0.2)
            socket.transport.abort()
            yield ""

        await socket.send(pieces())

    def context(self, ca: str, user: Issued) -> Context:
        """The context of `user` with this service."""
        return Context(endpoint=Endpoint("localhost", self.port), ca=ca, user=user.files)


async def eventually(condition: Callable[[], object], within: float = 60.0) -> None:
    """Wait until `condition()` holds; fails after `within` seconds."""
    async with asyncio.timeout(within):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(authority: Authority, host: Issued, *, deflate: bool = True) -> AsyncGenerator[Service, None]:
    """A service on a free port of the loopback with the certificate `host`; clients need one of `authority`."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(host.certificate, host.key)
    tls.load_verify_locations(authority.ca)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    service = Service()
    async with serve(
        service.handle,
        "localhost",
        0,
        ssl=tls,
        compression="deflate" if deflate else None,
        process_request=service.admit,
        max_size=None,
        close_timeout=1,
    ) as server:
        service.server = server
        service.port = next(iter(server.sockets)).getsockname()[1]
        yield service
        service.gate.set()
