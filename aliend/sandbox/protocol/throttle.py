"""The throttle, which delays the commands of certificates with many requests (wire specification, section 1.8)."""

from __future__ import annotations

from collections import OrderedDict

LOGIN, COMMAND, LOGOUT = 10, 1, 1
"""The points that each event costs."""
_FREE_POINTS = 100
_HALVING_PERIOD = 300.0
_MAX_SUBJECTS = 1024
_MAX_DELAY = 10.0
"""Seconds; the real service has no limit."""
_EXEMPT = ("OU=alitrain,", "OU=alihyperloop,")


class Throttle:
    """The points of each certificate subject, which start at `initial_points`. Times are seconds."""

    def __init__(self, now: float, initial_points: float = 0.0) -> None:
        self._points: OrderedDict[str, float] = OrderedDict()
        self._initial_points = initial_points
        self._halved = now

    def count(self, subject: str, points: int) -> None:
        """Add points to a subject."""
        self._points[subject] = self._points.pop(subject, self._initial_points) + points
        if len(self._points) > _MAX_SUBJECTS:
            self._points.popitem(last=False)

    def delay(self, subject: str, now: float) -> float:
        """Return the delay of this subject's next command, in seconds."""
        while now - self._halved >= _HALVING_PERIOD:
            self._halved += _HALVING_PERIOD
            self._points = OrderedDict((name, points / 2) for name, points in self._points.items())
        if subject.startswith(_EXEMPT):
            return 0.0
        excess = self._points.get(subject, self._initial_points) - _FREE_POINTS
        return min(max(0.0, excess / 1000), _MAX_DELAY)
