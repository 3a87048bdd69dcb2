"""What the engine needs from other packages, as protocols: the catalogue of one context, and the worker processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aliend.core.catalogue.entries import Entry, Member, Replica, Ticket
from aliend.core.connection.context import Context
from aliend.core.grid.mirror_replies import MirrorState, QueuedMirror
from aliend.core.grid.quotas import FileQuota
from aliend.core.transfers.bandwidth import Rates
from aliend.store import Store

if TYPE_CHECKING:
    from aliend.storage.tasks import R, Task, TaskOptions


class CataloguePort(Protocol):
    """Typed operations on absolute LFNs; they raise the errors of `aliend.errors`."""

    def expect_commands(self, count: int, /) -> None:
        """Announce the probable number of further commands."""

    async def stat(self, lfns: Sequence[str], /) -> tuple[list[Entry], list[str]]:
        """Return the entries that exist, and the names that do not."""

    async def members(self, lfns: Sequence[str], /) -> dict[str, Member]:
        """Return the files that are members of an archive, by LFN."""

    def find_files(
        self, directory: str, /, *, pattern: str = "*", options: Sequence[str] = (), quick: bool = False
    ) -> AsyncGenerator[list[Entry], None]:
        """Return all files below a directory in batches; the service applies `pattern` and `options` only roughly."""

    async def whereis(self, lfn: str, /) -> list[Replica]:
        """Return the replicas of a file."""

    async def access_read(
        self, lfn: str, storage: str = "", /, *, strict: bool = False, http: bool = False
    ) -> list[Ticket]:
        """Return tickets for reading, the best replica first.

        `storage` names storage elements to prefer, with `strict` the only ones to use; `http` asks for replicas that
        can be read over HTTP.
        """

    async def access_write(self, lfn: str, size: int, md5: str, storage: str, /) -> list[Ticket]:
        """Return tickets that allow to write one replica each."""

    async def commit(self, ticket: Ticket, size: int, lfn: str, md5: str, /) -> None:
        """Register a written replica."""

    async def mirror(self, lfn: str, storage: str, /) -> tuple[Sequence[QueuedMirror], str]:
        """Ask the service for more replicas; return what it queued, and its message."""

    async def mirror_state(self, number: int, /) -> MirrorState:
        """Return the state of one of these copies."""

    async def whoami(self) -> tuple[str, str]:
        """Return the account's name and home directory."""

    async def file_quota(self, user: str, /) -> FileQuota:
        """Return the file quota of an account. Raises ServiceError if it has none."""

    async def touch(self, lfn: str, /) -> None:
        """Create an entry without content, and its parent directories."""

    async def remove(self, lfn: str, /) -> None:
        """Remove a file."""

    async def remove_all(self, lfns: Sequence[str], /) -> None:
        """Remove files; the caller must check which ones are gone."""

    async def move(self, source: str, target: str, /) -> None:
        """Rename a file; the target must not exist."""


class RunnerPort(Protocol):
    """Runs tasks in worker processes; cancelling `run` stops the task."""

    async def run(self, task: Task[R], on_progress: Callable[[int], None]) -> R:
        """Run one task and return its result; `on_progress` receives the bytes so far."""


class BandwidthPort(Protocol):
    """The bandwidth that the tasks of all worker processes share."""

    def set_rates(self, rates: Rates) -> None:
        """Set the limits of all tasks."""

    def set_job_rate(self, job: int, rate: int) -> None:
        """Set the limit of a job's running tasks (bytes per second, 0: no limit)."""

    def reassign(self, transfer: int, job: int, rate: int) -> None:
        """Assign the tasks of a transfer to another job, which has this rate."""

    def throttled_rates(self) -> dict[int, int]:
        """Return the throttled transfers with the bytes per second that each can expect."""

    def seconds_since_wait(self) -> dict[int, float]:
        """Return the transfers that have waited for bandwidth, with the seconds since then (0: waiting now)."""


class WorkersPort(RunnerPort, Protocol):
    """All worker processes and their bandwidth."""

    @property
    def bandwidth(self) -> BandwidthPort:
        """Return the bandwidth that the tasks share."""

    def with_options(self, options: TaskOptions) -> RunnerPort:
        """Return the worker processes for tasks with these options."""

    def reserve_slot(self, options: TaskOptions, on_wait: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Return a block that begins when a worker has a free slot; `on_wait` is called if none has one now.

        `options` are those of its tasks. Raises CopyError if no worker can be reached.
        """

    async def start_batch(
        self, tasks: Sequence[Task[R]], window: Mapping[str, int], options: Sequence[TaskOptions]
    ) -> list[asyncio.Task[R]]:
        """Start small files, at most `window[se]` of them on a storage element at a time; see `WorkerPool`."""


CatalogueOf = Callable[[Context], CataloguePort]


@dataclass(frozen=True, slots=True)
class EngineContext:
    """What all parts of the engine share.

    `clock` returns POSIX seconds, `random` a uniform number in [0, 1). `wake` makes the scheduler look for work; call
    it after every change that may allow a transfer to start. Background tasks run in `tasks`.
    """

    store: Store
    workers: WorkersPort
    catalogue_of: CatalogueOf
    clock: Callable[[], float]
    random: Callable[[], float]
    wake: Callable[[], None]
    tasks: asyncio.TaskGroup
