"""A file of the Grid as a Python file object."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from alienctl.api.results import Content

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class GridFile(io.RawIOBase):
    """A file to read, without a buffer: each read is a call to the daemon. A file that was replaced is an error.

    `content` describes the file: LFN, size in bytes, md5, GUID and storage elements.
    """

    mode = "rb"

    def __init__(self, content: Content, read: Callable[[int, int], bytes]) -> None:
        """`read` returns the bytes from an offset with a length; fewer only at the end of the file."""
        super().__init__()
        self.content = content
        self.name = content.lfn
        self._read = read
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        self._check_open()
        return True

    def seekable(self) -> bool:
        """Return True."""
        self._check_open()
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes, at most `size`; negative or None: the rest of the file. Raises GridError."""
        return self._next(self.content.size if size is None or size < 0 else size)

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer; return the number of bytes, 0 at the end of the file. Raises GridError."""
        with memoryview(buffer).cast("B") as view:
            data = self._next(len(view))
            view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Return the rest of the file. Raises GridError."""
        return self._next(self.content.size)

    def write(self, _data: object) -> NoReturn:
        """Raise UnsupportedOperation: the file is open for reading."""
        self._check_open()
        raise io.UnsupportedOperation(
            "files of the Grid can only be opened for reading; use `copy` to store a local file"
        )

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position in bytes, and return it."""
        self._check_open()
        self._position = new_position(self._position, self.content.size, offset, whence)
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        self._check_open()
        return self._position

    def _next(self, length: int) -> bytes:
        self._check_open()
        length = min(length, self.content.size - self._position)
        if length <= 0:
            return b""
        data = self._read(self._position, length)
        self._position += len(data)
        return data

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the file is closed")

    def __repr__(self) -> str:
        return f"<GridFile {self.name} of {self.content.size} bytes>"


def new_position(position: int, size: int, offset: int, whence: int) -> int:
    """Return the position after a seek, in bytes. Raises ValueError for a negative one or an unknown `whence`."""
    bases = {os.SEEK_SET: 0, os.SEEK_CUR: position, os.SEEK_END: size}
    if whence not in bases:
        raise ValueError(f"invalid whence {whence}: use 0, 1 or 2")
    if bases[whence] + offset < 0:
        raise ValueError(f"negative position {bases[whence] + offset}")
    return bases[whence] + offset
