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

from aliend.storage.errors import no_answer
from aliend.storage.tasks import Stopped

Handler = Callable[[Any, Any], None]
"""Takes XRootD's status and response."""

UNRESPONSIVE_AFTER = 60.0
"""Seconds without one byte after which a server counts as unreachable."""
_NEVER = sys.maxsize


class CompletionQueue:
    """One task's messages, served by its own thread."""

    def __init__(self) -> None:
        self._messages: deque[Callable[[], None]] = deque()
        self._wakeup: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._wake_at = _NEVER
        """How many messages wake the task; it is awake while that is more than can ever come."""
        self._stopped = False
        self._children: list[CompletionQueue] = []

    def child(self) -> CompletionQueue:
        """Another completions for a thread that helps this task; it is stopped with this one."""
        other = CompletionQueue()
        self._children.append(other)
        if self._stopped:
            other.stop()
        return other

    def put(self, message: Callable[[], None]) -> None:
        """Have the task's thread run this when it waits next; callable from any thread."""
        self._messages.append(message)
        if len(self._messages) >= self._wake_at:
            self._wakeup.put(None)

    def stop(self) -> None:
        """Make the task end with `Stopped` at its next look; callable from any thread."""
        self._stopped = True
        self._wakeup.put(None)
        for branch in tuple(self._children):
            branch.stop()

    def raise_if_stopped(self) -> None:
        """Raise `Stopped` when the task was told to stop."""
        if self._stopped:
            raise Stopped

    def callback(self, handler: Handler) -> Callable[..., None]:
        """What is given to XRootD so that `handler` runs in the task's thread."""
        put = self.put
        return lambda status, response, *_: put(partial(handler, status, response))

    def process(self, limit: float, min_messages: int = 1) -> bool:
        """Handle what has come, as soon as there are `together` messages or `limit` seconds passed; False for nothing.

        Every waking costs two switches of threads: who needs several answers does not wake for each.
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
            # Looked at again after the number was told: a message that came between rings no bell.
            while len(self._messages) < min_messages and not self._stopped:
                self._wakeup.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return
        finally:
            self._wake_at = _NEVER

    def wait(self, condition: Callable[[], bool], what: str, limit: float = UNRESPONSIVE_AFTER) -> None:
        """Handle messages until `done()`; `StorageError` when that takes `limit` seconds."""
        until = time.monotonic() + limit
        while not condition():
            if not self.process(until - time.monotonic()) and not condition():
                raise no_answer(what, limit)
