"""One websocket to the central service: carries one request at a time and is closed at the first irregularity.

When to open, retry or replace a connection is left to `aliend.central.session`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import pwd
import socket
import ssl
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CloseCode
from websockets.protocol import State
from websockets.version import version as websockets_version

from aliend import VERSION
from aliend.central.connection.network_changes import route_changed
from aliend.central.connection.tcp import dial
from aliend.central.credentials import tls
from aliend.central.credentials.certificates import Credential, facts_of, own_subjects, usable
from aliend.core.connection.context import Context
from aliend.core.connection.discovery import BRIDGE_HEADER, Target
from aliend.core.connection.pem import PemText
from aliend.core.protocol.requests import fits
from aliend.errors import InvalidValue, LoginRefused, NotConnected, UnknownUser

OPEN_TIMEOUT = 5.0
JBOX_TIMEOUT = 2.0
"""Seconds for a login: a JBox is local and answers fast, or not at all."""
CLOSE_TIMEOUT = 2.0
FRAME_LIMIT = 16 << 20
"""Largest frame of a reply in bytes; the service sends large replies in frames of 8 KiB."""
REPLY_LIMIT = 256 << 20
"""Largest reply to `request` in characters; longer ones need `stream`."""


class Unreachable(NotConnected):
    """A connection failed for a transient reason."""


class ReplyLost(NotConnected):
    """The connection ended before the reply was complete.

    `may_have_arrived`: the request may have reached the service. `timed_out`: the deadline passed.
    """

    def __init__(self, text: str, *, may_have_arrived: bool, timed_out: bool = False) -> None:
        super().__init__(text)
        self.may_have_arrived = may_have_arrived
        self.timed_out = timed_out


class _Websocket(ClientConnection):
    """A websocket whose keepalive accepts any data as a sign of life.

    The pong to a ping is queued behind the rest of a long reply, so a slow link would exceed the ping timeout.
    """

    _received = 0.0

    def data_received(self, data: bytes) -> None:
        """Record the time, and process the data."""
        self._received = time.monotonic()
        super().data_received(data)

    async def keepalive(self) -> None:
        """Ping after each silent interval; abort the connection after a ping timeout without any data."""
        assert self.ping_interval is not None
        while True:
            silent = time.monotonic() - self._received
            if silent < self.ping_interval:
                await asyncio.sleep(self.ping_interval - silent)
                continue
            pinged = time.monotonic()
            pong = await self.ping()
            await asyncio.wait([asyncio.ensure_future(pong)], timeout=self.ping_timeout)
            if self._received < pinged:
                self.set_connection_exc(TimeoutError("keepalive ping timeout"))
                self.transport.abort()
                return


class Connection:
    """An open websocket and the credential of its login. Created by `open_connection`.

    `opened` and `used` (the last request) are seconds of the monotonic clock; `had_directory`: the last reply contained
    a current directory.
    """

    def __init__(self, socket: ClientConnection, credential: Credential, endpoint: str) -> None:
        self.credential = credential
        self.opened = time.monotonic()
        self.used = self.opened
        self.had_directory = False
        self._socket = socket
        self._endpoint = endpoint
        self._busy = False
        self._unusable = False

    @property
    def is_open(self) -> bool:
        """Return whether a request may be sent."""
        return self._socket.state is State.OPEN and not self._unusable and not self._busy

    @property
    def closed_by_peer(self) -> bool:
        """Return whether the peer or the network closed the connection."""
        return self._socket.state is not State.OPEN and not self._unusable

    async def request(self, text: str, timeout: float) -> str:
        """Send `text` and return the complete reply.

        Raises ReplyLost, after at most `timeout` seconds, and InvalidValue for a reply that is too large.
        """
        frames, size = [], 0
        try:
            async with asyncio.timeout(timeout), aclosing(self._exchange(text)) as reply:
                async for frame in reply:
                    frames.append(frame)
                    size += len(frame)
                    if size > REPLY_LIMIT:
                        raise self._too_large(f"{REPLY_LIMIT >> 20} MiB")
            return "".join(frames)
        except TimeoutError as error:
            raise self._lost(f"did not answer within {timeout:.0f} s", timed_out=True) from error
        finally:
            frames.clear()  # the traceback of an error would keep them

    async def stream(self, text: str, timeout: float) -> AsyncGenerator[str, None]:
        """Send `text` and yield the reply as it arrives; each piece has a deadline of `timeout` seconds.

        Close the iterator to stop early, which also closes the connection.
        """
        async with aclosing(self._exchange(text)) as reply:
            while True:
                try:
                    async with asyncio.timeout(timeout):
                        frame = await anext(reply)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    raise self._lost(f"stopped answering for {timeout:.0f} s", timed_out=True) from error
                yield frame

    async def _exchange(self, text: str) -> AsyncGenerator[str, None]:
        """Send the request and yield the frames of its reply. Abort the connection unless the reply is complete."""
        if not self.is_open or await self._has_unexpected_message() or not self.is_open:
            self.abort()
            raise ReplyLost(f"the connection to {self._endpoint} was closed", may_have_arrived=False)
        self._busy = True
        self._unusable = not fits(text)
        self.used = time.monotonic()
        complete = False
        try:
            await self._socket.send(text)
            async for frame in self._socket.recv_streaming(decode=True):
                yield str(frame)
            complete = True
        except ConnectionClosed as error:
            if error.sent is not None and error.sent.code == CloseCode.MESSAGE_TOO_BIG:
                raise self._too_large(f"{FRAME_LIMIT >> 20} MiB in one frame") from error
            raise self._lost(f"ended the connection ({error})") from error
        finally:
            self._busy = False
            if not complete:
                self.abort()

    async def _has_unexpected_message(self) -> bool:
        """Return whether an unexpected message has arrived, which would be mistaken for the next reply.

        The check also yields to the event loop, so that a close frame that has arrived is processed before sending.
        """
        try:
            async with asyncio.timeout(0):
                await self._socket.recv()
        except TimeoutError:
            return False
        except ConnectionClosed:
            return True
        return True

    @property
    def address(self) -> str:
        """Return the address of the peer."""
        remote = self._socket.remote_address
        return str(remote[0]) if remote else ""

    async def responds_to_ping(self, within: float) -> bool:
        """Return whether the service answers a ping `within` seconds; it may not after a suspend of the machine."""
        try:
            async with asyncio.timeout(within):
                await (await self._socket.ping())
        except (ConnectionClosed, TimeoutError):
            return False
        return True

    def route_changed(self) -> bool:
        """Return whether the local route to the peer has changed."""
        local, remote = self._socket.local_address, self._socket.remote_address
        return bool(local and remote) and route_changed(local, remote)

    def _too_large(self, size: str) -> InvalidValue:
        """Return the error for a reply that is refused while it arrives; another request would get the same."""
        return InvalidValue(f"{self._endpoint} sent a reply of more than {size}; request less at a time")

    def _lost(self, what: str, *, timed_out: bool = False) -> ReplyLost:
        return ReplyLost(f"{self._endpoint} {what}", may_have_arrived=True, timed_out=timed_out)

    def abort(self) -> None:
        """Close the connection at once; the service discards its unsent data."""
        self._unusable = True
        self._socket.transport.abort()

    async def close(self) -> None:
        """Close the connection gracefully, within two seconds."""
        self._unusable = True
        await self._socket.close()


def user_agent(job: str = "", master_job: str = "") -> str:
    """Return the user agent for the service's log; the numbers are those of the grid job that we run in."""
    system = platform.uname()
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        login = "unknown"
    parts = [
        f"aliend/{VERSION}",
        f"websockets/{websockets_version}",
        f"Python/{platform.python_version()}",
        f"platform/{system.system}-{system.machine}/{system.release}",
        f"id/{login}@{system.node}",
    ]
    parts += [f"jobid/{job}"] if job else []
    parts += [f"masterjobid/{master_job}"] if master_job else []
    return " ".join(parts).encode("ascii", "replace").decode()


