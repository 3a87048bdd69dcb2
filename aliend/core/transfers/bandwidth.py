"""Rate limiter for bandwidth: token buckets in a tree, all -> direction -> storage element -> job. Pure.

A throttled copy first moves a chunk and then owes it: it requests a grant, and continues when its debt and a lease for
the next quarter of a second are granted. The copy that has waited longest gets a grant as soon as none of its buckets
is in debt; the grant may put the buckets into debt, which time pays off. A copy returns unused bytes at its end. A
bucket saves at most a tenth of a second, so that no pause is followed by a burst. Bytes are counted on the wire: an
upload to two storage elements costs twice, once for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aliend.core.transfers.job import Direction

BURST = 0.1
"""Seconds of its rate that a bucket saves."""
LEASE = 0.25
"""Seconds of its share that a copy is granted in advance."""
_MIN_LEASE = 4096
"""Smallest lease in bytes."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rates:
    """Bandwidth limits in bytes per second (0: none): all, per direction, per storage element, by name (capitals)."""

    all: int = 0
    down: int = 0
    up: int = 0
    per_se: int = 0
    named: Mapping[str, int] = field(default_factory=dict)

    def rate_of(self, key: Key) -> int:
        """Return the rate of a bucket that does not belong to a job."""
        match key:
            case ("all", _):
                return self.all
            case ("way", way):
                return {"download": self.down, "upload": self.up}.get(way, 0)
            case (_, se):
                return self.named.get(se, self.per_se)


@dataclass(frozen=True, slots=True)
class Flow:
    """A copy: its direction, its storage elements, its job, and the rate limit of that job."""

    direction: Direction
    ses: tuple[str, ...]
    job: int = 0
    rate: int = 0

    def costs(self) -> dict[Key, int]:
        """Return the buckets of the copy, and how often each of its bytes counts there."""
        ses = {se.upper() for se in self.ses}
        often = max(1, len(ses))
        costs: dict[Key, int] = {("all", ""): often, ("way", self.direction): often}
        costs.update({("se", se): 1 for se in ses})
        if self.job:
            costs["job", str(self.job)] = often
        return costs


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: `balance` bytes at second `at` (negative: debt), growing by `rate` bytes per second."""

    rate: int
    balance: float
    at: float

    def moved_to(self, now: float) -> Bucket:
        """Return the bucket at a later time."""
        grown = self.balance + self.rate * max(0.0, now - self.at)
        return replace(self, balance=min(grown, self.rate * BURST), at=max(now, self.at))

    def at_rate(self, rate: int) -> Bucket:
        """Return the bucket with another rate; a debt takes as long to pay as before."""
        return replace(self, rate=rate, balance=min(self.balance * rate / self.rate, rate * BURST))


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission for copy `number` to move `size` bytes; `share` is the bytes per second that it can expect."""

    number: int
    size: int
    share: int


class RateLimiter:
    """The buckets in use and the copies that share them, by the caller's numbers; `now` in seconds of any clock."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._flows: dict[int, Flow] = {}
        self._buckets: dict[Key, Bucket] = {}
        self._users: dict[Key, int] = {}
        self._debts: dict[int, int] = {}

    @property
    def waiting(self) -> Mapping[int, Flow]:
        """Return the copies that wait for a grant."""
        return {number: self._flows[number] for number in self._debts}

    def add(self, number: int, flow: Flow, now: float) -> None:
        """Add a copy."""
        self._flows[number] = flow
        for key in flow.costs():
            self._users[key] = self._users.get(key, 0) + 1
        self._open(flow, now)

    def remove(self, number: int, unused: int, now: float) -> None:
        """Remove a copy; `unused` granted bytes are returned."""
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
        """Change the storage elements of a copy."""
        flow = self._flows[number]
        self.remove(number, 0, now)
        self.add(number, replace(flow, ses=ses), now)

    def change_job(self, number: int, job: int, rate: int, now: float) -> None:
        """Assign a copy to another job; it must request again."""
        flow = self._flows[number]
        self.remove(number, 0, now)
        self.add(number, replace(flow, job=job, rate=rate), now)

    def change_rates(self, rates: Rates, now: float) -> None:
        """Change the rates; waiting copies must request again."""
        self._rates = rates
        self._debts.clear()
        self._apply(now)

    def change_job_rate(self, job: int, rate: int, now: float) -> None:
        """Change the rate of a job; waiting copies must request again."""
        self._flows = {n: replace(flow, rate=rate) if flow.job == job else flow for n, flow in self._flows.items()}
        self._debts.clear()
        self._apply(now)

    def share(self, number: int) -> int:
        """Return the bytes per second that a copy can expect; 0: it is not throttled."""
        flow = self._flows[number]
        shares = [
            bucket.rate / (often * self._users[key])
            for key, often in flow.costs().items()
            if (bucket := self._buckets.get(key))
        ]
        return max(1, int(min(shares))) if shares else 0

    def request(self, number: int, debt: int) -> None:
        """Request a grant for a copy that has moved `debt` bytes more than it was granted."""
        if number in self._flows:
            self._debts.setdefault(number, debt)

    def is_waiting(self, number: int) -> bool:
        """Return whether a copy waits for a grant."""
        return number in self._debts

    def grants(self, now: float) -> list[Grant]:
        """Grant what is possible now."""
        granted = []
        for number, debt in tuple(self._debts.items()):
            flow = self._flows[number]
            if self._seconds_until_grant(flow, now) > 0:
                continue
            share = self.share(number)
            size = debt + max(_MIN_LEASE, int(share * LEASE))
            self._spend(flow, size, now)
            del self._debts[number]
            granted.append(Grant(number, size, share))
        return granted

    def next_grant(self, now: float) -> float | None:
        """Return the seconds until the next grant; None: no copy waits."""
        return min((self._seconds_until_grant(self._flows[number], now) for number in self._debts), default=None)

    def balance(self, key: Key, now: float) -> float:
        """Return the bytes of a bucket at `now`; 0 if it does not exist."""
        bucket = self._buckets.get(key)
        return bucket.moved_to(now).balance if bucket else 0.0

    def _seconds_until_grant(self, flow: Flow, now: float) -> float:
        """Return the seconds until no bucket of the copy is in debt."""
        used = [bucket.moved_to(now) for key in flow.costs() if (bucket := self._buckets.get(key))]
        return max((-bucket.balance / bucket.rate for bucket in used), default=0.0)

    def _spend(self, flow: Flow, size: int, now: float) -> None:
        for key, often in flow.costs().items():
            if bucket := self._buckets.get(key):
                moved = bucket.moved_to(now)
                self._buckets[key] = replace(moved, balance=moved.balance - size * often)

    def _apply(self, now: float) -> None:
        """Set every bucket to its current rate."""
        wanted = {key: self._rate(key, flow) for flow in self._flows.values() for key in flow.costs()}
        self._buckets = {
            key: bucket.moved_to(now).at_rate(wanted[key])
            for key, bucket in self._buckets.items()
            if wanted.get(key, 0)
        }
        for flow in self._flows.values():
            self._open(flow, now)

    def _open(self, flow: Flow, now: float) -> None:
        """Create missing buckets of the copy, empty."""
        for key in flow.costs():
            rate = self._rate(key, flow)
            if rate and key not in self._buckets:
                self._buckets[key] = Bucket(rate, 0.0, now)

    def _rate(self, key: Key, flow: Flow) -> int:
        return flow.rate if key[0] == "job" else self._rates.rate_of(key)
