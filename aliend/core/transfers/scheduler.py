"""Decides which transfers start now. Pure: the running and the waiting transfers are arguments.

The global limit applies first, then those of the directions, then each job's own. Jobs of higher priority start first,
then those that somebody waits for at a terminal. Jobs of the same class share the bytes by deficit round robin
(Shreedhar and Varghese, 1995): each turn adds a quantum to what a job may start, and the job starts files while that
lasts, so that a job of many large files gives way to a small one at once. The files of a job start in their order. Two
copies to the same target never run at the same time: the later one waits and then finds the file. The storage element
is known only with the ticket; its limit applies when the copy itself starts (`core.transfers.storage_element`).

Small files of one job start as a batch, which uses one slot: a request, a transaction and a message to a worker then
serve many files. Each file pays its own cost in the round robin.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aliend.core.transfers.job import Direction, JobSpec


@dataclass(frozen=True, slots=True)
class Limits:
    """Files at a time: in all, on one storage element, in each direction (0: no limit of its own).

    `named` storage elements (in capitals) have their own limits. Unless the user set `per_se` (`is_fixed`), an element
    starts with it and may grow up to `files`, see `core.transfers.storage_element`.
    """

    files: int = 8
    per_se: int = 4
    down: int = 0
    up: int = 0
    named: tuple[tuple[str, int], ...] = ()
    is_fixed: bool = False

    @property
    def background(self) -> int:
        """Return the limit of background jobs; one slot is reserved for interactive ones."""
        return self.files - 1 if self.files >= _RESERVE_FROM else self.files

    @property
    def max_waiting(self) -> int:
        """Return how many files of a job may wait for storage elements; see `WaitingPlaces`."""
        return max(_MIN_WAITING, self.files // 2)

    @property
    def max_waiting_per_se(self) -> int:
        """Return how many files of a job may wait for one storage element while other files find room."""
        return max(_MIN_WAITING, self.files // 8)

    def initial_for_se(self, se: str) -> int:
        """Return the initial number of copies on a storage element."""
        return dict(self.named).get(se.upper(), self.per_se)

    def max_for_se(self, se: str) -> int:
        """Return the highest number of copies on a storage element."""
        return dict(self.named).get(se.upper(), self.per_se if self.is_fixed else max(self.per_se, self.files))

    def for_direction(self, direction: Direction) -> int:
        """Return the limit of a direction (without one: the limit of all files)."""
        return {"download": self.down, "upload": self.up, "copy": 0}[direction] or self.files

    @property
    def batch_directions(self) -> tuple[Direction, ...]:
        """Return the directions in which small files start in batches: none where the user limits single files."""
        if self.files < _BATCHES_FROM or self.is_fixed or self.named:
            return ()
        own: tuple[tuple[Direction, int], ...] = (("download", self.down), ("upload", self.up))
        return tuple(direction for direction, limit in own if not limit)


_MIN_WAITING = 2
_RESERVE_FROM = 4
"""Files at a time from which one slot is reserved for interactive jobs."""
QUANTUM = 1 << 20
"""Bytes of one turn, and the lowest cost of a file: starting one costs time whatever its size."""
SMALL_FILE = 1 << 20
"""Bytes; smaller files are copied in batches."""
BATCH_FILES = 32
"""Files in one batch."""
MAX_BATCHES = 3
"""Batches of one job at a time: one requests tickets while another copies and a third registers its files."""
SMALL_FILES_PER_COPY = 4
"""Small files of a batch that count as one copy on a storage element: most of their time is waiting for answers."""
_BATCHES_FROM = 8
"""Files at a time from which small files are copied in batches."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transfer that may start.

    `parallel` is its job's own limit (0: none), `target` is unique to what it writes, `size` is in bytes (0: unknown);
    somebody waits for an `interactive` one. A `small` one may start in a batch; `batch` is the first transfer of the
    batch in which it starts (0: it starts alone).
    """

    transfer: int
    job: int
    priority: int
    parallel: int
    target: str
    direction: Direction = "download"
    size: int = 0
    interactive: bool = False
    small: bool = False
    batch: int = 0

    @property
    def cost(self) -> int:
        """Return the bytes that it counts for."""
        return max(self.size, QUANTUM)

    @property
    def rank(self) -> tuple[int, bool]:
        """Return the rank; lower ones start first."""
        return -self.priority, not self.interactive


@dataclass(frozen=True, slots=True)
class RoundRobin:
    """The state of deficit round robin: the last job (0: none yet), and the bytes that each job may still start."""

    last_job: int = 0
    deficits: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Load:
    """The running transfers: slots used by each job, all targets, slots used in each direction, batches of each job."""

    by_job: Mapping[int, int]
    targets: frozenset[str]
    by_direction: Mapping[str, int] = field(default_factory=dict)
    batches: Mapping[int, int] = field(default_factory=dict)

    @property
    def running(self) -> int:
        """Return the number of files."""
        return sum(self.by_job.values())


class WaitingPlaces:
    """Decides how many files of a job wait for storage elements, and whether further ones return to the queue.

    The storage element of a file is known only after its ticket. If the element is full, the file waits; a few files of
    a job wait for each element, and further ones return to the queue. Otherwise the files of one slow element would
    take all places, and files for other elements would not start. A file that returns needs another ticket later: a
    job may return a file only for each file that has found room while others of the job waited. A job whose files are
    all on one element returns none.
    """

    def __init__(self) -> None:
        self._credit: Counter[int] = Counter()

    def record_room(self, job: int, limits: Limits, files: int = 1) -> None:
        """Record that so many files of a job have found room while others waited."""
        self._credit[job] = min(self._credit[job] + files, max(BATCH_FILES, limits.files))

    def must_return(self, job: int, waiting: int, limits: Limits) -> bool:
        """Return whether a file returns to the queue because `waiting` others of its job wait for its element."""
        if waiting < limits.max_waiting_per_se or self._credit[job] < 1:
            return False
        self._credit[job] -= 1
        return True

    def are_full(self, job: int, waiting: int, limits: Limits) -> bool:
        """Return whether a job of which `waiting` files wait may start no further file."""
        return waiting >= limits.max_waiting and self._credit[job] < 1

    def forget_others(self, jobs: Collection[int]) -> None:
        """Forget all other jobs."""
        self._credit = Counter({job: files for job, files in self._credit.items() if job in jobs})


def target_key(spec: JobSpec, target: str) -> str:
    """Return a key that identifies the target of a copy."""
    return f"{spec.context.endpoint if spec.direction != 'download' else ''}:{target}"


def closed_directions(load: Load, limits: Limits) -> tuple[Direction, ...]:
    """Return the directions in which no more files may start."""
    ways: tuple[Direction, ...] = ("download", "upload", "copy")
    return tuple(way for way in ways if load.by_direction.get(way, 0) >= limits.for_direction(way))


def choose_transfers(
    candidates: Sequence[Candidate], load: Load, limits: Limits, round_robin: RoundRobin
) -> tuple[tuple[Candidate, ...], RoundRobin]:
    """Return the candidates that start now, in order, and the round-robin state after them.

    All candidates of a job have the same rank and direction. A start costs time for each job, not for each candidate.
    """
    slots = _Slots(load, limits)
    chosen: list[Candidate] = []
    for queues in _by_class(candidates):
        while heads := slots.heads(queues):
            best, round_robin = _next(heads, round_robin)
            started, round_robin = _with_batch(best, queues[best.job], slots.busy, round_robin)
            chosen += started
            slots.take(best, is_batch=len(started) > 1)
    jobs = {candidate.job for candidate in candidates}
    return tuple(chosen), replace(
        round_robin, deficits={job: left for job, left in round_robin.deficits.items() if job in jobs}
    )


_Queues = dict[int, deque[Candidate]]
"""The candidates of each job of one class, in their order."""


class _Slots:
    """The slots in use while transfers are chosen. They only fill up: what cannot start now cannot start later."""

    def __init__(self, load: Load, limits: Limits) -> None:
        self.busy = set(load.targets)
        self._limits = limits
        self._running = load.running
        self._by_job = Counter(load.by_job)
        self._by_direction = Counter(load.by_direction)
        self._batches = Counter(load.batches)

    def heads(self, queues: _Queues) -> dict[int, Candidate]:
        """Return the first file of each job that may start; forget those before it, and jobs without one."""
        for job, queue in tuple(queues.items()):
            while queue and not self._may_start(queue[0]):
                queue.popleft()
            if not queue:
                del queues[job]
        return {job: queue[0] for job, queue in queues.items()}

    def take(self, best: Candidate, *, is_batch: bool) -> None:
        """Count a slot for a candidate, or for the batch that it begins."""
        self._running += 1
        self._by_job[best.job] += 1
        self._by_direction[best.direction] += 1
        self._batches[best.job] += is_batch

    def _may_start(self, candidate: Candidate) -> bool:
        limits = self._limits
        return (
            self._running < (limits.files if candidate.interactive else limits.background)
            and self._by_direction[candidate.direction] < limits.for_direction(candidate.direction)
            and candidate.target not in self.busy
            and not 0 < candidate.parallel <= self._by_job[candidate.job]
            and not (candidate.small and self._batches[candidate.job] >= MAX_BATCHES)
        )


def _by_class(candidates: Iterable[Candidate]) -> list[_Queues]:
    """Return the candidates by rank, the highest first."""
    classes: dict[tuple[int, bool], _Queues] = {}
    for candidate in candidates:
        classes.setdefault(candidate.rank, {}).setdefault(candidate.job, deque()).append(candidate)
    return [classes[rank] for rank in sorted(classes)]


def _with_batch(
    best: Candidate, queue: Iterable[Candidate], busy: set[str], round_robin: RoundRobin
) -> tuple[list[Candidate], RoundRobin]:
    """Return the chosen candidate with the small files that start with it, which pay too; add the targets to `busy`."""
    busy.add(best.target)
    batch = [best]
    for candidate in queue if best.small else ():
        if len(batch) == BATCH_FILES:
            break
        if candidate.small and candidate.target not in busy:
            busy.add(candidate.target)
            batch.append(candidate)
    if len(batch) == 1:
        return batch, round_robin
    paid = round_robin.deficits[best.job] - sum(candidate.cost for candidate in batch[1:])
    deficits = {**round_robin.deficits, best.job: paid}
    return [replace(candidate, batch=best.transfer) for candidate in batch], replace(round_robin, deficits=deficits)


def _next(heads: Mapping[int, Candidate], round_robin: RoundRobin) -> tuple[Candidate, RoundRobin]:
    """Return the next file by deficit round robin; jobs with nothing to start lose their savings."""
    deficits = {job: round_robin.deficits.get(job, 0) for job in heads}
    if round_robin.last_job in heads and deficits[round_robin.last_job] >= heads[round_robin.last_job].cost:
        return _served(heads[round_robin.last_job], deficits)
    ring = sorted(heads, key=lambda job: (job <= round_robin.last_job, job))
    # Skip rounds in which no job has enough: a file of a terabyte needs a million of them.
    rounds = min(-(-max(0, heads[job].cost - deficits[job]) // QUANTUM) for job in ring)
    if rounds > 1:
        deficits = {job: saved + (rounds - 1) * QUANTUM for job, saved in deficits.items()}
    for job in ring:
        deficits[job] += QUANTUM
        if deficits[job] >= heads[job].cost:
            return _served(heads[job], deficits)
    raise AssertionError("after these rounds one job has enough")


def _served(candidate: Candidate, deficits: dict[int, int]) -> tuple[Candidate, RoundRobin]:
    return candidate, RoundRobin(candidate.job, {**deficits, candidate.job: deficits[candidate.job] - candidate.cost})
