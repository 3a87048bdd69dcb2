"""What the engine needs of its neighbours, as protocols: the catalogue of one context, and the copying processes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol, overload

from aliend.core.catalogue.entries import Entry, Member, Replica, Ticket
from aliend.core.connection.context import Context
from aliend.core.grid.mirror_replies import Queued, State
from aliend.core.transfers.bandwidth import Rates
from aliend.storage.tasks import (
    Checksum,
    Checksummed,
    Compare,
    Compared,
    Download,
    Downloaded,
    Listed,
    ListMembers,
    RemovePartial,
    TaskOptions,
    ThirdParty,
    Upload,
    Uploaded,
)


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

    async def mirror(self, lfn: str, storage: str, /) -> tuple[Sequence[Queued], str]:
        """Have the service make more replicas: what it queued, and what it said."""

    async def mirror_state(self, number: int, /) -> State:
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
    """Runs copies in other processes; cancelling `run` stops the copy."""

    @overload
    async def run(self, task: Download, on_progress: Callable[[int], None]) -> Downloaded: ...
    @overload
    async def run(self, task: Upload | ThirdParty, on_progress: Callable[[int], None]) -> Uploaded: ...
    @overload
    async def run(self, task: Checksum | RemovePartial, on_progress: Callable[[int], None]) -> Checksummed: ...
    @overload
    async def run(self, task: ListMembers, on_progress: Callable[[int], None]) -> Listed: ...
    @overload
    async def run(self, task: Compare, on_progress: Callable[[int], None]) -> Compared: ...


class WorkersPort(RunnerPort, Protocol):
    """All copying processes, and the bandwidth that their tasks share."""

    def of(self, terms: TaskOptions) -> RunnerPort:
        """The same for tasks with these terms."""

    def set_rates(self, rates: Rates) -> None:
        """Limit the bandwidth."""

    def set_job_rate(self, job: int, rate: int) -> None:
        """Limit that of one job's running tasks."""

    def give(self, transfer: int, job: int, rate: int) -> None:
        """What is copied for a transfer belongs to another job."""

    def metered(self) -> dict[int, int]:
        """Transfers with limited bandwidth, and what each can expect."""

    def waited(self) -> dict[int, float]:
        """The transfers whose copies have waited for bandwidth, with the seconds since then (0: they wait)."""


CatalogueOf = Callable[[Context], CataloguePort]
