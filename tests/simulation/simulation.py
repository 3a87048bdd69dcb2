"""Runs the scheduler's pure core against a simulated cluster: one virtual second takes a fraction of a real one.

What the core decides is decided by the core: which transfers start (`choose_transfers`), what becomes of one
(`transfer.step`), and how many copies a storage element gets (`storage_element.step`). What the engine, the database
and the network do around it is modelled: a file gets its ticket at once, waits for its storage element and then for a
worker, and occupies the worker until its bytes have arrived. The engine looks every `TICK` for what may start.
"""

from __future__ import annotations

import heapq
import itertools
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aliend.core.transfers import storage_element, transfer
from aliend.core.transfers.scheduler import (
    SMALL_FILES_PER_COPY,
    Candidate,
    Limits,
    Load,
    RoundRobin,
    WaitingPlaces,
    choose_transfers,
)
from aliend.core.transfers.storage_element import StorageElement
from aliend.core.transfers.transfer import AttemptFailed, Started, Succeeded
from aliend.errors import ErrorKind
from tests.simulation.cluster import TOTAL_RATE, Attempt, Element
from tests.simulation.waiting_files import SimulatedJob, WaitingFiles

TICK = 0.01
"""Seconds between two looks of the engine: about what one transaction takes."""
SAMPLE = 5.0
"""Seconds between two samples, and between two measurements of the throughput, as in the engine."""
_BUSIEST, _SINGLE = 0.15, 0.2
"""Part of the files whose first replica is on element 0; part of the files with one replica."""
_FULL_PAUSE = 60.0
"""Seconds until a file that returned to the queue is tried again, unless its element has room earlier."""
_CONNECT = 5.0
"""Seconds until a copy notices that an element is away."""


@dataclass(frozen=True)
class Change:
    """At second `at`: that many workers exist, or element 0 is there or not."""

    at: float
    workers: int | None = None
    busiest_is_up: bool | None = None


@dataclass(frozen=True)
class Sample:
    """At second `at`: bytes per second and the costs started by each job since the last sample, copies and workers."""

    at: float
    rate: float
    started: Counter[int]
    copies: int
    workers: int
    jobs_with_files: frozenset[int]


@dataclass
class Figures:
    """What a run has shown; `decisions` are the real seconds of each call of `choose_transfers`, with its starts."""

    samples: list[Sample] = field(default_factory=list)
    decisions: list[tuple[float, int]] = field(default_factory=list)
    steps: int = 0
    step_seconds: float = 0.0
    done: int = 0
    failed: int = 0
    charged: int = 0
    lost: int = 0
    ends: dict[int, float] = field(default_factory=dict)
    lowest_rate: float = 0.0