async def open_connection(context: Context, target: Target, agent: str, timeout: float = OPEN_TIMEOUT) -> Connection:
    """Log in to `target` under `context`, within `timeout` seconds.

    Raises Unreachable if a retry may help, LoginRefused or NotConnected if not, and ConfigurationError for settings and
    files that must be corrected first.
    """
    credential = await asyncio.to_thread(usable, context)
    settings = await asyncio.to_thread(tls.client_context, context, credential)
    context = replace(context, endpoint=target.endpoint)
    endpoint = target.endpoint
    if target.is_jbox:
        settings.check_hostname = False  # it has a certificate of the user, see `_check_owner`
    try:
        async with asyncio.timeout(min(timeout, JBOX_TIMEOUT) if target.is_jbox else timeout):
            socket = await _open_websocket(context, settings, agent)
    except InvalidStatus as error:
        raise _refusal(error, context, credential) from error
    except (OSError, TimeoutError, WebSocketException, ValueError) as error:
        # ValueError: an invalid host name, or a redirect, which is never followed
        if (cause := _tls_error(error)) is not None:
            raise await tls.explain(cause, context, settings) from error
        if isinstance(error, ConnectionError) and settings.has_answered:
            raise LoginRefused(
                f"{endpoint} closed the connection after it received the certificate {credential.facts.subject}; "
                "check that the certificate has not expired and that the service knows its CA"
            ) from error
        raise Unreachable(
            f"cannot connect to {endpoint}: {_reason(error, timeout)}; check the network, and the address of the "
            "central service (ALIENPY_JCENTRAL, ALIENPY_JCENTRAL_PORT)"
        ) from error
    if socket.response is not None and BRIDGE_HEADER in socket.response.headers:
        socket.transport.abort()
        raise NotConnected(
            f"{endpoint} is the bridge of a daemon, which is for other programs; unset the variable that names it "
            "(ALIENPY_JCENTRAL or JALIEN_HOST)"
        )
    if target.is_jbox:
        _check_owner(socket, context)
    return Connection(socket, credential, str(endpoint))


