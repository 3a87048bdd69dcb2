"""Where one task waits: completions come from XRootD's threads, the order to stop from the control pipe.

Everything that a task does happens in its own thread: XRootD's callbacks only put a message here, so they hold the
interpreter's lock for an instant and can never fail, and a task that is told to stop wakes at once, whatever a server
does.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

from aliend.storage.failures import silent
from aliend.storage.tasks import Stopped

Handler = Callable[[Any, Any], None]
"""Takes XRootD's status and response."""

SILENCE = 60.0
"""Seconds without one byte after which a server counts as unreachable."""


class Inbox:
    """One task's messages, served by its own thread."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stopped = False
        self._branches: list[Inbox] = []

    def branch(self) -> Inbox:
        """Another inbox for a thread that helps this task; it is stopped with this one."""
        other = Inbox()
        self._branches.append(other)
        if self._stopped:
            other.stop()
        return other

    def put(self, message: Callable[[], None]) -> None:
        """Have the task's thread run this when it waits next; callable from any thread."""
        self._messages.put(message)

    def stop(self) -> None:
        """Make the task end with `Stopped` at its next look; callable from any thread."""
        self._stopped = True
        self.put(lambda: None)
        for branch in tuple(self._branches):
            branch.stop()

    def check(self) -> None:
        """Raise `Stopped` when the task was told to stop."""
        if self._stopped:
            raise Stopped

    def callback(self, handler: Handler) -> Callable[..., None]:
        """What is given to XRootD so that `handler` runs in the task's thread."""
        put = self._messages.put
        return lambda status, response, *_: put(lambda: handler(status, response))

    def serve(self, limit: float) -> bool:
        """Handle the next message; False when none came for `limit` seconds."""
        self.check()
        try:
            message = self._messages.get(timeout=max(limit, 0.0))
        except queue.Empty:
            return False
        self.check()
        message()
        return True

    def rest(self, seconds: float) -> None:
        """Handle messages for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.serve(left)

    def wait(self, done: Callable[[], bool], what: str, limit: float = SILENCE) -> None:
        """Handle messages until `done()`; `StorageError` when that takes `limit` seconds."""
        until = time.monotonic() + limit
        while not done():
            if not self.serve(until - time.monotonic()) and not done():
                raise silent(what, limit)
