"""What the engine needs of its neighbours, as protocols: the catalogue of one context, and the worker processes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

from aliend.core.catalogue.entries import Entry, Member, Replica, Ticket
from aliend.core.connection.context import Context
from aliend.core.grid.mirror_replies import MirrorState, QueuedMirror
from aliend.core.transfers.bandwidth import Rates
from aliend.storage.tasks import R, Task, TaskOptions


class CataloguePort(Protocol):
    """Typed operations with absolute LFNs; they raise the errors of `aliend.errors`."""

    async def stat(self, lfns: Sequence[str], /) -> tuple[list[Entry], list[str]]:
        """Entries that exist, and the names that do not."""

    async def members(self, lfns: Sequence[str], /) -> dict[str, Member]:
        """Those of the files that lie in an archive, by LFN."""

    def find_files(
        self, directory: str, /, *, pattern: str = "*", options: Sequence[str] = (), quick: bool = False
    ) -> AsyncGenerator[list[Entry], None]:
        """All files below a directory, in batches; `pattern` and `options` narrow that loosely."""

    async def whereis(self, lfn: str, /) -> list[Replica]:
        """The replicas of a file."""

    async def access_read(
        self, lfn: str, storage: str = "", /, *, strict: bool = False, http: bool = False
    ) -> list[Ticket]:
        """Tickets for reading, the best replica first; `storage` names elements to prefer, with `strict` the only.

        With `http` those that can be read over HTTP.
        """

    async def access_write(self, lfn: str, size: int, md5: str, storage: str, /) -> list[Ticket]:
        """Tickets for writing one replica each."""

    async def commit(self, ticket: Ticket, size: int, lfn: str, md5: str, /) -> None:
        """Register a replica that was written."""

    async def mirror(self, lfn: str, storage: str, /) -> tuple[Sequence[QueuedMirror], str]:
        """Have the service make more replicas: what it queued, and what it said."""

    async def mirror_state(self, number: int, /) -> MirrorState:
        """How one of those copies stands."""

    async def touch(self, lfn: str, /) -> None:
        """Make an entry without content, and the directories above it."""

    async def remove(self, lfn: str, /) -> None:
        """Remove a file."""

    async def remove_all(self, lfns: Sequence[str], /) -> None:
        """Remove files; what becomes of each is to be looked at."""

    async def move(self, source: str, target: str, /) -> None:
        """Rename a file to a name that does not exist."""


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


CatalogueOf = Callable[[Context], CataloguePort]
