"""Resumes jobs that are on hold because of an obstacle on this machine (disk space, permissions) once it is removed.

Each check asks the file system only. An obstacle that cannot be observed there (a quota) counts as gone after a pause.
A job that meets its obstacle again and again is resumed less and less often.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aliend.core.transfers import backoff
from aliend.core.transfers.job import Job, JobSpec
from aliend.errors import CopyError, Obstacle
from aliend.storage.io import mounts
from aliend.storage.io.mounts import nearest_existing
from aliend.storage.io.partial_file import available_bytes
from aliend.store import Store

CHECK_INTERVAL = 5.0
"""Seconds between two checks."""
_ANSWER_LIMIT = 3.0
"""Seconds within which a file system must answer."""
_FIRST_PAUSE, _MAX_PAUSE = 10.0, 600.0
"""Seconds between two releases of the same job."""


@dataclass(frozen=True, slots=True)
class _ReleaseBackoff:
    """The releases of a job so far, and when the next one is allowed (POSIX seconds)."""

    releases: int = 0
    until: float = 0.0


class HeldJobs:
    """The jobs on hold. `clock` returns POSIX seconds."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._backoffs: dict[int, _ReleaseBackoff] = {}
        self._next: float | None = 0.0
        self._unanswered: set[int] = set()
        """The jobs whose file system has not answered a check."""

    def next_check(self) -> float | None:
        """Return when to call `releasable` (POSIX seconds); None: no job is on hold."""
        return self._next

    def schedule_check(self) -> None:
        """Schedule a check, because a job was put on hold."""
        self._next = self._clock() + CHECK_INTERVAL

    async def releasable(self) -> list[int]:
        """Return the jobs that may resume. Raises StoreError."""
        now = self._clock()
        if self._next is None or self._next > now:
            return []
        held = await self._store.held_jobs()
        self._next = now + CHECK_INTERVAL if held else None
        releasable = []
        for job in held:
            state = self._backoffs.get(job.id) or _ReleaseBackoff(0, now + (0 if _is_observable(job) else _FIRST_PAUSE))
            self._backoffs[job.id] = state
            if state.until <= now and job.obstacle and await self._check(job.id, job.spec, job.obstacle):
                pause = backoff.ceiling(state.releases + 1, _FIRST_PAUSE, _MAX_PAUSE)
                self._backoffs[job.id] = _ReleaseBackoff(state.releases + 1, now + pause)
                releasable.append(job.id)
        return releasable

    async def _check(self, job: int, spec: JobSpec, obstacle: Obstacle) -> bool:
        """Return whether the obstacle was removed; a file system that does not answer within seconds still has it.

        Each check has a thread of its own: on a dead network disk it never ends, and must block no other work.
        """
        if job in self._unanswered:
            return False
        self._unanswered.add(job)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()

        def answered(*, is_gone: bool) -> None:
            self._unanswered.discard(job)
            if not answer.done():
                answer.set_result(is_gone)

        def check() -> None:
            is_gone = _may_resume(spec, obstacle)
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(partial(answered, is_gone=is_gone))

        threading.Thread(target=check, daemon=True).start()
        await asyncio.wait([answer], timeout=_ANSWER_LIMIT)
        return answer.done() and answer.result()

    def reset_backoff(self, job: int) -> None:
        """Forget earlier releases of a job, because one of its files has arrived."""
        self._backoffs.pop(job, None)


def _may_resume(spec: JobSpec, obstacle: Obstacle) -> bool:
    """Return whether the obstacle was removed; a missing disk must be mounted again. Blocking."""
    if obstacle.kind == "scheduler":
        from aliend.storage.pool.scheduler_address import is_reachable  # most daemons have no cluster

        return is_reachable(obstacle.path)
    if obstacle.kind != "mount":
        return is_resolved(obstacle)
    try:
        mounts.require_recorded(obstacle.path, spec.file_systems)
    except CopyError:
        return False
    return True


def is_resolved(obstacle: Obstacle) -> bool:
    """Return whether the file system no longer shows the obstacle; what it cannot show counts as gone. Blocking."""
    path = nearest_existing(Path(obstacle.path))
    try:
        if obstacle.kind == "space":
            return available_bytes(os.statvfs(path)) >= obstacle.need
        if obstacle.kind == "permission":
            return os.access(path, os.W_OK | (os.X_OK if path.is_dir() else 0))
        if obstacle.kind == "reading":
            return os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0))
    except OSError:
        return False
    return True


def _is_observable(job: Job) -> bool:
    return job.obstacle is not None and job.obstacle.kind != "other"
