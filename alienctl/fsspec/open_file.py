"""An open file of `alien://`: reads ranges, with a block cache; writes into a temporary file, uploaded at `close`."""

from __future__ import annotations

import tempfile
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
    an error. A file opened for writing exists with all replicas after `close` has returned; before that, and if `close`
    raises, nothing is stored.
    """

    fs: AlienFileSystem

    def __init__(self, fs: AlienFileSystem, path: str, mode: str, **options: Any) -> None:
        self._written: BinaryIO | None = None
        self._storage: str = options.pop("storage")
        self._may_replace = "x" not in mode
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
        """Store the file. Raises GridError; then nothing was stored."""
        written, self._written = self._written, None
        if not written:
            return
        with written:
            fsspec.asyn.sync(self.fs.loop, self.fs.write_from, self.path, written, self._may_replace, self._storage)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Close the file. After an error in the `with` block nothing is stored: the file is incomplete."""
        if kind and self.writable():
            self.discard()
            self.closed = True
        self.close()

    def discard(self) -> None:
        """Forget what was written."""
        if self._written:
            self._written.close()
            self._written = None
