"""What the machine knows about a sudden change: it slept, or the way to the service starts at another address now."""

from __future__ import annotations

import socket
import time

_MIN_SUSPEND = 2.0
"""Seconds; a shorter sleep breaks no connection."""


class SuspendDetector:
    """Notices that the machine was suspended: one of two clocks goes on during sleep."""

    def __init__(self) -> None:
        self._before = self._slept()

    def has_suspended(self) -> bool:
        """Whether the machine was suspended since the last question."""
        now = self._slept()
        slept, self._before = now - self._before, now
        return slept > _MIN_SUSPEND

    @staticmethod
    def _slept() -> float:
        boot = getattr(time, "CLOCK_BOOTTIME", None)
        return time.clock_gettime(boot) - time.monotonic() if boot is not None else 0.0


def route_changed(local: tuple[object, ...], remote: tuple[object, ...]) -> bool:
    """Whether a new connection to `remote` would not start at the address of the old one, `local`.

    Both as a socket tells them. Asks the kernel for its route only: nothing is sent.
    """
    family = socket.AF_INET6 if len(remote) > 2 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(remote)
            now: str = probe.getsockname()[0]
    except OSError:
        return True
    return now != local[0]
