"""Hands out bandwidth to tasks: keeps the clock and the pipes for `core.bandwidth`, which decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aliend.core.transfers.bandwidth import Flow, RateLimiter, Rates

_TIMER_SLACK = 0.002
"""Seconds that a timer may be late."""

AddCredit = Callable[[int, int], None]
SetRate = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ThrottledTask:
    """How a task hears of its bandwidth: `grant(size, share)` and, when limits change, `pace(share)`."""

    transfer: int
    add_credit: AddCredit
    set_rate: SetRate


class BandwidthGrants:
    """The bandwidth of all tasks of all copying processes."""

    def __init__(self) -> None:
        self._meter = RateLimiter(Rates())
        self._tasks: dict[int, ThrottledTask] = {}
        self._granted_at: dict[int, float] = {}
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def set_rates(self, rates: Rates) -> None:
        """Other limits, at once."""
        if self._tasks:
            self._meter.change_rates(rates, _now())
            self._update_rates()
        else:
            self._meter = RateLimiter(rates)

    def set_job_rate(self, job: int, rate: int) -> None:
        """Another limit of one job's tasks, at once."""
        self._meter.change_job_rate(job, rate, _now())
        self._update_rates()

    def add(self, flow: Flow, task: ThrottledTask) -> int:
        """A task begins; its number."""
        self._count += 1
        self._tasks[self._count] = task
        self._meter.add(self._count, flow, _now())
        return self._count

    def share(self, number: int) -> int:
        """Bytes per second that a task can expect; 0: it is not metered."""
        return self._meter.share(number)

    def request(self, number: int, owed: int) -> None:
        """A task has moved so many bytes more than it was granted."""
        self._meter.request(number, owed)
        self._grant()

    def switch_source(self, number: int, se: str) -> None:
        """A task goes on with another storage element."""
        before = self._meter.share(number)
        self._meter.change_elements(number, (se,), _now())
        if self._meter.share(number) != before:
            self._tasks[number].set_rate(self._meter.share(number))
        self._grant()

    def reassign(self, transfer: int, job: int, rate: int) -> None:
        """What is copied for a transfer belongs to another job, which has this rate."""
        for number, task in self._tasks.items():
            if task.transfer == transfer:
                self._meter.change_job(number, job, rate, _now())
                task.set_rate(self._meter.share(number))
        self._grant()

    def remove(self, number: int, unused: int) -> None:
        """A task has ended, with bytes that it was granted and did not move."""
        self._granted_at.pop(number, None)
        if self._tasks.pop(number, None):
            self._meter.remove(number, unused, _now())
            self._grant()

    def throttled_rates(self) -> dict[int, int]:
        """The transfers whose copies are metered, with the bytes per second that each can expect."""
        shares = {task.transfer: self._meter.share(number) for number, task in self._tasks.items()}
        return {transfer: share for transfer, share in shares.items() if share}

    def seconds_since_wait(self) -> dict[int, float]:
        """The transfers whose copies have waited for bandwidth, with the seconds since then (0: they wait)."""
        now = _now()
        return {
            task.transfer: 0.0 if self._meter.is_waiting(number) else now - self._granted_at[number]
            for number, task in self._tasks.items()
            if self._meter.is_waiting(number) or number in self._granted_at
        }

    def _update_rates(self) -> None:
        for number, task in self._tasks.items():
            task.set_rate(self._meter.share(number))
        self._grant()

    def _grant(self) -> None:
        """Grant what can be granted, and look again when the next one can."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        now = _now()
        for grant in self._meter.grants(now):
            self._granted_at[grant.number] = now
            self._tasks[grant.number].add_credit(grant.size, grant.share)
        pause = self._meter.next_grant(now)
        if pause is not None:
            self._timer = asyncio.get_running_loop().call_later(pause + _TIMER_SLACK, self._grant)


def _now() -> float:
    return asyncio.get_running_loop().time()
