"""Returns the memory of large replies to the system; the C library would keep it for later."""

from __future__ import annotations

import asyncio
import ctypes
import gc
from contextlib import suppress

LARGE = 8 << 20
"""Characters of a reply after which the memory is returned."""
_DELAY = 20.0
"""Seconds in which a command uses the reply."""


class FreedMemory:
    """Returns memory once, some time after the last large reply."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def record(self, size: int) -> None:
        """Record a reply of `size` characters."""
        if size >= LARGE:
            self._schedule()

    def record_lost(self) -> None:
        """Record a reply that was refused or lost, of which any part may have arrived."""
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_DELAY, return_memory)


def return_memory() -> None:
    """Return unused memory to the system, also that of texts in reference cycles, as refused replies leave them."""
    gc.collect()
    with suppress(OSError, AttributeError):  # only glibc has this function
        ctypes.CDLL(None).malloc_trim(0)
