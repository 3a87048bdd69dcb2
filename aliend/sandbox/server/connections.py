"""The websocket server: accepts and authenticates connections, which `conversation` then serves."""

from __future__ import annotations

import asyncio
import http
import logging
import ssl
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response

from aliend.sandbox.certificates import java_form, slash_form
from aliend.sandbox.protocol import message_reassembly, requests
from aliend.sandbox.protocol.settings import Settings
from aliend.sandbox.protocol.throttle import LOGIN, LOGOUT, Throttle
from aliend.sandbox.server import dispatch
from aliend.sandbox.server.conversation import MALFORMED, TIMED_OUT, TOO_BIG, Conversation, SharedState
from aliend.sandbox.service.call import Service
from aliend.sandbox.state.session import Client, Session

log = logging.getLogger(__name__)

_MAX_MESSAGE = 64 * 1024 * 1024


class WebsocketServer:
    """Answers the websocket connections of `service`."""

    def __init__(self, service: Service) -> None:
        self.shared = SharedState(service)
        self._service = service
        self.expired: set[bytes] = set()
        self._seen: dict[bytes, Client] = {}
        self._connections: dict[ServerConnection, Client] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def listen(self, port: int, context: ssl.SSLContext) -> Server:
        """Listen on a loopback port (0: any free one)."""
        return await serve(
            self._serve,
            "127.0.0.1",
            port,
            ssl=context,
            process_request=self._authenticate,
            compression=None,
            extensions=[ServerPerMessageDeflateFactory(client_max_window_bits=15)],
            ping_interval=None,
            max_size=_MAX_MESSAGE,
            server_header=None,
            logger=logging.getLogger("websockets.sandbox"),
        )

    def apply_settings(self, settings: Settings) -> None:
        """Apply settings to all connections, including open ones."""
        self.shared.settings = settings
        self._service.find_cache.lifetime = settings.find_cache
        self._service.replica_cache.lifetime = settings.replica_cache
        self._service.find_cache.clear()
        self._service.replica_cache.clear()

    def reset_throttle(self, points: float) -> None:
        """Reset the throttle; every certificate starts with `points` points."""
        self.shared.throttle = Throttle(time.monotonic(), points)

    async def expire_sessions(self) -> None:
        """Close every connection as the session limit does."""
        await asyncio.gather(*(connection.close(*TIMED_OUT) for connection in tuple(self._connections)))

    async def expire_certificates(self, *, are_tokens: bool) -> None:
        """Refuse all tokens (or all other certificates) that have connected before; close their connections."""
        expired = {fingerprint for fingerprint, client in self._seen.items() if client.has_token == are_tokens}
        self.expired |= expired
        await asyncio.gather(
            *(
                connection.close(*TIMED_OUT)
                for connection, client in tuple(self._connections.items())
                if client.fingerprint in expired
            )
        )

    async def cancel_commands(self) -> None:
        """Cancel the commands of closed connections."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def session(self, client: Client) -> Session | None:
        """Return a new session for a client; None if no account has the certificate."""
        accounts = self._service.catalogue.accounts
        principal = accounts.identify([client.subject])
        if principal is None:
            return None
        home = self._service.catalogue.names.get(accounts.home(principal.login))
        return Session(client, principal, home.path if home else None, self._service.site)

    async def answer(self, session: Session, text: str) -> str:
        """Return the reply to a single message, outside of a connection. Raises requests.UnusableError."""
        if len(text) > message_reassembly.MAX_REQUEST:
            return dispatch.refuse(session, 22, TOO_BIG)
        try:
            request = requests.read(text)
        except requests.MalformedError:
            return dispatch.refuse(session, 22, MALFORMED)
        return await dispatch.execute(self._service, session, request.command, request.options)

    def _authenticate(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path.partition("?")[0].rpartition("/")[2] != "json":
            return connection.respond(http.HTTPStatus.NOT_FOUND, "Not Found\n")
        client = _client(connection)
        is_refused = client.fingerprint in self.expired or self.shared.faults.take(("refuse-logins",), "") is not None
        if is_refused or self.session(client) is None:
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "Unauthorized\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        client = _client(connection)
        session = self.session(client)
        if session is None:
            return
        around, subject = self.shared, client.java_subject
        conversation = Conversation(connection, session, around)
        around.counters.record_login()
        around.throttle.count(subject, LOGIN)
        self._connections[connection] = self._seen[client.fingerprint] = client
        try:
            await conversation.run()
        finally:
            del self._connections[connection]
            around.counters.connections -= 1
            around.throttle.count(subject, LOGOUT)
            self._leave_running(conversation)

    def _leave_running(self, conversation: Conversation) -> None:
        # closing a connection does not interrupt its command, whose reply is lost
        for task in conversation.running:
            self._running.add(task)
            task.add_done_callback(self._running.discard)


def server_context(certificate: str, key: str, authorities: str) -> ssl.SSLContext:
    """Return a context for TLS 1.2 that requires a client certificate signed by one of `authorities` (a file)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authorities)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _client(connection: ServerConnection) -> Client:
    transport = connection.transport
    encoded = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    certificate = x509.load_der_x509_certificate(encoded)
    expires = int(certificate.not_valid_after_utc.timestamp())
    address = transport.get_extra_info("peername")[0]
    fingerprint = certificate.fingerprint(hashes.SHA256())
    return Client(slash_form(certificate.subject), java_form(certificate.subject), expires, address, fingerprint)


async def close_server(server: Server, limit: float) -> None:
    """Close all connections and the listening socket, within `limit` seconds."""
    server.close()
    try:
        async with asyncio.timeout(limit):
            await server.wait_closed()
    except TimeoutError:
        log.warning("connections were still open after %.0f s", limit)
