"""Reports on the requests of one caller: each of them (option `-debug`), and those that the service does not answer.

Uses context variables, because the tasks that a command starts make requests for the same caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aliend.core.protocol.requests import Request

_WITH_SECRETS = frozenset({"commit", "registerOutput"})
SLOW = 5.0
"""Seconds without an answer after which a request is reported."""
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)
_slow_listener: ContextVar[SlowReports | None] = ContextVar("slow_listener", default=None)


def start_trace(report: Callable[[str], None]) -> None:
    """Report the requests of this task and of the tasks that it starts."""
    _listener.set(report)


class SlowReports:
    """Reports requests of this task, and of the tasks that it starts, that have no answer after `SLOW` seconds."""

    def __init__(self, report: Callable[[Request], None]) -> None:
        self._report = report
        self._is_open = True
        _slow_listener.set(self)

    def close(self) -> None:
        """Stop reporting: the caller has ended, but a task that it started may continue."""
        self._is_open = False

    def report(self, request: Request) -> None:
        """Report a request."""
        if self._is_open:
            self._report(request)


@contextmanager
def awaiting_answer(request: Request) -> Iterator[None]:
    """Report `request` to the caller if the block takes longer than `SLOW` seconds."""
    listener = _slow_listener.get()
    if listener is None:
        yield
        return
    timer = asyncio.get_running_loop().call_later(SLOW, listener.report, request)
    try:
        yield
    finally:
        timer.cancel()


def trace(request: Request, outcome: str, seconds: float) -> None:
    """Report the end of a request to the caller that traces it, without envelopes."""
    listener = _listener.get()
    if listener is not None:
        shown = request.command if request.command in _WITH_SECRETS else str(request)
        listener(f"central: {shown}: {outcome}, {seconds * 1000:.1f} ms")


async def reported(request: Request, pieces: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield the pieces of a reply; the user is informed if the first one takes long."""
    with awaiting_answer(request):
        first = await anext(pieces, None)
    if first is not None:
        yield first
        async for piece in pieces:
            yield piece
