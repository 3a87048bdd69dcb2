"""Traces the requests of one caller (option `-debug`).

Uses a context variable, because the tasks that a command starts make requests for the same caller.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from aliend.core.protocol.requests import Request

_WITH_SECRETS = frozenset({"commit", "registerOutput"})
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


def start_trace(report: Callable[[str], None]) -> None:
    """Report the requests of this task and of the tasks that it starts."""
    _listener.set(report)


def trace(request: Request, outcome: str, seconds: float) -> None:
    """Report the end of a request to the caller that traces it, without envelopes."""
    listener = _listener.get()
    if listener is not None:
        shown = request.command if request.command in _WITH_SECRETS else str(request)
        listener(f"central: {shown}: {outcome}, {seconds * 1000:.1f} ms")
