"""Shares bandwidth among copies: token buckets in a tree, all -> direction -> storage element -> job. Pure.

A copy that is metered first moves a chunk, then owes it: it asks, and goes on when it was granted its debt and a lease
for the next quarter of a second. A grant is made as soon as no bucket of the copy is in debt itself, to who has waited
longest; it may bring the buckets into debt, which time pays. What a copy has left at its end it gives back. A bucket
saves up a tenth of a second at most, so that no pause is followed by a burst. Bytes are those on the wire: an upload to
two storage elements costs twice, once for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aliend.core.transfers.job import Direction

BURST = 0.1
"""Seconds of its rate that a bucket saves up."""
LEASE = 0.25
"""Seconds of its share that a copy is granted in advance."""
_MIN_LEASE = 4096
"""Bytes of a lease at least."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rates:
    """Bytes per second (0: no limit): in all, each way, on each storage element, on those named (in capitals)."""

    all: int = 0
    down: int = 0
    up: int = 0
    per_se: int = 0
    named: Mapping[str, int] = field(default_factory=dict)

    def rate_of(self, key: Key) -> int:
        """The rate of a bucket that is no job's."""
        match key:
            case ("all", _):
                return self.all
            case ("way", way):
                return {"download": self.down, "upload": self.up}.get(way, 0)
            case (_, se):
                return self.named.get(se, self.per_se)


@dataclass(frozen=True, slots=True)
class Flow:
    """What a copy is: its direction, the storage elements that it touches, its job and the job's own rate."""

    direction: Direction
    ses: tuple[str, ...]
    job: int = 0
    rate: int = 0

    def costs(self) -> dict[Key, int]:
        """The buckets of it, and how often each of its bytes counts there."""
        ses = {se.upper() for se in self.ses}
        often = max(1, len(ses))
        costs: dict[Key, int] = {("all", ""): often, ("way", self.direction): often}
        costs.update({("se", se): 1 for se in ses})
        if self.job:
            costs["job", str(self.job)] = often
        return costs


@dataclass(frozen=True, slots=True)
class Bucket:
    """Bytes that may be spent (negative: that are owed) at second `at`, growing by `rate` a second."""

    rate: int
    balance: float
    at: float

    def moved_to(self, now: float) -> Bucket:
        """The bucket later."""
        grown = self.balance + self.rate * max(0.0, now - self.at)
        return replace(self, balance=min(grown, self.rate * BURST), at=max(now, self.at))

    def at_rate(self, rate: int) -> Bucket:
        """With another rate; a debt takes as long to pay as before."""
        return replace(self, rate=rate, balance=min(self.balance * rate / self.rate, rate * BURST))


@dataclass(frozen=True, slots=True)
class Grant:
    """A copy may move so many bytes; `share` is the bytes per second that it can expect."""

    number: int
    size: int
    share: int


