"""Where a file's bytes go that nobody stores: a pipe to the daemon, as fast as it takes them."""

from __future__ import annotations

import os
import select
from collections.abc import Callable

from aliend.storage.tasks import Stopped

_STOP_CHECK_MS = 200
"""Milliseconds between two looks whether the task shall stop, while the reader rests."""


class OutputPipe:
    """The writing end of a pipe; it is ours."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, data: bytes, check: Callable[[], None]) -> None:
        """Write all of `data`; `check` raises when the task shall stop. Raises Stopped where nobody reads any more."""
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
        """The reader sees the end."""
        os.close(self._descriptor)
