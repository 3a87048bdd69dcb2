"""The points that the central service counts against a certificate, as far as this session causes them.

A login costs ten points, a command one, a logout one; every five minutes all are halved. Beyond a hundred, each command
is delayed by one millisecond for every point too many (wire specification, section 1.8). Other programs with the same
certificate count too; they are not known here.
"""

from __future__ import annotations

from dataclasses import dataclass

LOGIN, COMMAND, LOGOUT = 10, 1, 1
THRESHOLD = 100
HALVING = 300.0


@dataclass(frozen=True, slots=True)
class ThrottlePoints:
    """`count` points as of `since`, when they were last halved (seconds of any one clock)."""

    count: float = 0.0
    since: float = 0.0

    def at(self, now: float) -> ThrottlePoints:
        """The same at `now`."""
        periods = int(max(0.0, now - self.since) // HALVING)
        if not periods:
            return self
        return ThrottlePoints(self.count / 2.0 ** min(periods, 64), self.since + periods * HALVING)

    def plus(self, points: int, now: float) -> ThrottlePoints:
        """With `points` more, spent at `now`."""
        earlier = self.at(now)
        return ThrottlePoints(earlier.count + points, earlier.since)

    @property
    def delay(self) -> float:
        """Seconds by which the service delays each command."""
        return max(0.0, self.count - THRESHOLD) / 1000

    @property
    def allow_login(self) -> bool:
        """Whether one more login and its logout stay below the threshold."""
        return self.count + LOGIN + LOGOUT <= THRESHOLD
