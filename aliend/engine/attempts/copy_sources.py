"""Sources of new replicas: a local file, or a file of the catalogue.

A file of the catalogue is copied from server to server, or else relayed through this machine. A relayed file stays in
the spool, under the number of its transfer, until the transfer has ended; its md5 is compared with the catalogue's
after the download and again during the upload.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from aliend.core.catalogue.entries import Ticket
from aliend.core.catalogue.replica_url import member_of
from aliend.engine.attempts.attempt import Attempt, tuning_of
from aliend.errors import CopyError
from aliend.storage.tasks import (
    Checksum,
    Download,
    ReplicaOutcome,
    ReplicaUrl,
    ThirdParty,
    Upload,
    Uploaded,
    WorkerDied,
    replica_urls,
)


class CopySource(Protocol):
    """The source of new replicas."""

    @property
    def name(self) -> str:
        """Return its name for messages."""

    @property
    def size(self) -> int:
        """Return its size in bytes."""

    @property
    def md5(self) -> str:
        """Return its md5 in lower case; empty: unknown until the file has been read."""

    @property
    def ses(self) -> frozenset[str]:
        """Return the storage elements that it is read from."""

    async def content_md5(self, attempt: Attempt) -> str:
        """Return the md5, computed now if it was not known; empty: unknown."""

    async def copy_to(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Uploaded:
        """Copy it to all targets, each verified on its storage. Raises CopyError."""

    async def verify_existing(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> str:
        """Return the md5 if all targets have it completely; nothing is sent. Empty otherwise. Raises CopyError."""


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A local file as it was: size in bytes, times of modification and status change in POSIX nanoseconds."""

    path: str
    size: int
    modified_ns: int
    changed_ns: int
    md5: str = ""
    ses: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Return its path."""
        return self.path

    async def content_md5(self, attempt: Attempt) -> str:
        """Compute the md5 of its current content."""
        return (await attempt.tools.workers.run(Checksum(attempt.transfer.id, self.path), lambda _: None)).md5

    async def copy_to(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Uploaded:
        """Read it once for all targets."""
        return await attempt.copy(self.upload_task(attempt, targets))

    async def verify_existing(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> str:
        """Read it only if a target has its size."""
        return common_md5(await attempt.copy(replace(self.upload_task(attempt, targets), only_compare=True)))

    def upload_task(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Upload:
        """Return the task that sends it to all targets."""
        seen = (self.size, self.modified_ns, self.changed_ns)
        return Upload(attempt.transfer.id, self.path, targets, *seen, tuning=tuning_of(attempt.spec))


def common_md5(result: Uploaded) -> str:
    """Return the md5 of the file that has arrived at all targets; empty if one of them does not have it."""
    return "" if any(outcome.error for outcome in result.replicas) else result.md5


log = logging.getLogger(__name__)

_PRIVATE_UMASK = 0o077
_RELAY_BELOW = 1 << 20
"""Bytes below which relaying is tried first.

