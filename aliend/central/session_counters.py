"""What one session with a central service has counted: latency of commands, failures, and the measured throttle."""

from __future__ import annotations

from collections.abc import Mapping

from aliend.core.connection.throttle import THRESHOLD
from aliend.core.metrics.families import Durations, Family, Labels, Tally


class SessionCounters:
    """Counters of a session.

    The delay by the service's throttle is measured: what a command takes longer than it usually does without throttle.
    """

    def __init__(self) -> None:
        self._usual, self._throttled = Durations(), Durations()
        self._failures = Tally()
        self._delay = 0.0

    def record_answer(self, command: str, seconds: float, points: float) -> None:
        """Count an answer after so many seconds; `points` are those of the throttle before it."""
        if points <= THRESHOLD:
            self._usual.add(seconds, command)
            return
        self._throttled.add(seconds, command)
        if known := self._usual.values.get((command,)):
            self._delay += max(0.0, seconds - known[1] / known[0])

    def record_failure(self, error: Exception) -> None:
        """Count a command without a valid answer."""
        self._failures.add(type(error).__name__)

    def families(
        self, connection_waits: Mapping[Labels, tuple[int, float]], logins: int, points: float
    ) -> list[Family]:
        """Return the figures; `connection_waits` are the waits for a connection by kind of work."""
        latency = "Time from a command to its answer, with and without throttle."
        waits = "Time that a command waited for a connection."
        answers: dict[Labels, tuple[int, float]] = {("no",): _total(self._usual), ("yes",): _total(self._throttled)}
        return [
            Family("central_latency_seconds", "summary", latency, ("throttled",), answers, "seconds"),
            Family("central_wait_seconds", "summary", waits, ("work",), connection_waits, "seconds"),
            Family("central_failures", "counter", "Commands without an answer.", ("error",), self._failures.values),
            Family("central_logins", "counter", "Logins.", (), {(): logins}),
            Family("central_throttle_points", "gauge", "Throttle points of the certificate.", (), {(): points}),
            Family(
                "central_throttle_delay_seconds",
                "counter",
                "Measured delay of commands by the throttle.",
                (),
                {(): self._delay},
                "seconds",
            ),
        ]


def _total(durations: Durations) -> tuple[int, float]:
    values = durations.values.values()
    return sum(count for count, _ in values), sum(seconds for _, seconds in values)
