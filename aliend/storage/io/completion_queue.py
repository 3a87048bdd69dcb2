"""The queue on which one task waits: for completions from XRootD's threads and for the request to stop.

A task runs entirely in its own thread: XRootD's callbacks only add a message here, so they hold the interpreter's lock
only briefly and cannot fail, and a stopped task wakes at once, whatever the server does.
"""

from __future__ import annotations

import queue
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from aliend.storage.errors import no_answer
from aliend.storage.tasks import Stopped

Handler = Callable[[Any, Any], None]
"""Receives XRootD's status and response."""

UNRESPONSIVE_AFTER = 60.0
"""Seconds without a byte after which a server counts as unresponsive."""
_NEVER = sys.maxsize


class CompletionQueue:
    """The messages of one task, processed by its own thread."""

    def __init__(self) -> None:
        self._messages: deque[Callable[[], None]] = deque()
        self._wakeup: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._wake_at = _NEVER
        """The number of messages that wakes the task; `_NEVER` while it is awake."""
        self._stopped = False
        self._children: list[CompletionQueue] = []
        self._checked_at = time.monotonic()

    def seconds_silent(self) -> float:
        """Return the seconds since the task's thread was last here; 0 while it waits here: it is alive.

        A thread that is stuck in a call of a local file system never comes back. May be called from any thread.
        """
        return 0.0 if self._wake_at != _NEVER else time.monotonic() - self._checked_at

    def child(self) -> CompletionQueue:
        """Return a queue for a helper thread of this task; it is stopped together with this one."""
        other = CompletionQueue()
        self._children.append(other)
        if self._stopped:
            other.stop()
        return other

    def put(self, message: Callable[[], None]) -> None:
        """Run `message` in the task's thread when it next waits; may be called from any thread."""
        self._messages.append(message)
        if len(self._messages) >= self._wake_at:
            self._wakeup.put(None)

    def stop(self) -> None:
        """Make the task raise `Stopped` at its next check; may be called from any thread."""
        self._stopped = True
        self._wakeup.put(None)
        for branch in tuple(self._children):
            branch.stop()

    def raise_if_stopped(self) -> None:
        """Raise `Stopped` if the task is to stop."""
        self._checked_at = time.monotonic()
        if self._stopped:
            raise Stopped

    def callback(self, handler: Handler) -> Callable[..., None]:
        """Return a callback for XRootD that makes `handler` run in the task's thread."""
        put = self.put
        return lambda status, response, *_: put(partial(handler, status, response))

    def process(self, limit: float, min_messages: int = 1) -> bool:
        """Wait for `min_messages` or for `limit` seconds, then process all messages. Return False if none came.

        Each wakeup costs two thread switches, so a caller that needs several answers waits for all of them.
        """
        self.raise_if_stopped()
        if len(self._messages) < min_messages:
            self._sleep(time.monotonic() + limit, min_messages)
            self.raise_if_stopped()
        if not self._messages:
            return False
        while self._messages:
            self._messages.popleft()()
        return True

    def _sleep(self, until: float, min_messages: int) -> None:
        self._wake_at = min_messages
        try:
            # Checked again after `_wake_at` is set: a message that arrived before sends no wakeup.
            while len(self._messages) < min_messages and not self._stopped:
                self._wakeup.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return
        finally:
            self._wake_at = _NEVER

    def wait(self, condition: Callable[[], bool], what: str, limit: float = UNRESPONSIVE_AFTER) -> None:
        """Process messages until `condition()` holds. Raises StorageError after `limit` seconds."""
        until = time.monotonic() + limit
        while not condition():
            if not self.process(until - time.monotonic()) and not condition():
                raise no_answer(what, limit)
