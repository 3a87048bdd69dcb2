"""A batch of attempts at small files of one job: its members, and the stage that copies them.

A file that is unusual in any way leaves the batch: its attempt then continues in a task of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.transfer import Event
from aliend.engine.admission.running_attempts import RunningAttempt, RunningAttempts
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.attempts.attempt import Attempt
from aliend.engine.attempts.runner import AttemptRunner, Work
from aliend.engine.ports import EngineContext
from aliend.errors import AliendError, CopyError, NotConnected
from aliend.storage.tasks import LeftBatch, Result, Task
from aliend.store import TransferChange

_STALLED_AFTER = 1.5
"""Seconds without a result after which the copies that still run leave the batch."""
_STALLED_BESIDE_OTHERS = 0.5
"""The same, once other copies of the batch are complete: these wait for the next stage."""

_MAX_REQUESTS = 8
"""Requests of one batch at a time: the connections that bulk work may have."""


@dataclass(slots=True, eq=False)
class Member:
    """One attempt in a batch; `event` is what ended it, once it has ended."""

    running: RunningAttempt
    attempt: Attempt
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class BatchCopy:
    """The copy of one member, which uses the storage elements `ses`.

    `redo` copies the file alone; `finish` finishes the attempt after a copy that outlasted the batch.
    """

    member: Member
    task: Task[Any]
    ses: frozenset[str]
    redo: Work
    finish: Callable[[Any], Awaitable[Event]]


class Batch:
    """The members of one batch; a member ends in it, or leaves it and continues in a task of its own."""

    def __init__(
        self,
        context: EngineContext,
        attempts: AttemptRunner,
        running: RunningAttempts,
        limiter: StorageElementLimiter,
        members: Sequence[RunningAttempt],
    ) -> None:
        self.context = context
        self.limiter = limiter
        self._attempts = attempts
        self._running = running
        attempts.expect_commands(members[0])
        self.members = [Member(one, attempts.attempt_of(one)) for one in members]

    @property
    def remaining(self) -> list[Member]:
        """Return the members that have not ended and were not asked to stop."""
        return [member for member in self.members if member.event is None and not member.running.is_stopped]

    def wait_for_worker(self) -> None:
        """Record that all workers of the cluster are busy."""
        for member in self.members:
            member.running.progress.wait_for_worker()

    def use_worker(self) -> None:
        """Record that a worker of the cluster is free for the batch."""
        for member in self.members:
            member.running.progress.use_worker()

    def leave(self, member: Member, work: Work | None = None) -> None:
        """Continue the attempt with `work` (None: from its beginning) in its own task, unless it was asked to stop."""
        if member.running.is_stopped:
            return
        self.members.remove(member)
        self._attempts.run_alone(member.running, work)

    def fail(self, member: Member, error: Exception) -> None:
        """End an attempt with an error."""
        member.event = self._attempts.failure(member.running, error)

    async def request_each(self, members: Iterable[Member], work: Callable[[Member], Awaitable[None]]) -> None:
        """Send a request to the central service for each remaining member, over all available connections.

        An error ends the attempt; without a connection it ends all attempts.
        """
        waiting = iter(list(members))
        async with asyncio.TaskGroup() as group:
            for _ in range(_MAX_REQUESTS):
                group.create_task(self._request_in_turn(waiting, work))

    async def _request_in_turn(self, waiting: Iterator[Member], work: Callable[[Member], Awaitable[None]]) -> None:
        for member in waiting:
            if member.event or member.running.is_stopped:
                continue
            try:
                await work(member)
            except NotConnected as error:
                for one in self.remaining:
                    self.fail(one, error)
            except AliendError as error:
                self.fail(member, error)

    async def save(self, changes: Sequence[TransferChange]) -> None:
        """Save events of several members in one transaction; it is durable on return. Raises StoreError."""
        if changes:
            await self.context.store.change_each(changes)

    async def copy(self, copies: Sequence[BatchCopy], then: Stage) -> list[tuple[BatchCopy, Any]]:
        """Copy files in one worker process; return the copies that succeeded, with their results.

        A copied file enters the stage `then`.
        """
        while copies:
            try:
                return await self._copy_together(copies, then)
            except CopyError:  # no process can be started, or an element became unavailable
                copies = self._let_unavailable_leave(copies)
        return []

    async def _copy_together(self, copies: Sequence[BatchCopy], then: Stage) -> list[tuple[BatchCopy, Any]]:
        """Copy files as `copy`. Raises CopyError before the first copy has started."""
        self._enter(copies, Stage.SLOT)
        elements = {copy.member.running.transfer.id: copy.ses for copy in copies}
        async with self._running.acquire_batch(elements) as window:
            copies = self._let_leave(copies, lambda copy: copy.ses <= window.keys())
            self._enter(copies, Stage.COPY)
            tasks = [copy.task for copy in copies]
            options = [self._attempts.task_options(copy.member.running) for copy in copies]
            results = await self.context.workers.start_batch(tasks, window, options)
            return await self._collect(dict(zip(results, copies, strict=True)), then)

    def _let_unavailable_leave(self, copies: Sequence[BatchCopy]) -> list[BatchCopy]:
        """Remove files with an unavailable storage element from the batch (all files if none is); return the others."""
        unavailable = self.limiter.unavailable_until().keys()
        has_all = not any(copy.ses & unavailable for copy in copies)
        return self._let_leave(copies, lambda copy: not has_all and not copy.ses & unavailable)

    def _let_leave(self, copies: Sequence[BatchCopy], stays: Callable[[BatchCopy], bool]) -> list[BatchCopy]:
        """Let files continue alone, or end those that may not wait for their elements; return those that stay."""
        for copy in copies:
            if not stays(copy):
                self.wait_alone(copy.member, copy.ses, copy.redo)
        return [copy for copy in copies if stays(copy)]

    def wait_alone(self, member: Member, ses: frozenset[str], work: Work) -> None:
        """Let a file wait alone for elements that have no room, or end its attempt if it may not wait."""
        try:
            self._running.require_place(member.running.transfer.id, ses)
        except CopyError as error:
            self.fail(member, error)
        else:
            self.leave(member, work)

    def _enter(self, copies: Iterable[BatchCopy], stage: Stage) -> None:
        for copy in copies:
            copy.member.running.progress.enter_stage(stage, copy.ses)

    async def _collect(self, copies: dict[asyncio.Task[Result], BatchCopy], then: Stage) -> list[tuple[BatchCopy, Any]]:
        """Process the results as they arrive; stalled copies leave the batch."""
        copied: list[tuple[BatchCopy, Any]] = []
        try:
            while copies:
                limit = _STALLED_BESIDE_OTHERS if copied else _STALLED_AFTER
                done, _ = await asyncio.wait(copies, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                ended = [(copies.pop(result), result) for result in done]
                copied += [(copy, result.result()) for copy, result in ended if self._has_succeeded(copy, result, then)]
                self._touch(copies.values(), frozenset().union(*(copy.ses for copy, _ in ended)))
        except asyncio.CancelledError:
            for result in copies:
                result.cancel()
            if copies:
                await asyncio.wait(copies)
            raise
        for result, copy in copies.items():
            if copy.member.running.is_stopped:
                result.cancel()
            copy.member.running.outlasts_batch = True
            self.leave(copy.member, partial(self._outlast, copy, result))
        return copied

    def _has_succeeded(self, copy: BatchCopy, result: asyncio.Task[Result], then: Stage) -> bool:
        """Return whether a copy has succeeded; otherwise end its attempt, or let it leave."""
        progress = copy.member.running.progress
        error = result.exception()
        if error is None:
            progress.record_bytes(copy.member.running.transfer.size)
            progress.enter_stage(then)
            return True
        if isinstance(error, LeftBatch):
            self.leave(copy.member, copy.redo)
        elif isinstance(error, Exception):
            self.fail(copy.member, error)
        return False

    def _touch(self, copies: Iterable[BatchCopy], ses: frozenset[str]) -> None:
        """Record that storage elements work: files that wait there for others of the batch have not stalled."""
        for copy in copies:
            if copy.ses & ses:
                copy.member.running.progress.enter_stage(Stage.COPY)

    async def _outlast(self, copy: BatchCopy, result: asyncio.Task[Result], attempt: Attempt) -> Event:
        """Wait for a copy that continues after its batch, then finish its attempt."""
        try:
            with self.limiter.outlasting(attempt.transfer.id, copy.ses):
                copied = await result
        except LeftBatch:
            copy.member.running.outlasts_batch = False
            return await copy.redo(attempt)
        except asyncio.CancelledError:
            result.cancel()
            raise
        return await copy.finish(copied)
