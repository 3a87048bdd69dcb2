"""The points of each certificate: all sessions under one subject share them, as they do at the service."""

from __future__ import annotations

import time

from aliend.core.connection.throttle import Points


class Ledger:
    """Points by the subject of the certificate."""

    def __init__(self) -> None:
        self._points: dict[str, Points] = {}

    def spend(self, subject: str, points: int) -> None:
        """Note what the service counts against `subject`."""
        now = time.monotonic()
        self._points[subject] = self._points.get(subject, Points(0.0, now)).plus(points, now)

    def of(self, subject: str) -> Points:
        """What is counted against `subject` now."""
        return self._points.get(subject, Points()).at(time.monotonic())
