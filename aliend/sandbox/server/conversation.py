"""Serves one websocket connection: reassembles requests, runs commands, applies faults and limits, sends replies.

The connection waits one second for a command, then reads the next request. As in the real service, concurrent
commands share one output, which becomes the reply of the command that ends first (wire specification, section 1.5).
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from aliend.sandbox.protocol import message_reassembly, requests
from aliend.sandbox.protocol.faults import Fault, Faults
from aliend.sandbox.protocol.message_reassembly import Reassembler
from aliend.sandbox.protocol.output import Output, parts
from aliend.sandbox.protocol.requests import Request
from aliend.sandbox.protocol.settings import Settings
from aliend.sandbox.protocol.throttle import COMMAND, Throttle
from aliend.sandbox.protocol.user_threads import UserThreads
from aliend.sandbox.server import dispatch
from aliend.sandbox.service.call import Service
from aliend.sandbox.state.session import Session

FRAGMENT = 8192
"""The maximum number of bytes of a reply's frame."""
ABNORMAL = (1002, "An unrecoverable IOException occurred so the connection was closed")
TIMED_OUT = (1013, "Session timed out")
MALFORMED = "Incoming JSON is not ok"
TOO_BIG = f"Message too big, limit is at {message_reassembly.MAX_REQUEST}"
_LIMITS_PERIOD = 0.5
_PARTS_AT_ONCE = 3
_BEFORE = ("drop-before", "hang", "close")
_INSTEAD = ("drop-after", "garbage", "empty", "merged")
_GARBAGE = '{"metadata":{"exitcode":"0","error'


@dataclass(slots=True)
class RequestCounters:
    """Logins, commands by name, and connections (open and maximum) since the start or the last `reset`.

    `hanging` are the commands that the fault `hang` affects and whose client still waits.
    """

    logins: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    max_connections: int = 0
    hanging: int = 0

    def record_login(self) -> None:
        """Count a login and its connection."""
        self.logins += 1
        self.connections += 1
        self.max_connections = max(self.max_connections, self.connections)

    def reset(self) -> None:
        """Reset the counters; open connections stay counted."""
        self.logins = 0
        self.commands.clear()
        self.max_connections = self.connections

    def document(self) -> dict[str, object]:
        """Return the counters for JSON."""
        return {
            "logins": self.logins,
            "commands": dict(sorted(self.commands.items())),
            "connections": {"now": self.connections, "most": self.max_connections},
            "hanging": self.hanging,
        }


@dataclass(slots=True)
class SharedState:
    """The state that all connections share."""

    service: Service
    settings: Settings = field(default_factory=Settings)
    faults: Faults = field(default_factory=Faults)
    counters: RequestCounters = field(default_factory=RequestCounters)
    throttle: Throttle = field(default_factory=lambda: Throttle(time.monotonic()))
    threads: UserThreads = field(default_factory=UserThreads)


