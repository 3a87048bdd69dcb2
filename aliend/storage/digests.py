"""Checksums of bytes as they pass: md5, and adler32 for the servers that have only that."""

from __future__ import annotations

import hashlib
import zlib
from concurrent.futures import Executor, Future

_ALONG = 1 << 20  # bytes from which hashing beside the copying thread is worth the hand-over


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
        self._settle()
        if len(data) < _ALONG:
            self._add(data)
        else:
            self._running = self._pool.submit(self._add, data)

    @property
    def md5(self) -> str:
        """In lower case."""
        self._settle()
        return self._md5.hexdigest()

    def differs(self, algorithm: str, value: str) -> bool:
        """Whether a server's checksum (md5, or adler32 if it was asked for; hexadecimal) is not that of these bytes."""
        ours = self.md5 if algorithm == "md5" else f"{self._adler32:08x}"
        return ours != value.lower().rjust(len(ours), "0")

    def _settle(self) -> None:
        if self._running:
            self._running.result()
            self._running = None

    def _add(self, data: bytes) -> None:
        self._md5.update(data)
        if self._with_adler32:
            self._adler32 = zlib.adler32(data, self._adler32)
