"""Where the bytes of new replicas come from: what `replicas` needs to know of it, and the local file.

A file of the catalogue as the origin of new replicas: from server to server, or else through this machine.

What passes here lies in the spool, under the number of its transfer, until the transfer has ended; the md5 of the
catalogue is compared when it has come and again when it goes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

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


class Origin(Protocol):
    """A file, wherever it is: its name for people, bytes, md5 (empty: not known before), what it is read from."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def md5(self) -> str:
        """In lower case; empty: not known before the file was read."""

    @property
    def ses(self) -> frozenset[str]:
        """The storage elements that it is read from."""

    async def content_md5(self, attempt: Attempt) -> str:
        """The md5, computed now where it was not known; empty: nobody can tell."""

    async def send(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Uploaded:
        """Bring it to all targets, each compared on its storage. Raises CopyError."""

    async def md5_if_there(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> str:
        """The md5 where all targets have it already, whole; nothing is sent. Empty otherwise. Raises CopyError."""


@dataclass(frozen=True, slots=True)
class LocalOrigin:
    """The local file as it was looked at: size in bytes, modification in POSIX nanoseconds."""

    path: str
    size: int
    modified_ns: int
    md5: str = ""
    ses: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Its path."""
        return self.path

    async def content_md5(self, attempt: Attempt) -> str:
        """Of what it holds now."""
        return (await attempt.workers.run(Checksum(attempt.transfer.id, self.path), lambda _: None)).md5

    async def send(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Uploaded:
        """Read it once for all targets."""
        return await attempt.copy(self._task(attempt, targets))

    async def md5_if_there(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> str:
        """It is read only where there is something of its size."""
        return md5_of_all(await attempt.copy(replace(self._task(attempt, targets), only_compare=True)))

    def _task(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Upload:
        return Upload(
            attempt.transfer.id, self.path, targets, self.size, self.modified_ns, tuning=tuning_of(attempt.spec)
        )


def md5_of_all(result: Uploaded) -> str:
    """The md5 of what has come to all targets; empty when one of them does not have it."""
    return "" if any(outcome.error for outcome in result.replicas) else result.md5


log = logging.getLogger(__name__)

_PRIVATE = 0o077
_SMALL = 1 << 20
"""Bytes below which a file goes through this machine first. Servers need 2.5 s among themselves for whatever size, as
their library looks so seldom; through here 1 KiB needs 0.01 s, and 1 MiB 0.1 s, or 1.7 s on a line of 10 Mbit/s."""


@dataclass(frozen=True, slots=True)
class GridOrigin:
    """The file `lfn` with its replicas, the best first; `md5` is that of the catalogue (empty: unknown)."""

    lfn: str
    size: int
    md5: str
    sources: tuple[ReplicaUrl, ...]

    @classmethod
    async def look_up(cls, attempt: Attempt, lfn: str) -> GridOrigin:
        """The file with the right to read it. Raises CopyError, ServiceError."""
        tickets = await attempt.catalogue.access_read(lfn)
        if not tickets:
            raise CopyError(f"{lfn} has no replica that may be read", kind="permanent")
        return cls(lfn, tickets[0].size, tickets[0].md5, replica_urls(tickets))

    @property
    def name(self) -> str:
        """Its LFN."""
        return self.lfn

    @property
    def ses(self) -> frozenset[str]:
        """The storage element that is tried first."""
        return frozenset({self.sources[0].se})

    @property
    def is_member(self) -> bool:
        """Whether it lies inside an archive."""
        return bool(member_of(self.sources[0].url))

    async def content_md5(self, attempt: Attempt) -> str:
        """That of the catalogue."""
        return self.md5

    async def send(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Uploaded:
        """From server to server where both can, and the rest through this machine; small files the other way round."""
        done: dict[str, ReplicaOutcome] = {}
        md5, failure = self.md5, None
        for way in self._ways():
            rest = tuple(target for target in targets if target.se not in done or done[target.se].error)
            try:
                sent = await way(attempt, rest) if rest else Uploaded(self.size, "", ())
            except CopyError as error:
                # a process that died leaves what it had begun in the place of these tickets' replicas
                if isinstance(error, WorkerDied) or error.kind not in ("transient", "local"):
                    raise
                failure = error
                continue
            md5 = sent.md5 or md5
            for outcome in sent.replicas:
                if outcome.error:
                    log.info("transfer %d: %s: %s", attempt.transfer.id, outcome.se, outcome.error)
                if not outcome.error or way == self._relay:
                    done[outcome.se] = outcome
        if failure and any(target.se not in done for target in targets):
            raise failure
        return Uploaded(self.size, md5, tuple(done[target.se] for target in targets))

    def _ways(self) -> Sequence[Callable[[Attempt, tuple[ReplicaUrl, ...]], Awaitable[Uploaded]]]:
        """How the bytes may move, the best way first."""
        if not self.md5 or self.is_member:
            return (self._relay,)
        return (self._relay, self._among_servers) if self.size < _SMALL else (self._among_servers, self._relay)

    async def _among_servers(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Uploaded:
        """Those of the targets that can fetch it from a source."""
        pairs, sources = attempt.gate.pairs, [source.se for source in self.sources]
        apart = pairs.apart(sources, [target.se for target in targets])
        able = tuple(target for target in targets if any((se, target.se) not in apart for se in sources))
        if not able:
            return Uploaded(self.size, "", ())
        task = ThirdParty(attempt.transfer.id, self.sources, able, self.size, self.md5, blocked_pairs=apart)
        sent = await attempt.copy(task)
        for outcome in sent.replicas:
            for stranger in outcome.unreachable_sources:
                pairs.part(stranger, outcome.se)
        return sent

    async def md5_if_there(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> str:
        """By what the servers compute, or else with what lies in the spool."""
        if self.md5 and not self.is_member:
            task = ThirdParty(attempt.transfer.id, self.sources, targets, self.size, self.md5, only_compare=True)
            if md5 := md5_of_all(await attempt.copy(task)):
                return md5
        path = await asyncio.to_thread(attempt.spool.place, attempt.transfer.id)
        if not await asyncio.to_thread(path.exists):
            return ""
        seen = await asyncio.to_thread(path.stat)
        local = LocalOrigin(str(path), seen.st_size, seen.st_mtime_ns)
        return await local.md5_if_there(attempt, targets) if local.size == self.size else ""

    async def _relay(self, attempt: Attempt, targets: tuple[ReplicaUrl, ...]) -> Uploaded:
        """Into the spool and out of it; the half of the progress each."""
        path = await asyncio.to_thread(attempt.spool.place, attempt.transfer.id)
        incoming = Download(
            id=attempt.transfer.id,
            sources=self.sources,
            target=str(path),
            size=self.size,
            md5=self.md5,
            overwrite="always",
            umask=_PRIVATE,
            keep_free=attempt.keep_free,
        )
        came = await attempt.copy(incoming, lambda moved: attempt.progress(moved // 2))
        seen = await asyncio.to_thread(path.stat)
        outgoing = Upload(attempt.transfer.id, str(path), targets, came.size, seen.st_mtime_ns)
        return await attempt.copy(outgoing, lambda moved: attempt.progress((self.size + moved) // 2))
