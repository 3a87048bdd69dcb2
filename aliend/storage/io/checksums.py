"""Checksums of bytes as they pass: md5, and adler32 for the servers that have only that."""

from __future__ import annotations

import hashlib
import zlib
from concurrent.futures import Executor, Future

from aliend.errors import CopyError
from aliend.storage.io.checksum_query import stored_checksum
from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.tasks import ReplicaUrl

_HASH_IN_POOL_FROM = 1 << 20  # bytes from which hashing beside the copying thread is worth the hand-over


class Digests:
    """Running checksums of one file.

    Large chunks are hashed by `pool`, one at a time, while the copying thread writes the same or fetches the next: md5
    costs 1.4 s a GiB and the interpreter's lock is free meanwhile.
    """

    def __init__(self, pool: Executor, *, with_adler32: bool) -> None:
        self._pool = pool
        self._with_adler32 = with_adler32
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._adler32 = 1
        self._running: Future[None] | None = None

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._wait_for_hashing()
        if len(data) < _HASH_IN_POOL_FROM:
            self._add(data)
        else:
            self._running = self._pool.submit(self._add, data)

    @property
    def md5(self) -> str:
        """In lower case."""
        self._wait_for_hashing()
        return self._md5.hexdigest()

    def differs(self, algorithm: str, value: str) -> bool:
        """Whether a server's checksum (md5, or adler32 if it was asked for; hexadecimal) is not that of these bytes."""
        self._wait_for_hashing()
        ours = self._md5.hexdigest() if algorithm == "md5" else f"{self._adler32:08x}"
        return ours != value.lower().rjust(len(ours), "0")

    def _wait_for_hashing(self) -> None:
        """Wait for the hashing that runs; may be called by several threads once all bytes were given."""
        if running := self._running:
            running.result()
            self._running = None

    def _add(self, data: bytes) -> None:
        self._md5.update(data)
        if self._with_adler32:
            self._adler32 = zlib.adler32(data, self._adler32)


def verify_bytes(digests: Digests, md5: str, size: int, source: ReplicaUrl, completions: CompletionQueue) -> str:
    """Whether what came from `source` is the file: a warning about what could not be compared, or nothing.

    `md5` (empty: unknown) and `size` (bytes) are the catalogue's. CopyError `permanent` when the bytes are others.
    """
    if md5:
        if digests.md5 != md5:
            raise CopyError(f"the bytes have md5 {digests.md5}, the catalogue says {md5}", "permanent")
        return ""
    if "#" in source.url:
        return "the catalogue knows no md5: the archive's own CRC-32 was compared"
    if source.url.startswith("http"):
        return "the catalogue knows no md5: only the size was compared"
    algorithm, value = stored_checksum(completions, source, size)
    if not algorithm:
        return "neither the catalogue nor the storage has a checksum: only the size was compared"
    if digests.differs(algorithm, value):
        raise CopyError(f"the bytes do not have the storage's {algorithm} {value}", "permanent")
    return f"the catalogue knows no md5: the storage's {algorithm} was compared"
