"""An open file of `alien://`: reads ranges, with a block cache; writes into a temporary file, uploaded at `close`.

Only `close` stores a file, and not after an exception in the `with` block that writes it.
"""

from __future__ import annotations

import io
import sys
import tempfile
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import fsspec.asyn
from fsspec.spec import AbstractBufferedFile

if TYPE_CHECKING:
    from alienctl.fsspec.file_system import AlienFileSystem

_IN_MEMORY = 16 << 20
"""Bytes of a file being written that are kept in memory; more are written to the directory for temporary files."""


class AlienFile(AbstractBufferedFile):
    """One open file.

    A file opened for reading stays the same one: if it is replaced meanwhile, reading it returns the old content or is
    an error. A file opened for writing is stored by `close`: with all replicas if it returns, and nothing or fewer
    replicas, as the error says, if it raises.
    """

    fs: AlienFileSystem

    def __init__(self, fs: AlienFileSystem, path: str, mode: str, **options: Any) -> None:
        self._written: BinaryIO | None = None
        self._storage: str = options.pop("storage")
        self._may_replace = "x" not in mode
        self._handled = sys.exc_info()[1]
        """The exception that is handled while the file is opened; it does not end the block that writes the file."""
        super().__init__(fs, path, mode.replace("x", "w"), **options)

    def _fetch_range(self, start: int, end: int) -> bytes:
        """Return bytes for the cache."""
        guid = str(self.details.get("guid") or "")
        return cast("bytes", fsspec.asyn.sync(self.fs.loop, self.fs.read_pinned, self.path, start, end, guid))

    def _initiate_upload(self) -> None:
        spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `commit` or `discard`
        self._written = cast("BinaryIO", spool)

    def _upload_chunk(self, final: bool = False) -> bool:
        """Keep what was written; upload it at the end, unless a transaction does so."""
        if not self._written:
            self._initiate_upload()
        assert self._written
        self._written.write(self.buffer.getbuffer())
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        """Store the file. Raises GridError; then nothing or fewer replicas were stored."""
        written, self._written = self._written, None
        if not written:
            return
        with written:
            fsspec.asyn.sync(self.fs.loop, self.fs.write_from, self.path, written, self._may_replace, self._storage)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Close the file. After an error in the `with` block nothing is stored."""
        if kind and self.writable():
            self._abandon()
        self.close()

    def close(self) -> None:
        """Store the file, or end reading it. Raises GridError; then nothing or fewer replicas were stored.

        The layers above it (text, compression, `fsspec.open`, pandas) close it after an exception, too.
        """
        error = sys.exc_info()[1]
        if not self.closed and self.writable() and error and error is not self._handled and _ends_block():
            self._abandon()
            text = f"{self.path} was not stored: its with block ended with {type(error).__name__}"
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        super().close()

    def __del__(self) -> None:
        if not getattr(self, "closed", True) and self.writable():
            self._abandon()
            text = f"{self.path} was not closed, so it was not stored"
            warnings.warn(text, ResourceWarning, stacklevel=2, source=self)

    def _abandon(self) -> None:
        self.discard()
        self.closed = True

    def discard(self) -> None:
        """Forget what was written."""
        if self._written:
            self._written.close()
            self._written = None


class TextFile(io.TextIOWrapper):
    """A text file for writing. Its `__exit__` is a Python function, so that `AlienFile.close` finds it on the stack."""

    def __exit__(self, *_: object) -> None:
        self.close()


class CompressedFile(io.BufferedIOBase):
    """A compressed file for writing. Its `close` also closes the file below it, which fsspec leaves open."""

    def __init__(self, compression: Any, file: AlienFile) -> None:
        super().__init__()
        self._compression, self._file = compression, file

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Compress data; return its size."""
        return cast("int", self._compression.write(data))

    def flush(self) -> None:
        """Write what is compressed so far to the file below."""
        if not self._compression.closed:
            self._compression.flush()

    def close(self) -> None:
        """Store the file. Raises GridError; then nothing or fewer replicas were stored."""
        if self.closed:
            return
        try:
            self._compression.close()
            self._file.close()
        finally:
            super().close()

    def __exit__(self, *_: object) -> None:
        self.close()


def _ends_block() -> bool:
    """Return whether the end of a `with` block is being executed."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if frame.f_code.co_name == "__exit__":
            return True
    return False
