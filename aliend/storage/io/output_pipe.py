"""Writes the bytes of a file into a pipe to the daemon, as fast as the daemon reads."""

from __future__ import annotations

import os
import select
from collections.abc import Callable

from aliend.storage.tasks import Stopped

_STOP_CHECK_MS = 200
"""Milliseconds between two checks for a stop while the reader does not read."""


class OutputPipe:
    """The write end of a pipe, which it owns."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, data: bytes, check: Callable[[], None]) -> None:
        """Write all of `data`; `check` raises if the task is to stop. Raises Stopped if the reader has gone."""
        rest = memoryview(data)
        while rest:
            check()
            self._poll.poll(_STOP_CHECK_MS)
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise Stopped from None

    def close(self) -> None:
        """Close the pipe, so that the reader sees the end."""
        os.close(self._descriptor)