A third-party copy takes 2.5 s whatever the size, because the servers' library polls so rarely; relaying 1 KiB takes
0.01 s, and 1 MiB 0.1 s, or 1.7 s on a connection of 10 Mbit/s.
"""


@dataclass(frozen=True, slots=True)
class GridSource:
    """The file `lfn` with its replicas, the best one first; `md5` is the catalogue's (empty: unknown)."""

    lfn: str
    size: int
    md5: str
    sources: tuple[ReplicaUrl, ...]

    @classmethod
    async def look_up(cls, attempt: Attempt, lfn: str) -> GridSource:
        """Request tickets for reading the file. Raises CopyError, ServiceError."""
        return cls.of_tickets(lfn, await attempt.tools.catalogue.access_read(lfn))

    @classmethod
    def of_tickets(cls, lfn: str, tickets: Sequence[Ticket]) -> GridSource:
        """Return the source to be read with these tickets. Raises CopyError if there are none."""
        if not tickets:
            raise CopyError(f"{lfn} has no readable replica", kind="permanent").with_errno(errno.ENOENT)
        return cls(lfn, tickets[0].size, tickets[0].md5, replica_urls(tickets))

    @property
    def name(self) -> str:
        """Return its LFN."""
        return self.lfn

    @property
    def ses(self) -> frozenset[str]:
        """Return the storage element that is tried first."""
        return frozenset({self.sources[0].se})

    @property
    def is_member(self) -> bool:
        """Return whether it is a member of an archive."""
        return bool(member_of(self.sources[0].url))

    async def content_md5(self, attempt: Attempt) -> str:
        """Return the catalogue's md5."""
        return self.md5

    async def copy_to(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Uploaded:
        """Use third-party copies where the servers can, and relay the rest; for small files the other way round."""
        done: dict[str, ReplicaOutcome] = {}
        md5, failure = self.md5, None
        for method in self._methods():
            rest = tuple(target for target in targets if target.se not in done or done[target.se].error)
            try:
                result = await method(attempt, rest) if rest else Uploaded(self.size, "", ())
            except CopyError as error:
                # a worker that died leaves unfinished files under the names of these replicas
                if isinstance(error, WorkerDied) or error.kind not in ("transient", "local"):
                    raise
                failure = error
                continue
            md5 = result.md5 or md5
            for outcome in result.replicas:
                if outcome.error:
                    log.info("%s", outcome.error, extra=attempt.facts(se=outcome.se))
                if not outcome.error or method == self._relay:
                    done[outcome.se] = outcome
        if failure and any(target.se not in done for target in targets):
            raise failure
        return Uploaded(self.size, md5, tuple(done[target.se] for target in targets))

    def _methods(self) -> Sequence[Callable[[Attempt, tuple[ReplicaUrl, ...]], Awaitable[Uploaded]]]:
        """Return the copy methods, the best one first."""
        if not self.md5 or self.is_member:
            return (self._relay,)
        return (self._relay, self._third_party) if self.size < _RELAY_BELOW else (self._third_party, self._relay)

    async def _third_party(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Uploaded:
        """Copy to the targets that can fetch the file from a source."""
        blocklist, sources = attempt.tools.limiter.blocklist, [source.se for source in self.sources]
        blocked = blocklist.blocked(sources, [target.se for target in targets])
        reachable = tuple(target for target in targets if any((se, target.se) not in blocked for se in sources))
        if not reachable:
            return Uploaded(self.size, "", ())
        task = ThirdParty(attempt.transfer.id, self.sources, reachable, self.size, self.md5, blocked_pairs=blocked)
        result = await attempt.copy(task)
        for outcome in result.replicas:
            for stranger in outcome.unreachable_sources:
                blocklist.block(stranger, outcome.se)
        return result

    async def verify_existing(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> str:
        """Compare with the servers' checksums, or else with the file in the spool."""
        if self.md5 and not self.is_member:
            task = ThirdParty(attempt.transfer.id, self.sources, targets, self.size, self.md5, only_compare=True)
            if md5 := common_md5(await attempt.copy(task)):
                return md5
        path = await asyncio.to_thread(attempt.tools.spool.path_of, attempt.transfer.id)
        if not await asyncio.to_thread(path.exists):
            return ""
        status = await asyncio.to_thread(path.stat)
        local = LocalSource(str(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return await local.verify_existing(attempt, targets) if local.size == self.size else ""

    async def _relay(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Uploaded:
        """Download to the spool and upload from there; each is half of the progress."""
        path = await asyncio.to_thread(attempt.tools.spool.path_of, attempt.transfer.id)
        incoming = Download(
            id=attempt.transfer.id,
            sources=self.sources,
            target=str(path),
            size=self.size,
            md5=self.md5,
            overwrite="always",
            umask=_PRIVATE_UMASK,
            keep_free=attempt.tools.keep_free,
        )
        downloaded = await attempt.copy(incoming, lambda moved: attempt.progress.record_bytes(moved // 2))
        status = await asyncio.to_thread(path.stat)
        seen = (downloaded.size, status.st_mtime_ns, status.st_ctime_ns)
        outgoing = Upload(attempt.transfer.id, str(path), targets, *seen)
        return await attempt.copy(outgoing, lambda moved: attempt.progress.record_bytes((self.size + moved) // 2))
