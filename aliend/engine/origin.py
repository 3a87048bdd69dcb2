"""Where the bytes of new replicas come from: what `replicas` needs to know of it, and the local file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from aliend.engine.attempt import Attempt, tuning_of
from aliend.storage.tasks import Checksum, Source, Upload, Uploaded


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

    async def send(self, attempt: Attempt, targets: tuple[Source, ...]) -> Uploaded:
        """Bring it to all targets, each compared on its storage. Raises CopyError."""

    async def md5_if_there(self, attempt: Attempt, targets: tuple[Source, ...]) -> str:
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

    async def send(self, attempt: Attempt, targets: tuple[Source, ...]) -> Uploaded:
        """Read it once for all targets."""
        return await attempt.copy(self._task(attempt, targets))

    async def md5_if_there(self, attempt: Attempt, targets: tuple[Source, ...]) -> str:
        """It is read only where there is something of its size."""
        return md5_of_all(await attempt.copy(replace(self._task(attempt, targets), only_compare=True)))

    def _task(self, attempt: Attempt, targets: tuple[Source, ...]) -> Upload:
        return Upload(
            attempt.transfer.id, self.path, targets, self.size, self.modified_ns, tuning=tuning_of(attempt.spec)
        )


def md5_of_all(result: Uploaded) -> str:
    """The md5 of what has come to all targets; empty when one of them does not have it."""
    return "" if any(outcome.error for outcome in result.replicas) else result.md5
