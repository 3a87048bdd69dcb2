"""What a caller who asked for it (`-debug`) is told of the requests that are made for it, and of nobody else's.

A context variable, because the tasks that a command starts make requests for the same caller.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from aliend.core.protocol.requests import Request

_WITH_SECRETS = frozenset({"commit", "registerOutput"})
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


def start_trace(report: Callable[[str], None]) -> None:
    """From now on tell of the requests of this task and of those that it starts."""
    _listener.set(report)


def trace(request: Request, outcome: str, seconds: float) -> None:
    """Tell whoever listens that a request has ended; envelopes are left out."""
    listener = _listener.get()
    if listener is not None:
        shown = request.command if request.command in _WITH_SECRETS else str(request)
        listener(f"central: {shown}: {outcome}, {seconds * 1000:.1f} ms")
