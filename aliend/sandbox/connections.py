"""The websocket: who may connect, and how requests of one connection are answered, strictly one after the other."""

from __future__ import annotations

import asyncio
import http
import json
import logging
import ssl
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response

from aliend.sandbox import dispatch
from aliend.sandbox.call import Service
from aliend.sandbox.certificates import java_form, slash_form
from aliend.sandbox.session import Client, Session

log = logging.getLogger(__name__)

FRAGMENT = 8192
"""Replies longer than this many bytes are sent in pieces of this many characters."""
LONGEST_REQUEST = 133120
_ABNORMAL = "An unrecoverable IOException occurred so the connection was closed"
_MALFORMED = "Incoming JSON is not ok"


@dataclass(slots=True)
class Counters:
    """What was asked of the service since it started: logins, commands by name, connections now and at most."""

    logins: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    most_connections: int = 0

    def opened(self) -> None:
        """A client logged in."""
        self.logins += 1
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)


class UnusableRequestError(Exception):
    """Valid JSON of the wrong shape: the service drops the connection without a reply."""


class Front:
    """Answers the websocket connections of `service`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.counters = Counters()

    async def listen(self, port: int, context: ssl.SSLContext) -> Server:
        """Listen on a loopback port (0: any free one)."""
        return await serve(
            self._serve,
            "127.0.0.1",
            port,
            ssl=context,
            process_request=self._admit,
            compression=None,
            extensions=[ServerPerMessageDeflateFactory(client_max_window_bits=15)],
            ping_interval=None,
            max_size=4 * LONGEST_REQUEST,
            server_header=None,
            logger=logging.getLogger("websockets.sandbox"),
        )

    def session(self, client: Client) -> Session | None:
        """A fresh session for a client; None when the certificate belongs to nobody."""
        accounts = self._service.catalogue.accounts
        principal = accounts.identify([client.subject])
        if principal is None:
            return None
        home = self._service.catalogue.names.get(accounts.home(principal.login))
        return Session(client, principal, home.path if home else None, self._service.site)

    async def answer(self, session: Session, text: str) -> str:
        """The reply to one text message. Raises UnusableRequestError for what costs the connection."""
        if len(text) > LONGEST_REQUEST:
            return dispatch.refuse(session, 22, f"Message too big, limit is at {LONGEST_REQUEST}")
        try:
            request = json.loads(text)
        except ValueError:
            return dispatch.refuse(session, 22, _MALFORMED)
        name, options = _read(request)
        self.counters.commands[name] += 1
        return await dispatch.execute(self._service, session, name, options)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path.partition("?")[0].rpartition("/")[2] != "json":
            return connection.respond(http.HTTPStatus.NOT_FOUND, "Not Found\n")
        if self.session(_client(connection)) is None:
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "Unauthorized\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        session = self.session(_client(connection))
        if session is None:
            return
        self.counters.opened()
        try:
            await self._converse(connection, session)
        except ConnectionClosed:
            pass
        finally:
            self.counters.connections -= 1

    async def _converse(self, connection: ServerConnection, session: Session) -> None:
        async for message in connection:
            if isinstance(message, bytes):
                continue
            try:
                reply = await self.answer(session, message)
            except UnusableRequestError:
                await connection.close(1002, _ABNORMAL)
                return
            await connection.send(list(_pieces(reply)) if len(reply) > FRAGMENT else reply)


def server_context(certificate: str, key: str, authorities: str) -> ssl.SSLContext:
    """TLS 1.2 only, with a client certificate that one of `authorities` (a file) has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authorities)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _read(request: object) -> tuple[str, Sequence[str]]:
    if not isinstance(request, dict) or request.get("command") is None:
        raise UnusableRequestError
    options = request.get("options")
    if options is None:
        options = []
    if not isinstance(options, list) or None in options:
        raise UnusableRequestError
    return _text(request["command"]), [_text(option) for option in options]


def _text(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else json.dumps(value)


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), FRAGMENT):
        yield text[start : start + FRAGMENT]


def _client(connection: ServerConnection) -> Client:
    transport = connection.transport
    encoded = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    certificate = x509.load_der_x509_certificate(encoded)
    expires = int(certificate.not_valid_after_utc.timestamp())
    address = transport.get_extra_info("peername")[0]
    return Client(slash_form(certificate.subject), java_form(certificate.subject), expires, address)


async def stopped(server: Server, limit: float) -> None:
    """Close all connections and the listening socket, within `limit` seconds."""
    server.close()
    try:
        async with asyncio.timeout(limit):
            await server.wait_closed()
    except TimeoutError:
        log.warning("connections were still open after %.0f s", limit)
