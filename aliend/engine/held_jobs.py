"""Looks after jobs that are held for something on this machine, and tells which may go on: room, or a right, is back.

A look costs a question to the file system. What cannot be seen from outside (a quota) is tried again after a pause;
a job whose obstacle seems gone and is met again is let go less and less often.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aliend.core.transfers.job import Job
from aliend.errors import Obstacle
from aliend.store import Store

CHECK_INTERVAL = 5.0
"""Seconds between two looks."""
_FIRST, _LONGEST = 10.0, 600.0
"""Seconds from a release to the next one of the same job, at first and at most."""


@dataclass(frozen=True, slots=True)
class _ReleaseBackoff:
    """How often a job was let go, and when it may be let go again (POSIX seconds)."""

    releases: int = 0
    until: float = 0.0


class HeldJobs:
    """The held jobs. `clock` gives POSIX seconds."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._backoffs: dict[int, _ReleaseBackoff] = {}
        self._next: float | None = 0.0

    def next_check(self) -> float | None:
        """When to look (POSIX seconds); None: nothing is held."""
        return self._next

    def schedule_check(self) -> None:
        """A job has been held."""
        self._next = self._clock() + CHECK_INTERVAL

    async def releasable(self) -> list[int]:
        """The jobs that may go on. Raises StoreError."""
        now = self._clock()
        if self._next is None or self._next > now:
            return []
        held = await self._store.held_jobs()
        self._next = now + CHECK_INTERVAL if held else None
        freed = []
        for job in held:
            patience = self._backoffs.get(job.id) or _ReleaseBackoff(0, now + (0 if _is_observable(job) else _FIRST))
            self._backoffs[job.id] = patience
            if patience.until <= now and job.obstacle and await asyncio.to_thread(is_resolved, job.obstacle):
                pause = min(_LONGEST, _FIRST * 2.0 ** min(patience.releases, 10))
                self._backoffs[job.id] = _ReleaseBackoff(patience.releases + 1, now + pause)
                freed.append(job.id)
        return freed

    def reset_backoff(self, job: int) -> None:
        """Something of the job went well: its next obstacle is a new one."""
        self._backoffs.pop(job, None)


def is_resolved(obstacle: Obstacle) -> bool:
    """Whether a file system no longer shows the obstacle; what it cannot show counts as gone. Blocking."""
    place = _existing(Path(obstacle.path))
    try:
        if obstacle.kind == "space":
            disk = os.statvfs(place)
            return disk.f_bavail * disk.f_frsize >= obstacle.need
        if obstacle.kind == "permission":
            return os.access(place, os.W_OK | (os.X_OK if place.is_dir() else 0))
        if obstacle.kind == "reading":
            return os.access(place, os.R_OK | (os.X_OK if place.is_dir() else 0))
    except OSError:
        return False
    return True


def _is_observable(job: Job) -> bool:
    return job.obstacle is not None and job.obstacle.kind != "other"


def _existing(path: Path) -> Path:
    """The path, or the nearest directory above it that there is."""
    for place in (path, *path.parents):
        try:
            place.lstat()
        except FileNotFoundError:
            continue
        except OSError:
            return place.parent
        return place
    return Path("/")