def _check_owner(socket: ClientConnection, context: Context) -> None:
    """Reject a JBox with another user's certificate: it would act as another user, or read our requests."""
    shown = socket.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    name = facts_of(PemText(ssl.DER_cert_to_PEM_cert(shown))).subject
    if name not in own_subjects(context):
        socket.transport.abort()
        raise NotConnected(f"ignoring the JBox at {context.endpoint}: it belongs to {name}")


async def _open_websocket(context: Context, settings: ssl.SSLContext, agent: str) -> ClientConnection:
    frames = logging.getLogger("aliend.central.frames")
    frames.setLevel(logging.WARNING)  # the library logs frames at debug level, and frames contain secrets
    host = f"[{context.endpoint.host}]" if ":" in context.endpoint.host else context.endpoint.host
    # The production service accepts only 15 window bits, so none are requested.
    deflate = ClientPerMessageDeflateFactory(client_max_window_bits=True, compress_settings={"level": 1, "memLevel": 8})
    finding = context.finding
    sock = await dial(context.endpoint.host, context.endpoint.port, finding.family, racing=finding.racing)
    return await connect(
        f"wss://{host}:{context.endpoint.port}/websocket/json",
        create_connection=_Websocket,
        sock=sock,
        ssl=settings,
        server_hostname=tls.expected_name(context),
        extensions=[deflate],
        compression=None,
        proxy=None,
        user_agent_header=agent,
        open_timeout=None,
        close_timeout=CLOSE_TIMEOUT,
        ping_interval=finding.ping,
        ping_timeout=finding.ping,
        max_size=(None, FRAME_LIMIT),
        logger=frames,
    )


def _refusal(error: InvalidStatus, context: Context, credential: Credential) -> NotConnected:
    status = error.response.status_code
    if status == 401:
        return UnknownUser(
            f"{context.endpoint} does not know the certificate {credential.facts.subject}; register it with the ALICE "
            "virtual organisation (VO)"
        )
    return Unreachable(f"{context.endpoint} answered with HTTP status {status}")


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    """Return the TLS error that caused `error`: with TLS 1.3 a refusal arrives only after the handshake."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError) and not isinstance(seen, ssl.SSLEOFError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _reason(error: Exception, timeout: float) -> str:
    if isinstance(error, ConnectionResetError):
        return "it closed the connection during the handshake"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, InvalidHandshake):
        return f"the server is not a central service ({error})"
    if isinstance(error, socket.gaierror) and error.strerror:
        return error.strerror  # without the number, which means nothing to users
    return str(error) or type(error).__name__
