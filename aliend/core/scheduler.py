"""Which transfers start now. Pure: who runs and who could run are arguments.

The global limit comes first, then those of the directions, then each job's own; jobs of a higher priority go first,
those of one priority take turns (the turn goes on after the job that was served last), each job's files in their order.
Two copies to one target never run at the same time: the later one waits, and then finds the file there. A storage
element is known only with the ticket; its limit is held when the copy itself begins (`has_room`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aliend.core.job import Direction, JobSpec


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
    fixed: bool = False

    def of_se(self, se: str) -> int:
        """Copies that a storage element has at first."""
        return dict(self.named).get(se.upper(), self.per_se)

    def most_of_se(self, se: str) -> int:
        """Copies that it may have at most."""
        return dict(self.named).get(se.upper(), self.per_se if self.fixed else max(self.per_se, self.files))

    def of_direction(self, direction: Direction) -> int:
        """The limit of a direction; where it has none, that of all files."""
        return {"download": self.down, "upload": self.up, "copy": 0}[direction] or self.files


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transfer that may start. `parallel` is its job's own limit (0: none), `target` is unique to what it writes."""

    transfer: int
    job: int
    priority: int
    parallel: int
    target: str
    direction: Direction = "download"


@dataclass(frozen=True, slots=True)
class Load:
    """What runs: files of each job, the targets written, the job that was served last (0: none), files each way."""

    by_job: Mapping[int, int]
    targets: frozenset[str]
    last_job: int = 0
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
    return tuple(way for way in ways if load.by_direction.get(way, 0) >= limits.of_direction(way))


def choose(candidates: Sequence[Candidate], load: Load, limits: Limits) -> tuple[Candidate, ...]:
    """The candidates that start now, in the order of their start."""
    free = limits.files - load.running
    busy = set(load.targets)
    running = Counter(load.by_job)
    ways = Counter(load.by_direction)
    chosen: list[Candidate] = []
    last = load.last_job
    waiting = list(candidates)
    while free > len(chosen):
        open_ = [one for one in waiting if ways[one.direction] < limits.of_direction(one.direction)]
        eligible = [one for one in open_ if one.target not in busy and _may_run(one, running)]
        if not eligible:
            break
        best = min(eligible, key=lambda one: (-one.priority, one.job <= last, one.job, one.transfer))
        chosen.append(best)
        waiting.remove(best)
        busy.add(best.target)
        running[best.job] += 1
        ways[best.direction] += 1
        last = best.job
    return tuple(chosen)


def _may_run(one: Candidate, running: Counter[int]) -> bool:
    return not one.parallel or running[one.job] < one.parallel
