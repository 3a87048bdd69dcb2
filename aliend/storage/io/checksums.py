"""Computes checksums of a stream: md5, and adler32 for servers that have nothing else. Verifies downloaded bytes."""

from __future__ import annotations

import hashlib
import zlib
from concurrent.futures import Executor, Future

from aliend.core.catalogue.replica_url import is_http, member_of
from aliend.errors import WrongContent
from aliend.storage.io.checksum_query import stored_checksum
from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.tasks import ReplicaUrl

_HASH_IN_POOL_FROM = 1 << 20  # bytes; smaller chunks are hashed in the copying thread


class Digests:
    """Running checksums of one file.

    `pool` hashes large chunks, one at a time, while the copying thread writes the chunk or reads the next: md5 takes
    1.4 s per GiB and releases the interpreter's lock.
    """

    def __init__(self, pool: Executor, *, with_adler32: bool) -> None:
        self._pool = pool
        self._with_adler32 = with_adler32
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._adler32 = 1
        self._running: Future[None] | None = None

    def update(self, data: bytes) -> None:
        """Add the next bytes."""
        self._wait_for_hashing()
        if len(data) < _HASH_IN_POOL_FROM:
            self._add(data)
        else:
            self._running = self._pool.submit(self._add, data)

    @property
    def md5(self) -> str:
        """Return the md5 in lower case."""
        self._wait_for_hashing()
        return self._md5.hexdigest()

    def differs(self, algorithm: str, value: str) -> bool:
        """Return whether a server's checksum (hexadecimal md5, or adler32 if enabled) differs from ours."""
        self._wait_for_hashing()
        ours = self._md5.hexdigest() if algorithm == "md5" else f"{self._adler32:08x}"
        return ours != value.lower().rjust(len(ours), "0")

    def _wait_for_hashing(self) -> None:
        """Wait for the pool; several threads may call this once all bytes were added."""
        if running := self._running:
            running.result()
            self._running = None

    def _add(self, data: bytes) -> None:
        self._md5.update(data)
        if self._with_adler32:
            self._adler32 = zlib.adler32(data, self._adler32)


def verify_bytes(digests: Digests, md5: str, size: int, source: ReplicaUrl, completions: CompletionQueue) -> str:
    """Verify the bytes read from `source`. Return a warning about what could not be compared, or an empty text.

    `md5` (empty: unknown) and `size` (bytes) are the catalogue's. Raises CopyError `permanent` if the bytes differ.
    """
    if md5:
        if digests.md5 != md5:
            raise WrongContent(f"wrong content: md5 is {digests.md5}, the catalogue has {md5}")
        return ""
    if member_of(source.url):
        return "the catalogue has no md5; compared the archive's CRC-32 instead"
    if is_http(source.url):
        return "the catalogue has no md5; compared only the size"
    algorithm, value = stored_checksum(completions, source, size)
    if not algorithm:
        return "neither the catalogue nor the storage has a checksum; compared only the size"
    if digests.differs(algorithm, value):
        raise WrongContent(f"wrong content: {algorithm} differs from the storage's {value}")
    return f"the catalogue has no md5; compared the storage's {algorithm} instead"
