"""Throttles the tasks of all worker processes: applies the rate limiter of `aliend.core.transfers.bandwidth`.

That module decides; this one has the clock, the timer and the callbacks of the tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aliend.core.transfers.bandwidth import Flow, RateLimiter, Rates

_TIMER_SLACK = 0.002
"""Seconds by which a timer may fire late."""

AddCredit = Callable[[int, int], None]
SetRate = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ThrottledTask:
    """A task with its callbacks: `add_credit(size, share)` and, after a change of limits, `set_rate(share)`."""

    transfer: int
    add_credit: AddCredit
    set_rate: SetRate


class BandwidthGrants:
    """The bandwidth of all tasks of all worker processes."""

    def __init__(self) -> None:
        self._meter = RateLimiter(Rates())
        self._tasks: dict[int, ThrottledTask] = {}
        self._granted_at: dict[int, float] = {}
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def set_rates(self, rates: Rates) -> None:
        """Set the limits of all tasks, including running ones."""
        if self._tasks:
            self._meter.change_rates(rates, _now())
            self._update_rates()
        else:
            self._meter = RateLimiter(rates)

    def set_job_rate(self, job: int, rate: int) -> None:
        """Set the limit of a job's running tasks (bytes per second, 0: no limit)."""
        self._meter.change_job_rate(job, rate, _now())
        self._update_rates()

    def add(self, flow: Flow, task: ThrottledTask) -> int:
        """Add a task and return its number."""
        self._count += 1
        self._tasks[self._count] = task
        self._meter.add(self._count, flow, _now())
        return self._count

    def share(self, number: int) -> int:
        """Return the bytes per second that a task can expect; 0: it is not throttled."""
        return self._meter.share(number)

    def request(self, number: int, owed: int) -> None:
        """Request credit for a task that has moved `owed` bytes more than it was granted."""
        self._meter.request(number, owed)
        self._grant()

    def switch_source(self, number: int, se: str) -> None:
        """Switch a task to another storage element."""
        before = self._meter.share(number)
        self._meter.change_elements(number, (se,), _now())
        if self._meter.share(number) != before:
            self._tasks[number].set_rate(self._meter.share(number))
        self._grant()

    def reassign(self, transfer: int, job: int, rate: int) -> None:
        """Assign the tasks of a transfer to another job, which has this rate."""
        for number, task in self._tasks.items():
            if task.transfer == transfer:
                self._meter.change_job(number, job, rate, _now())
                task.set_rate(self._meter.share(number))
        self._grant()

    def remove(self, number: int, unused: int) -> None:
        """Remove a task that has ended with `unused` bytes of its credit left."""
        self._granted_at.pop(number, None)
        if self._tasks.pop(number, None):
            self._meter.remove(number, unused, _now())
            self._grant()

    def throttled_rates(self) -> dict[int, int]:
        """Return the throttled transfers with the bytes per second that each can expect."""
        shares = {task.transfer: self._meter.share(number) for number, task in self._tasks.items()}
        return {transfer: share for transfer, share in shares.items() if share}

    def seconds_since_wait(self) -> dict[int, float]:
        """Return the transfers that have waited for bandwidth, with the seconds since then (0: waiting now)."""
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
        """Grant what can be granted now, and set a timer for the next grant."""
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