class RateLimiter:
    """The buckets in use, and the copies that share them, by numbers of the caller's; `now` in seconds of any clock."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._flows: dict[int, Flow] = {}
        self._buckets: dict[Key, Bucket] = {}
        self._users: dict[Key, int] = {}
        self._debts: dict[int, int] = {}

    @property
    def flows(self) -> tuple[int, ...]:
        """The copies."""
        return tuple(self._flows)

    @property
    def waiting(self) -> Mapping[int, Flow]:
        """The copies that wait for a grant."""
        return {number: self._flows[number] for number in self._debts}

    def add(self, number: int, flow: Flow, now: float) -> None:
        """A copy begins."""
        self._flows[number] = flow
        for key in flow.costs():
            self._users[key] = self._users.get(key, 0) + 1
        self._open(flow, now)

    def remove(self, number: int, unused: int, now: float) -> None:
        """A copy has ended and gives back what it was granted and did not move."""
        flow = self._flows.pop(number, None)
        if flow is None:
            return
        self._debts.pop(number, None)
        self._spend(flow, -unused, now)
        for key in flow.costs():
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key]
        self._buckets = {
            key: bucket for key, bucket in self._buckets.items() if key in self._users or bucket.balance < 0
        }

    def change_elements(self, number: int, ses: tuple[str, ...], now: float) -> None:
        """A copy goes on with other storage elements."""
        flow = self._flows[number]
        self.remove(number, 0, now)
        self.add(number, replace(flow, ses=ses), now)

    def change_job(self, number: int, job: int, rate: int, now: float) -> None:
        """A copy belongs to another job from now on; it has to ask again."""
        flow = self._flows[number]
        self.remove(number, 0, now)
        self.add(number, replace(flow, job=job, rate=rate), now)

    def change_rates(self, rates: Rates, now: float) -> None:
        """Other rates from now on; whoever waits has to ask again."""
        self._rates = rates
        self._debts.clear()
        self._apply(now)

    def change_job_rate(self, job: int, rate: int, now: float) -> None:
        """Another rate of a job; whoever waits has to ask again."""
        self._flows = {n: replace(flow, rate=rate) if flow.job == job else flow for n, flow in self._flows.items()}
        self._debts.clear()
        self._apply(now)

    def share(self, number: int) -> int:
        """Bytes per second that a copy can expect; 0: it is not metered."""
        flow = self._flows[number]
        shares = [
            bucket.rate / (often * self._users[key])
            for key, often in flow.costs().items()
            if (bucket := self._buckets.get(key))
        ]
        return max(1, int(min(shares))) if shares else 0

    def request(self, number: int, debt: int) -> None:
        """A copy has moved `owed` bytes more than it was granted, and waits."""
        if number in self._flows:
            self._debts.setdefault(number, debt)

    def is_waiting(self, number: int) -> bool:
        """Whether a copy waits until it may go on."""
        return number in self._debts

    def grants(self, now: float) -> list[Grant]:
        """Who may go on now."""
        made = []
        for number, owed in tuple(self._debts.items()):
            flow = self._flows[number]
            if self._seconds_until_grant(flow, now) > 0:
                continue
            share = self.share(number)
            size = owed + max(_MIN_LEASE, int(share * LEASE))
            self._spend(flow, size, now)
            del self._debts[number]
            made.append(Grant(number, size, share))
        return made

    def next_grant(self, now: float) -> float | None:
        """Seconds until somebody may go on; None: nobody waits."""
        return min((self._seconds_until_grant(self._flows[number], now) for number in self._debts), default=None)

    def balance(self, key: Key, now: float) -> float:
        """Bytes that a bucket has at `now`; 0 where there is none."""
        bucket = self._buckets.get(key)
        return bucket.moved_to(now).balance if bucket else 0.0

    def _seconds_until_grant(self, flow: Flow, now: float) -> float:
        """Seconds until no bucket of it is in debt."""
        used = [bucket.moved_to(now) for key in flow.costs() if (bucket := self._buckets.get(key))]
        return max((-bucket.balance / bucket.rate for bucket in used), default=0.0)

    def _spend(self, flow: Flow, size: int, now: float) -> None:
        for key, often in flow.costs().items():
            if bucket := self._buckets.get(key):
                moved = bucket.moved_to(now)
                self._buckets[key] = replace(moved, balance=moved.balance - size * often)

    def _apply(self, now: float) -> None:
        """Bring every bucket to its present rate."""
        wanted = {key: self._rate(key, flow) for flow in self._flows.values() for key in flow.costs()}
        self._buckets = {
            key: bucket.moved_to(now).at_rate(wanted[key])
            for key, bucket in self._buckets.items()
            if wanted.get(key, 0)
        }
        for flow in self._flows.values():
            self._open(flow, now)

    def _open(self, flow: Flow, now: float) -> None:
        """The buckets that it needs and that are not there yet: empty."""
        for key in flow.costs():
            rate = self._rate(key, flow)
            if rate and key not in self._buckets:
                self._buckets[key] = Bucket(rate, 0.0, now)

    def _rate(self, key: Key, flow: Flow) -> int:
        return flow.rate if key[0] == "job" else self._rates.rate_of(key)
