"""The websocket of the bridge: TLS with the user's token, for clients that show a certificate of the same user."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from aliend.bridge import announcement
from aliend.bridge.conversation import Central, Conversation
from aliend.central.credentials import tls
from aliend.central.credentials.certificates import facts_of, own_subjects, stamp_of, usable
from aliend.core.connection.context import Context
from aliend.core.connection.discovery import BRIDGE_HEADER
from aliend.core.connection.pem import PemText
from aliend.core.protocol.messages import LARGEST, UnusableMessage
from aliend.errors import AliendError, ConfigurationError, NotConnected

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
_MAX_REQUESTS = 3
"""Requests of all clients at a time: of the four connections of interactive work, one is left for the user."""
_CHECK_INTERVAL = 30.0
"""Seconds between two checks of the token's files and of the file for programs."""
_CLOSE_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class DaemonParts:
    """The parts of the daemon that the bridge uses: context, sessions, accounts; and the file for programs."""

    context: Callable[[], Context]
    central_of: Callable[[Context], Central]
    account_of: Callable[[Context], Awaitable[tuple[str, str]]]
    file: Path


class Bridge:
    """The bridge; it runs from `open` to `close`. `note` says why the file for programs does not announce it."""

    def __init__(self, daemon: DaemonParts) -> None:
        self._daemon = daemon
        self._slots = asyncio.Semaphore(_MAX_REQUESTS)
        self._stamp: tuple[int, ...] = ()
        self._tls: ssl.SSLContext | None = None
        self._server: Server | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._account = ("", "")
        self.port = 0
        self.requests = 0
        self.note = ""

    @property
    def file(self) -> str:
        """Return the file for programs."""
        return str(self._daemon.file)

    @property
    def clients(self) -> int:
        """Return the number of connected clients."""
        return len(self._server.connections) if self._server else 0

    async def open(self, port: int = 0) -> None:
        """Listen on `port` (0, or taken: any free one) and announce the port.

        Raises NotConnected without a usable credential, ConfigurationError if the CAs or the port cannot be used.
        """
        self._tls = await asyncio.to_thread(self._load_credential)
        self._account = await self._daemon.account_of(self._daemon.context())
        for number in dict.fromkeys((port, 0)):
            try:
                self._server = await self._listen(number)
                break
            except OSError as error:
                if not number:
                    raise ConfigurationError(f"cannot listen on {HOST}: {error.strerror}") from error
        assert self._server is not None
        self.port = self._server.sockets[0].getsockname()[1]
        await self.announce()
        self._renewing = asyncio.create_task(self._renew(), name="bridge credential")
        log.info("the bridge listens on %s:%d", HOST, self.port)

    async def announce(self) -> None:
        """Write the file for programs; `note` says why the file does not announce the bridge."""
        try:
            await asyncio.to_thread(announcement.write, self._daemon.file, self.port, *self._account)
            self.note = ""
        except announcement.NotAnnounced as error:
            self.note = str(error)

    async def close(self) -> None:
        """Stop listening, close all clients, and remove the file if it is still ours."""
        if self._renewing is not None:
            self._renewing.cancel()
        await asyncio.to_thread(announcement.remove, self._daemon.file, self.port)
        if self._server is not None:
            self._server.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await self._server.wait_closed()

    def announced(self) -> bool:
        """Return whether the file for programs names this bridge now. Blocks."""
        return announcement.is_ours(self._daemon.file, self.port)

    async def _listen(self, port: int) -> Server:
        frames = logging.getLogger("aliend.bridge.frames")
        frames.setLevel(logging.CRITICAL)  # the library logs frames at debug level, and failed handshakes as errors
        return await serve(
            self._serve_client,
            HOST,
            port,
            ssl=self._tls,
            process_request=self._check_client,
            process_response=_add_mark,
            compression=None,
            server_header=None,
            ping_interval=None,
            close_timeout=_CLOSE_TIMEOUT,
            max_size=8 * LARGEST,
            logger=frames,
        )

    def _load_credential(self) -> ssl.SSLContext:
        """Return TLS settings with the current credential; update them if they exist."""
        context = self._daemon.context()
        stamp, credential = stamp_of(context), usable(context)
        if not credential.is_token:  # a user's own certificate is not for servers
            raise NotConnected("the bridge needs a token; get one with: `alienctl token-init`")
        settings = tls.server_context(context, credential, self._tls)
        self._stamp = stamp
        return settings

    async def _renew(self) -> None:
        """Use a new token for later connections, and restore the file if a cleaner of `/tmp` has removed it."""
        while True:
            await asyncio.sleep(_CHECK_INTERVAL)
            if not await asyncio.to_thread(os.path.lexists, self._daemon.file):
                await self.announce()
            try:
                if (stamp := stamp_of(self._daemon.context())) != self._stamp:
                    self._stamp = stamp  # a warning for each change of the files
                    await asyncio.to_thread(self._load_credential)
            except AliendError as error:
                log.warning("the bridge keeps its old certificate: %s", error)

    async def _check_client(self, client: ServerConnection, request: Request) -> Response | None:
        """Refuse other paths than that of the JSON protocol, and certificates of other users."""
        if request.path.rpartition("/")[2] != "json":
            return client.respond(HTTPStatus.NOT_FOUND, "the bridge serves /websocket/json only\n")
        shown = client.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        subject = facts_of(PemText(ssl.DER_cert_to_PEM_cert(shown))).subject
        if subject in await asyncio.to_thread(own_subjects, self._daemon.context()):
            return None
        log.warning("the bridge refused a client with the certificate %s", subject)
        return client.respond(HTTPStatus.UNAUTHORIZED, "the certificate belongs to another user\n")

    async def _serve_client(self, client: ServerConnection) -> None:
        conversation = Conversation(
            self._daemon.context(), self._daemon.central_of, self._daemon.account_of, self._slots
        )
        with suppress(ConnectionClosed):
            async for message in client:
                if isinstance(message, bytes):
                    continue  # as the service does
                self.requests += 1
                try:
                    async with aclosing(conversation.answer(message)) as pieces:
                        await client.send(pieces)
                except UnusableMessage:
                    await client.close(CloseCode.PROTOCOL_ERROR, "the request has no command")
                except AliendError as error:
                    log.warning("the bridge closed a connection in the middle of a reply: %s", error)
                    await client.close(CloseCode.INTERNAL_ERROR)


def _add_mark(_client: ServerConnection, _request: Request, response: Response) -> None:
    """Mark the handshake, so that no daemon takes the bridge for a JBox."""
    response.headers[BRIDGE_HEADER] = "1"
