"""Where one task waits: completions come from XRootD's threads, the order to stop from the control pipe.

Everything that a task does happens in its own thread: XRootD's callbacks only put a message here, so they hold the
interpreter's lock for an instant and can never fail, and a task that is told to stop wakes at once, whatever a server
does.
"""

from __future__ import annotations

import queue
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from aliend.storage.errors import silent
from aliend.storage.tasks import Stopped

Handler = Callable[[Any, Any], None]
"""Takes XRootD's status and response."""

SILENCE = 60.0
"""Seconds without one byte after which a server counts as unreachable."""
_NOBODY = sys.maxsize


class Inbox:
    """One task's messages, served by its own thread."""

    def __init__(self) -> None:
        self._messages: deque[Callable[[], None]] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._awaited = _NOBODY
        """How many messages wake the task; it is awake while that is more than can ever come."""
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
        self._messages.append(message)
        if len(self._messages) >= self._awaited:
            self._bell.put(None)

    def stop(self) -> None:
        """Make the task end with `Stopped` at its next look; callable from any thread."""
        self._stopped = True
        self._bell.put(None)
        for branch in tuple(self._branches):
            branch.stop()

    def check(self) -> None:
        """Raise `Stopped` when the task was told to stop."""
        if self._stopped:
            raise Stopped

    def callback(self, handler: Handler) -> Callable[..., None]:
        """What is given to XRootD so that `handler` runs in the task's thread."""
        put = self.put
        return lambda status, response, *_: put(partial(handler, status, response))

    def serve(self, limit: float, together: int = 1) -> bool:
        """Handle what has come, as soon as there are `together` messages or `limit` seconds passed; False for nothing.

        Every waking costs two switches of threads: who needs several answers does not wake for each.
        """
        self.check()
        if len(self._messages) < together:
            self._rest(time.monotonic() + limit, together)
            self.check()
        if not self._messages:
            return False
        while self._messages:
            self._messages.popleft()()
        return True

    def _rest(self, until: float, together: int) -> None:
        self._awaited = together
        try:
            # Looked at again after the number was told: a message that came between rings no bell.
            while len(self._messages) < together and not self._stopped:
                self._bell.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return
        finally:
            self._awaited = _NOBODY

    def wait(self, done: Callable[[], bool], what: str, limit: float = SILENCE) -> None:
        """Handle messages until `done()`; `StorageError` when that takes `limit` seconds."""
        until = time.monotonic() + limit
        while not done():
            if not self.serve(until - time.monotonic()) and not done():
                raise silent(what, limit)
