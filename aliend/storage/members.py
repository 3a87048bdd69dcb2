"""Members of zip archives on a storage element, read by range: the directory at the archive's end, then the member."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator

from aliend.errors import CopyError
from aliend.storage import remote
from aliend.storage.inbox import Inbox
from aliend.storage.line import CHUNK
from aliend.storage.tasks import Source
from aliend.storage.xrootd import RemoteFile

_AHEAD = 1 << 20  # bytes asked for at once: most archives' directories and many members come with one request


class RangedReader(io.RawIOBase):
    """A remote file as a seekable stream of bytes; `size` in bytes."""

    def __init__(self, inbox: Inbox, file: RemoteFile, size: int) -> None:
        super().__init__()
        self._inbox = inbox
        self._file = file
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """As any file."""
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """One request; StorageError as `remote.request`."""
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        start = self._position
        data = remote.request(self._inbox, lambda callback: self._file.read(start, length, callback=callback), "read")
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def read_member(inbox: Inbox, source: Source, start: int, end: int) -> Iterator[bytes]:
    """The bytes of the member that the URL names behind `#`, from `start` to `end`.

    CopyError `permanent` when the archive has no such member, another size of it, or is broken.
    """
    name = source.url.partition("#")[2]
    file, size = remote.open_to_read(inbox, source)
    try:
        with io.BufferedReader(RangedReader(inbox, file, size), _AHEAD) as stream, zipfile.ZipFile(stream) as archive:
            member = archive.getinfo(name)
            if member.file_size != end:
                raise CopyError(f"{name} has {member.file_size} bytes, the catalogue says {end}", "permanent")
            with archive.open(member) as content:
                content.seek(start)
                while data := content.read(CHUNK):
                    inbox.check()
                    yield data
    except KeyError:
        raise CopyError(f"the archive has no member {name}", "permanent") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise CopyError(f"the archive cannot be read: {error}", "permanent") from error
    finally:
        remote.release(file)
