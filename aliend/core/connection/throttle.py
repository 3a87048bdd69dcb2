"""The throttle points that the central service counts against a certificate, as far as this daemon causes them.

A login costs ten points, a command one, a logout one; every five minutes they are halved. Above a hundred points, the
service delays each command by one millisecond per excess point (wire specification, section 1.8). It also counts other
programs with the same certificate; those points are unknown here.
"""

from __future__ import annotations

from dataclasses import dataclass

LOGIN, COMMAND, LOGOUT = 10, 1, 1
THRESHOLD = 100
HALVING = 300.0


@dataclass(frozen=True, slots=True)
class ThrottlePoints:
    """`count` points at `since`, when they were last halved (seconds of any one clock)."""

    count: float = 0.0
    since: float = 0.0

    def at(self, now: float) -> ThrottlePoints:
        """Return the points at `now`."""
        periods = int(max(0.0, now - self.since) // HALVING)
        if not periods:
            return self
        return ThrottlePoints(self.count / 2.0 ** min(periods, 64), self.since + periods * HALVING)

    def plus(self, points: int, now: float) -> ThrottlePoints:
        """Return the points after adding `points` at `now`."""
        earlier = self.at(now)
        return ThrottlePoints(earlier.count + points, earlier.since)

    @property
    def delay(self) -> float:
        """Return the seconds by which the service delays each command."""
        return max(0.0, self.count - THRESHOLD) / 1000

    @property
    def allow_login(self) -> bool:
        """Return whether another login and its logout stay below the threshold."""
        return self.count + LOGIN + LOGOUT <= THRESHOLD