class Conversation:
    """One connection. Its commands are the tasks in `running`, which may outlive it."""

    def __init__(self, connection: ServerConnection, session: Session, shared: SharedState) -> None:
        self.running: set[asyncio.Task[None]] = set()
        self._connection = connection
        self._session = session
        self._shared = shared
        self._reassembler = Reassembler()
        self._output: Output | None = None
        self._pending_replies = 0
        self._opened = self._active = time.monotonic()

    async def run(self) -> None:
        """Read requests until the client or a session limit closes the connection."""
        limits = asyncio.create_task(self._watch_limits())
        try:
            while True:
                await self._reassemble(await self._receive())
        except ConnectionClosed:
            pass
        finally:
            limits.cancel()

    async def _receive(self) -> list[str]:
        frames = []
        async for frame in self._connection.recv_streaming():
            if isinstance(frame, str):
                self._active = time.monotonic()
                frames.append(frame)
        return frames

    async def _reassemble(self, frames: list[str]) -> None:
        for piece, is_last in message_reassembly.pieces(frames):
            try:
                text = self._reassembler.add(piece, is_last=is_last, poison=self._shared.settings.poison)
            except message_reassembly.RequestTooLongError:
                await self._send(iter((dispatch.refuse(self._session, 22, TOO_BIG),)))
                continue
            if text is not None:
                await self._start_command(text)
        self._active = time.monotonic()

    async def _start_command(self, text: str) -> None:
        try:
            request = requests.read(text)
        except requests.MalformedError:
            await self._send(iter((dispatch.refuse(self._session, 22, MALFORMED),)))
            return
        except requests.UnusableError:
            await self._connection.close(*ABNORMAL)
            return
        task = asyncio.create_task(self._execute(request))
        self.running.add(task)
        task.add_done_callback(self._ended)
        # while the service waits for a command it reads nothing, not even pings
        self._connection.transport.pause_reading()
        await asyncio.wait({task}, timeout=self._shared.settings.reader_wait)
        if not self._connection.transport.is_closing():
            self._connection.transport.resume_reading()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        if not task.cancelled():
            task.result()

    async def _execute(self, request: Request) -> None:
        around = self._shared
        async with around.threads.thread(self._session.principal.login, lambda: around.settings.user_threads):
            await self._execute_now(request)

    async def _execute_now(self, request: Request) -> None:
        around = self._shared
        fault = around.faults.take(_BEFORE, request.command)
        if fault is not None:
            await self._apply_fault(fault)
            return
        around.counters.commands[request.command] += 1
        self._pending_replies += 1
        if self._output is None:
            self._output = Output()
        await self._wait_for_throttle()
        metadata = await self._run(request)
        late = around.faults.take(("delay",), request.command)
        if late is not None:
            await asyncio.sleep(late.value)
        await self._reply(metadata, around.faults.take(_INSTEAD, request.command))

    async def _apply_fault(self, fault: Fault) -> None:
        match fault.kind:
            case "drop-before":
                self._connection.transport.abort()
            case "close":
                reason = TIMED_OUT[1] if fault.value == TIMED_OUT[0] else ""
                await self._connection.close(int(fault.value), reason)
            case _:
                self._shared.counters.hanging += 1
                try:
                    await self._connection.wait_closed()
                finally:
                    self._shared.counters.hanging -= 1

    async def _wait_for_throttle(self) -> None:
        around, subject = self._shared, self._session.client.java_subject
        around.throttle.count(subject, COMMAND)
        if around.settings.throttle or around.faults.has("throttle"):
            await asyncio.sleep(around.throttle.delay(subject, time.monotonic()))

    async def _run(self, request: Request) -> dict[str, str] | None:
        # if another command has taken the output, this command's output is lost
        output = self._output or Output()
        if request.command == "commit" and self._shared.faults.take(("refuse-commits",), "commit"):
            output.fail(53, "Nothing was registered")
            return dispatch.state(self._session)
        return await dispatch.run(self._shared.service, self._session, request.command, request.options, output)

    async def _reply(self, metadata: dict[str, str] | None, fault: Fault | None) -> None:
        output, self._output = self._output, None
        waiting, self._pending_replies = self._pending_replies, 0
        if output is None or not waiting:
            return
        kind = fault.kind if fault else ""
        if kind == "drop-after":
            self._connection.transport.abort()
            return
        if kind == "merged":
            output.results.insert(0, {"pwd": self._session.directory, "message": self._session.directory})
            waiting += 1
        await self._send(_reply_parts(output, metadata, kind))
        for _ in range(waiting - 1):
            await self._send(iter(()))

    async def _send(self, parts: Iterator[str]) -> None:
        text = "".join(itertools.islice(parts, _PARTS_AT_ONCE))
        try:
            if len(text) <= FRAGMENT and len(text.encode()) <= FRAGMENT:
                await self._connection.send(text)
            else:
                await self._connection.send(_yielding_frames(itertools.chain([text], parts)))
        except ConnectionClosed:
            return

    async def _watch_limits(self) -> None:
        while True:
            settings, now = self._shared.settings, time.monotonic()
            due = min(self._active + settings.idle_limit, self._opened + settings.session_limit)
            if now >= due or time.time() >= self._session.client.expires:
                await self._connection.close(*TIMED_OUT)
                return
            # the settings may change during the sleep
            await asyncio.sleep(min(due - now, _LIMITS_PERIOD))


def _reply_parts(output: Output, metadata: dict[str, str] | None, kind: str) -> Iterator[str]:
    if kind == "empty" or metadata is None:
        return iter(())
    return iter((_GARBAGE,)) if kind == "garbage" else parts(output, **metadata)


async def _yielding_frames(texts: Iterator[str]) -> AsyncIterator[str]:
    """Yield the frames of a long text, and let other connections run between them."""
    for frame in frames(texts):
        yield frame
        await asyncio.sleep(0)


def frames(texts: Iterable[str]) -> Iterator[str]:
    """Yield a text, given in parts, in frames of at most `FRAGMENT` bytes of UTF-8, without splitting characters."""
    held = b""
    for text in texts:
        held += text.encode()
        start = 0
        while len(held) - start > FRAGMENT:
            end = start + FRAGMENT
            while held[end] & 0xC0 == 0x80:
                end -= 1
            yield held[start:end].decode()
            start = end
        held = held[start:]
    yield held.decode()
