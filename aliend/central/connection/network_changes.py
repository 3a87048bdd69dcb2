"""Detects a suspend of the machine, and a change of the local address of the route to the service."""

from __future__ import annotations

import socket
import time

_MIN_SUSPEND = 2.0
"""Seconds; a shorter suspend breaks no connection."""


class SuspendDetector:
    """Detects that the machine was suspended: one of two clocks continues during a suspend."""

    def __init__(self) -> None:
        self._before = self._slept()

    def has_suspended(self) -> bool:
        """Return whether the machine was suspended since the last call."""
        now = self._slept()
        slept, self._before = now - self._before, now
        return slept > _MIN_SUSPEND

    @staticmethod
    def _slept() -> float:
        boot = getattr(time, "CLOCK_BOOTTIME", None)
        return time.clock_gettime(boot) - time.monotonic() if boot is not None else 0.0


def route_changed(local: tuple[object, ...], remote: tuple[object, ...]) -> bool:
    """Return whether a new connection to `remote` would have another local address than `local`.

    Both are socket addresses. Only queries the kernel's routes: sends nothing.
    """
    family = socket.AF_INET6 if len(remote) > 2 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(remote)
            now: str = probe.getsockname()[0]
    except OSError:
        return True
    return now != local[0]
