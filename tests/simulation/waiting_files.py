"""The files that wait, as the queries of `aliend.store.scheduling_queries` present them: numbers, not objects."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice

from aliend.core.transfers.scheduler import BATCH_FILES, MAX_BATCHES, SMALL_FILE, Candidate
from aliend.core.transfers.transfer import Transfer, Waiting

_SPARE = 8
_MOST_JOBS = 64


@dataclass
class SimulatedJob:
    """A job of `files` files of `size` bytes, submitted at second `begins`; its transfers are `first` and following."""

    number: int
    files: int
    size: int
    priority: int = 0
    parallel: int = 0
    begins: float = 0.0
    first: int = 0
    next: int = 0
    due: dict[int, None] = field(default_factory=dict)
    unfinished: int = 0
    moved: float = 0.0

    def candidate(self, transfer: int, *, attempted: bool) -> Candidate:
        """Return a transfer of the job for the scheduler."""
        small = not self.parallel and self.size < SMALL_FILE and not attempted
        target = f":/data/{transfer}"
        return Candidate(
            transfer, self.number, self.priority, self.parallel, target, size=self.size, interactive=False, small=small
        )


class WaitingFiles:
    """All files of the jobs that do not run; those that were tried before are kept as values, the others as a range."""

    def __init__(self, jobs: list[SimulatedJob]) -> None:
        self.jobs = {job.number: job for job in jobs}
        self._tried: dict[int, Transfer] = {}
        self._pauses: list[tuple[float, int]] = []
        first = 1
        for job in jobs:
            job.first, job.unfinished = first, job.files
            first += job.files

    @property
    def next_due(self) -> float | None:
        """Return the second at which the next pause is over."""
        return self._pauses[0][0] if self._pauses else None

    def candidates(self, now: float, free: int, full: Collection[int], last_job: int) -> list[Candidate]:
        """Return the first files of each job that may start, the highest class first, after the last job first."""
        self._end_pauses(now)
        open_jobs = [job for job in self.jobs.values() if job.begins <= now and job.number not in full and _ready(job)]
        open_jobs.sort(key=lambda job: (-job.priority, job.number <= last_job, job.number))
        return [
            one for job in open_jobs[:_MOST_JOBS] for one in islice(_candidates(job), free + _SPARE + _batches(job))
        ]

    def take(self, candidate: Candidate) -> Transfer:
        """Remove a file that starts, and return it."""
        job = self.jobs[candidate.job]
        if candidate.transfer in self._tried:
            del job.due[candidate.transfer]
            return self._tried.pop(candidate.transfer)
        assert candidate.transfer == job.first + job.next
        job.next += 1
        return Transfer(candidate.transfer, job.number, "", candidate.target, size=job.size)

    def put_back(self, transfer: Transfer) -> None:
        """Add a file whose attempt ended without success."""
        self._tried[transfer.id] = transfer
        until = transfer.state.until if isinstance(transfer.state, Waiting) else 0.0
        heapq.heappush(self._pauses, (until, transfer.id))

    def end_pause(self, number: int) -> bool:
        """Make a file ready whose pause may last; return whether it was waiting."""
        if number not in self._tried:
            return False
        self.jobs[self._tried[number].job].due[number] = None
        return True

    def _end_pauses(self, now: float) -> None:
        while self._pauses and self._pauses[0][0] <= now:
            _, number = heapq.heappop(self._pauses)
            self.end_pause(number)


def _ready(job: SimulatedJob) -> bool:
    return job.next < job.files or bool(job.due)


def _batches(job: SimulatedJob) -> int:
    return MAX_BATCHES * BATCH_FILES if job.size < SMALL_FILE else 0


def _candidates(job: SimulatedJob) -> Iterator[Candidate]:
    """Yield fresh files first, as the database's index has them."""
    for number in range(job.first + job.next, job.first + job.files):
        yield job.candidate(number, attempted=False)
    for number in job.due:
        yield job.candidate(number, attempted=True)