class Simulation:
    """One run; `seed` decides where the replicas are."""

    def __init__(
        self, jobs: Sequence[SimulatedJob], workers: int, elements: int, changes: Sequence[Change] = (), seed: int = 1
    ) -> None:
        self.figures = Figures()
        self.now = 0.0
        rate = TOTAL_RATE * workers / 1000
        other = (1 - _BUSIEST) / (elements - 1)
        self.elements = [Element(number, rate * (other if number else _BUSIEST)) for number in range(elements)]
        self._jobs = list(jobs)
        self._waiting = WaitingFiles(self._jobs)
        self._limits = Limits(files=workers)
        self._states = [StorageElement() for _ in self.elements]
        self._counts: Counter[int] = Counter()
        self._workers = workers
        self._chance = random.Random(seed)
        self._round_robin = RoundRobin()
        self._attempts: dict[int, Attempt] = {}
        self._for_element: list[deque[Attempt]] = [deque() for _ in self.elements]
        self._for_worker: deque[Attempt] = deque()
        self._copying: dict[int, Attempt] = {}
        self._slots: Counter[int] = Counter()
        self._queued: Counter[int] = Counter()
        self._places = WaitingPlaces()
        self._returned: list[deque[int]] = [deque() for _ in self.elements]
        self._batches: Counter[int] = Counter()
        self._targets: set[str] = set()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._wake_at = -1.0
        self._started: Counter[int] = Counter()
        self._delivered = [0.0] * elements
        for change in changes:
            self._at(change.at, lambda change=change: self._change(change))  # type: ignore[misc]
        for job in jobs:
            self._at(job.begins, self._wake)
        self._at(SAMPLE, self._sample)

    def run(self, limit: float) -> Figures:
        """Run until every file has ended, at most `limit` virtual seconds."""
        while self._events and self.now < limit and any(job.unfinished for job in self._jobs):
            self.now, _, act = heapq.heappop(self._events)
            act()
        return self.figures

    def _at(self, second: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (max(second, self.now), next(self._numbers), act))

    def _wake(self) -> None:
        """Let the engine look for what may start, once in a tick."""
        if self._wake_at <= self.now:
            self._wake_at = self.now + TICK
            self._at(self._wake_at, self._start)

    def _start(self) -> None:
        while not self._is_full():
            running = sum(self._slots.values())
            free = min(self._limits.files - running, 64)
            candidates = self._waiting.candidates(self.now, free, self._full_jobs(), self._round_robin.last_job)
            load = Load(dict(self._slots), frozenset(self._targets), {"download": running}, dict(self._batches))
            begin = time.process_time()
            chosen, self._round_robin = choose_transfers(candidates, load, self._limits, self._round_robin)
            self.figures.decisions.append((time.process_time() - begin, len(chosen)))
            if not chosen:
                break
            for _, group in itertools.groupby(chosen, key=lambda one: one.batch or -one.transfer):
                self._begin(list(group))
        if (due := self._waiting.next_due) is not None:
            self._at(due, self._wake)

    def _is_full(self) -> bool:
        waiting = sum(self._queued.values())
        return (
            waiting >= 2 * self._limits.files
            or len(self._for_worker) >= self._limits.max_waiting
            or sum(self._slots.values()) >= self._limits.files
        )

    def _full_jobs(self) -> list[int]:
        return [
            job.number
            for job in self._jobs
            if 0 < job.parallel <= self._slots[job.number] + self._queued[job.number]
            or self._places.are_full(job.number, self._queued[job.number], self._limits)
        ]

    def _begin(self, group: list[Candidate]) -> None:
        """Start an attempt: choose its replica as the engine does, and let it wait for the storage element."""
        started = [self._step(self._waiting.take(one), Started()) for one in group]
        attempt = Attempt(group[0], started, sum(one.cost if len(group) == 1 else one.size for one in group))
        self._started[attempt.first.job] += sum(one.cost for one in group)
        self._targets.update(one.target for one in group)
        if len(group) > 1:
            self._batches[attempt.first.job] += 1
        job = attempt.first.job
        replicas = self._replicas(attempt.first.transfer)
        until = {se: storage_element.unavailable_until(self._states[se], self.now) for se in replicas}
        attempt.se = min(replicas, key=lambda se: (until[se] is not None, self._is_crowded(se, job)))
        if pause := until[attempt.se]:
            self._end(attempt, "resting", pause - self.now)
            return
        if self._has_capacity(attempt.se):
            self._places.record_room(job, self._limits, len(group) if self._queued[job] else 0)
        elif self._places.must_return(job, self._waiting_on(attempt.se, job), self._limits):
            self._returned[attempt.se].extend(one.transfer for one in group)
            self._end(attempt, "resting", _FULL_PAUSE)
            return
        self._queued[job] += 1
        self._for_element[attempt.se].append(attempt)
        self._admit(attempt.se)

    def _is_crowded(self, se: int, job: int) -> bool:
        return not self._has_capacity(se) and self._waiting_on(se, job) >= self._limits.max_waiting_per_se

    def _waiting_on(self, se: int, job: int) -> int:
        return sum(one.first.job == job for one in self._for_element[se])

    def _replicas(self, number: int) -> list[int]:
        """Return the elements that have a file, the best one first."""
        count, chance = len(self.elements), random.Random(number)
        first = 0 if chance.random() < _BUSIEST else chance.randrange(1, count)
        return [first] if chance.random() < _SINGLE else [first, (first + chance.randrange(1, count)) % count]

    def _admit(self, se: int) -> None:
        """Let waiting attempts use a storage element, as far as it and the slots have room."""
        waiting = self._for_element[se]
        if waiting and (until := storage_element.unavailable_until(self._states[se], self.now)) is not None:
            if not self._is_probing(se):
                for attempt in tuple(waiting):
                    self._leave_queue(attempt)
                    self._end(attempt, "resting", until - self.now)
                waiting.clear()
            return
        while waiting and sum(self._slots.values()) < self._limits.files and self._has_capacity(se):
            attempt = waiting.popleft()
            self._leave_queue(attempt)
            self._step_element(se, storage_element.CopyStarted())
            self._counts[se] += _share(attempt)
            if self._is_short_of_workers():
                self._queued[attempt.first.job] += 1
                self._for_worker.append(attempt)
            else:
                self._copy(attempt)

    def _is_probing(self, se: int) -> bool:
        return isinstance(self._states[se].state, storage_element.Probing)

    def _has_capacity(self, se: int) -> bool:
        most = self._limits.max_for_se(f"SE{se}")
        return storage_element.has_capacity(self._states[se], self._counts[se], most, self.now)

    def _is_short_of_workers(self) -> bool:
        return len(self._copying) >= self._workers

    def _leave_queue(self, attempt: Attempt) -> None:
        self._queued[attempt.first.job] -= 1

    def _copy(self, attempt: Attempt) -> None:
        self._slots[attempt.first.job] += 1
        self._copying[attempt.first.transfer] = attempt
        element = self.elements[attempt.se]
        if element.is_up:
            element.add(attempt, self.now)
            self._plan(element)
        else:
            self._at(self.now + _CONNECT, lambda: self._broken(attempt))

    def _plan(self, element: Element) -> None:
        if (end := element.next_end()) is not None:
            self._at(end, lambda: self._complete(element))

    def _complete(self, element: Element) -> None:
        found = element.complete(self.now)
        for attempt in found:
            self._release(attempt)
            self._step_element(attempt.se, storage_element.CopySucceeded())
            for one in attempt.transfers:
                self._step(one, Succeeded(one.size, ""))
                self._finish(one, is_done=True)
        if found:
            self._plan(element)
            self._refill(element.number)

    def _broken(self, attempt: Attempt) -> None:
        """End a copy that a storage element does not serve; the element gets the blame."""
        self._release(attempt)
        self._step_element(attempt.se, storage_element.CopyFailed("the connection was refused"))
        self._end(attempt, "storage", 0.0)
        self._refill(attempt.se)

    def _release(self, attempt: Attempt) -> None:
        """Return the slot, the place on the storage element and the worker of an attempt."""
        del self._copying[attempt.first.transfer]
        self._slots[attempt.first.job] -= 1
        self._counts[attempt.se] -= _share(attempt)
        if len(attempt.transfers) > 1:
            self._batches[attempt.first.job] -= 1
        self._targets.difference_update(one.target for one in attempt.transfers)
        self._step_element(attempt.se, storage_element.CopyEnded())
        returned = self._returned[attempt.se]
        while returned and not self._for_element[attempt.se]:
            if self._waiting.end_pause(returned.popleft()):
                break

    def _refill(self, se: int) -> None:
        """Use what has become free."""
        while self._for_worker and not self._is_short_of_workers():
            attempt = self._for_worker.popleft()
            self._leave_queue(attempt)
            self._copy(attempt)
        self._admit(se)
        self._wake()

    def _end(self, attempt: Attempt, kind: ErrorKind, pause: float) -> None:
        """End an attempt without success: what becomes of its files is the state machine's decision."""
        if attempt.first.transfer not in self._copying:
            self._targets.difference_update(one.target for one in attempt.transfers)
        failure = AttemptFailed(kind, "", max(1.0, pause), self._chance.random())
        for one in attempt.transfers:
            after = self._step(one, failure)
            self.figures.charged += after.failures > one.failures
            self.figures.lost += after.losses > one.losses
            if transfer.is_unfinished(after.state):
                self._waiting.put_back(after)
            else:
                self._finish(after, is_done=False)
        self._wake()

    def _finish(self, one: transfer.Transfer, *, is_done: bool) -> None:
        job = self._waiting.jobs[one.job]
        job.unfinished -= 1
        job.moved += one.size
        self.figures.done += is_done
        self.figures.failed += not is_done
        if not job.unfinished:
            self.figures.ends[job.number] = self.now

    def _step(self, one: transfer.Transfer, event: transfer.Event) -> transfer.Transfer:
        begin = time.process_time()
        after, _ = transfer.step(one, event, self.now)
        self.figures.step_seconds += time.process_time() - begin
        self.figures.steps += 1
        return after

    def _step_element(self, se: int, event: storage_element.Event) -> None:
        begin = time.process_time()
        self._states[se] = storage_element.step(self._states[se], event, self.now)
        self.figures.step_seconds += time.process_time() - begin
        self.figures.steps += 1

    def _change(self, change: Change) -> None:
        if change.workers is not None:
            self._workers = change.workers
            for attempt in list(self._copying.values())[change.workers :]:
                self.elements[attempt.se].remove(attempt, self.now)
                self._plan(self.elements[attempt.se])
                self._release(attempt)
                self._end(attempt, "lost", 0.0)
        if change.busiest_is_up is not None:
            element = self.elements[0]
            element.advance(self.now)
            element.is_up = change.busiest_is_up
            for attempt in () if element.is_up else tuple(element.copies):
                element.remove(attempt, self.now)
                self._broken(attempt)
            if element.is_up:
                self._step_element(0, storage_element.Reachable())
        for se in range(len(self.elements)):
            self._refill(se)

    def _sample(self) -> None:
        """Measure the throughput, for the report and for the storage elements."""
        total = 0.0
        for se, element in enumerate(self.elements):
            element.advance(self.now)
            speed = (element.delivered - self._delivered[se]) / SAMPLE
            self._delivered[se] = element.delivered
            total += speed
            if element.copies:
                most = self._limits.max_for_se(f"SE{se}")
                self._step_element(se, storage_element.ThroughputMeasured(speed, self._counts[se], most))
            self._admit(se)
        with_files = frozenset(job.number for job in self._jobs if job.begins <= self.now and job.next < job.files)
        self.figures.samples.append(
            Sample(self.now, total, self._started, len(self._copying), self._workers, with_files)
        )
        self._started = Counter()
        self._at(self.now + SAMPLE, self._sample)
        self._wake()


def _share(attempt: Attempt) -> int:
    """Return how many copies an attempt counts for on its storage element."""
    return -(-len(attempt.transfers) // SMALL_FILES_PER_COPY)
