"""Checksums of bytes as they pass: md5, and adler32 for the servers that have only that."""

from __future__ import annotations

import hashlib
import zlib


class Digests:
    """Running checksums of one file."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._adler32 = 1

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._md5.update(data)
        self._adler32 = zlib.adler32(data, self._adler32)

    @property
    def md5(self) -> str:
        """In lower case."""
        return self._md5.hexdigest()

    def differs(self, algorithm: str, value: str) -> bool:
        """Whether a server's checksum (md5 or adler32, hexadecimal) is not that of these bytes."""
        ours = self.md5 if algorithm == "md5" else f"{self._adler32:08x}"
        return ours != value.lower().rjust(len(ours), "0")
