"""Which transfers start now. Pure: who runs and who could run are arguments.

The global limit comes first, then those of the directions, then each job's own. Jobs of a higher priority go first,
then those that somebody waits for at a terminal; those of one class share the bytes by deficit round robin (Shreedhar
and Varghese, 1995): a job's turn adds a quantum to what it may start, and it starts files while that lasts, so that a
job of many large files gives way to one small one at once. Each job's files go in their order. Two copies to one target
never run at the same time: the later one waits, and then finds the file there. A storage element is known only with the
ticket; its limit is held when the copy itself begins (`core.element`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aliend.core.transfers.job import Direction, JobSpec


@dataclass(frozen=True, slots=True)
class Limits:
    """How many files may run at a time: in all, on one storage element, each way (0: no limit of its own).

    `named` are storage elements (in capitals) with limits of their own. Unless `per_se` is `fixed` by the user, an
    element begins with it and may come to have all files, see `core.element`.
    """

    files: int = 8
    per_se: int = 4
    down: int = 0
    up: int = 0
    named: tuple[tuple[str, int], ...] = ()
    is_fixed: bool = False

    @property
    def background(self) -> int:
        """Files of jobs that nobody waits for; one slot is kept for those who do, so that they never wait for hours."""
        return self.files - 1 if self.files >= _RESERVE_FROM else self.files

    @property
    def max_waiting(self) -> int:
        """Files of a job that may wait for room on storage elements; the others are not begun before."""
        return max(_MIN_WAITING, self.files // 2)

    def initial_for_se(self, se: str) -> int:
        """Copies that a storage element has at first."""
        return dict(self.named).get(se.upper(), self.per_se)

    def max_for_se(self, se: str) -> int:
        """Copies that it may have at most."""
        return dict(self.named).get(se.upper(), self.per_se if self.is_fixed else max(self.per_se, self.files))

    def for_direction(self, direction: Direction) -> int:
        """The limit of a direction; where it has none, that of all files."""
        return {"download": self.down, "upload": self.up, "copy": 0}[direction] or self.files


_MIN_WAITING = 2
_RESERVE_FROM = 4
"""Files at a time from which one of them is kept for jobs that somebody waits for."""
QUANTUM = 1 << 20
"""Bytes that a job's turn is worth, and what a file costs at least: starting one costs time whatever its size."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transfer that may start.

    `parallel` is its job's own limit (0: none), `target` is unique to what it writes, `size` in bytes (0: unknown);
    somebody waits for an `interactive` one.
    """

    transfer: int
    job: int
    priority: int
    parallel: int
    target: str
    direction: Direction = "download"
    size: int = 0
    interactive: bool = False

    @property
    def cost(self) -> int:
        """Bytes that it counts for."""
        return max(self.size, QUANTUM)

    @property
    def rank(self) -> tuple[int, bool]:
        """Who has a lower one goes first."""
        return -self.priority, not self.interactive


@dataclass(frozen=True, slots=True)
class RoundRobin:
    """Whose turn it is, `job` (0: nobody's yet), and the bytes that each job with files to start may still start."""

    last_job: int = 0
    deficits: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Load:
    """What runs: files of each job, the targets written, files each way."""

    by_job: Mapping[int, int]
    targets: frozenset[str]
    by_direction: Mapping[str, int] = field(default_factory=dict)

    @property
    def running(self) -> int:
        """Files in all."""
        return sum(self.by_job.values())


def target_key(spec: JobSpec, target: str) -> str:
    """What tells the target of a copy from that of any other one."""
    return f"{spec.context.endpoint if spec.direction != 'download' else ''}:{target}"


def closed_directions(load: Load, limits: Limits) -> tuple[Direction, ...]:
    """The directions in which no more files may start."""
    ways: tuple[Direction, ...] = ("download", "upload", "copy")
    return tuple(way for way in ways if load.by_direction.get(way, 0) >= limits.for_direction(way))


def choose_transfers(
    candidates: Sequence[Candidate], load: Load, limits: Limits, turns: RoundRobin
) -> tuple[tuple[Candidate, ...], RoundRobin]:
    """The candidates that start now, in the order of their start, and the turns after them."""
    free = limits.files - load.running
    busy = set(load.targets)
    running = Counter(load.by_job)
    ways = Counter(load.by_direction)
    chosen: list[Candidate] = []
    waiting = list(candidates)
    while free > len(chosen):
        heads = _heads(
            one
            for one in waiting
            if (one.interactive or running.total() < limits.background)
            and ways[one.direction] < limits.for_direction(one.direction)
            and one.target not in busy
            and _may_run(one, running)
        )
        if not heads:
            break
        best, turns = _next(heads, turns)
        chosen.append(best)
        waiting.remove(best)
        busy.add(best.target)
        running[best.job] += 1
        ways[best.direction] += 1
    known = {one.job for one in candidates}
    return tuple(chosen), replace(turns, deficits={job: left for job, left in turns.deficits.items() if job in known})


def _heads(eligible: Iterable[Candidate]) -> dict[int, Candidate]:
    """The first file of each job of the class that goes first."""
    heads: dict[int, Candidate] = {}
    for one in sorted(eligible, key=lambda one: (one.rank, one.job)):
        if heads and one.rank != next(iter(heads.values())).rank:
            break
        heads.setdefault(one.job, one)
    return heads


def _next(heads: Mapping[int, Candidate], turns: RoundRobin) -> tuple[Candidate, RoundRobin]:
    """The next file by deficit round robin; jobs that have nothing to start lose what they saved."""
    left = {job: turns.deficits.get(job, 0) for job in heads}
    if turns.last_job in heads and left[turns.last_job] >= heads[turns.last_job].cost:
        return _served(heads[turns.last_job], left)
    ring = sorted(heads, key=lambda job: (job <= turns.last_job, job))
    # Rounds in which nobody has enough are taken at once: a file of a terabyte needs a million of them.
    rounds = min(-(-max(0, heads[job].cost - left[job]) // QUANTUM) for job in ring)
    if rounds > 1:
        left = {job: saved + (rounds - 1) * QUANTUM for job, saved in left.items()}
    for job in ring:
        left[job] += QUANTUM
        if left[job] >= heads[job].cost:
            return _served(heads[job], left)
    raise AssertionError("after these rounds one of them has enough")


def _served(one: Candidate, left: dict[int, int]) -> tuple[Candidate, RoundRobin]:
    return one, RoundRobin(one.job, {**left, one.job: left[one.job] - one.cost})


def _may_run(one: Candidate, running: Counter[int]) -> bool:
    return not one.parallel or running[one.job] < one.parallel
