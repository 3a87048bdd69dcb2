"""Hands out bandwidth to tasks: keeps the clock and the pipes for `core.bandwidth`, which decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aliend.core.transfers.bandwidth import Flow, RateLimiter, Rates

_MOMENT = 0.002
"""Seconds that a timer may be late."""

Grant = Callable[[int, int], None]
Pace = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Paced:
    """How a task hears of its bandwidth: `grant(size, share)` and, when limits change, `pace(share)`."""

    transfer: int
    grant: Grant
    pace: Pace


class Pacer:
    """The bandwidth of all tasks of all copying processes."""

    def __init__(self) -> None:
        self._meter = RateLimiter(Rates())
        self._tasks: dict[int, Paced] = {}
        self._granted: dict[int, float] = {}
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def set_rates(self, rates: Rates) -> None:
        """Other limits, at once."""
        if self._tasks:
            self._meter.change_rates(rates, _now())
            self._pace_all()
        else:
            self._meter = RateLimiter(rates)

    def set_job(self, job: int, rate: int) -> None:
        """Another limit of one job's tasks, at once."""
        self._meter.change_job_rate(job, rate, _now())
        self._pace_all()

    def join(self, flow: Flow, task: Paced) -> int:
        """A task begins; its number."""
        self._count += 1
        self._tasks[self._count] = task
        self._meter.add(self._count, flow, _now())
        return self._count

    def share(self, number: int) -> int:
        """Bytes per second that a task can expect; 0: it is not metered."""
        return self._meter.share(number)

    def want(self, number: int, owed: int) -> None:
        """A task has moved so many bytes more than it was granted."""
        self._meter.request(number, owed)
        self._serve()

    def turn(self, number: int, se: str) -> None:
        """A task goes on with another storage element."""
        before = self._meter.share(number)
        self._meter.change_elements(number, (se,), _now())
        if self._meter.share(number) != before:
            self._tasks[number].pace(self._meter.share(number))
        self._serve()

    def give(self, transfer: int, job: int, rate: int) -> None:
        """What is copied for a transfer belongs to another job, which has this rate."""
        for number, task in self._tasks.items():
            if task.transfer == transfer:
                self._meter.change_job(number, job, rate, _now())
                task.pace(self._meter.share(number))
        self._serve()

    def leave(self, number: int, unused: int) -> None:
        """A task has ended, with bytes that it was granted and did not move."""
        self._granted.pop(number, None)
        if self._tasks.pop(number, None):
            self._meter.remove(number, unused, _now())
            self._serve()

    def metered(self) -> dict[int, int]:
        """The transfers whose copies are metered, with the bytes per second that each can expect."""
        shares = {task.transfer: self._meter.share(number) for number, task in self._tasks.items()}
        return {transfer: share for transfer, share in shares.items() if share}

    def waited(self) -> dict[int, float]:
        """The transfers whose copies have waited for bandwidth, with the seconds since then (0: they wait)."""
        now = _now()
        return {
            task.transfer: 0.0 if self._meter.is_waiting(number) else now - self._granted[number]
            for number, task in self._tasks.items()
            if self._meter.is_waiting(number) or number in self._granted
        }

    def _pace_all(self) -> None:
        for number, task in self._tasks.items():
            task.pace(self._meter.share(number))
        self._serve()

    def _serve(self) -> None:
        """Grant what can be granted, and look again when the next one can."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        now = _now()
        for grant in self._meter.grants(now):
            self._granted[grant.number] = now
            self._tasks[grant.number].grant(grant.size, grant.share)
        pause = self._meter.next_grant(now)
        if pause is not None:
            self._timer = asyncio.get_running_loop().call_later(pause + _MOMENT, self._serve)


def _now() -> float:
    return asyncio.get_running_loop().time()
