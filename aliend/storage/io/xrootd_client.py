"""The XRootD library as types: the few calls that we use. The only module that imports the library.

The calls are those of its C classes. The library's Python wrappers create four objects per answer, a third of the cost
of a small request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypedDict

from pyxrootd.client import CopyProcess, File, FileSystem
from XRootD.client.flags import OpenFlags, QueryCode, StatInfoFlags


class Status(TypedDict):
    """The status of a request: `code` is the client's error number, `errno` the server's, `message` a sentence."""

    ok: bool
    error: bool
    fatal: bool
    status: int
    code: int
    errno: int
    message: str
    shellcode: int


class StatInfo(TypedDict):
    """The answer of `stat`: `size` in bytes, `flags` of StatInfoFlags, `modtime` in POSIX seconds."""

    size: int
    flags: int
    modtime: int


Callback = Callable[..., None]
"""Called from the library's threads with a Status, a response and further arguments that we ignore."""


class RemoteFile(Protocol):
    """One file on a storage element. No call waits; `write` does not keep its buffer alive."""

    def open(self, url: str, flags: int, mode: int = 0, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Open or create the file."""

    def stat(self, force: bool = False, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Request a StatInfo; answered from the reply to `open` unless forced."""

    def read(self, offset: int, size: int, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Request bytes."""

    def write(
        self, buffer: bytes, offset: int, size: int, timeout: int = 0, callback: Callback | None = None
    ) -> Status:
        """Send bytes."""

    def close(self, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Close the file."""

    def is_open(self) -> bool:
        """Return whether it is open, without a request."""

    def get_property(self, name: str) -> str | None:
        """Return a property of an open file, without a request: `LastURL` is its URL after all redirections."""


class RemoteSystem(Protocol):
    """One storage element."""

    def stat(self, path: str, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Request a StatInfo."""

    def query(self, querycode: int, arg: str, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Request bytes, for example a checksum."""

    def ping(self, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Request an answer."""


class CopyHandler(Protocol):
    """Receives the progress of a third-party copy; called from the library's threads."""

    def begin(self, job: int, total: int, source: str, target: str) -> None:
        """Note that the copy begins."""

    def end(self, job: int, result: object) -> None:
        """Note that the copy has ended."""

    def update(self, job: int, done: int, total: int) -> None:
        """Note that `done` bytes of `total` have been copied."""

    def should_cancel(self, job: int) -> bool:
        """Return whether to cancel the copy; a real `bool`, since the library accepts nothing else."""


def third_party_copy(source: str, target: str, handler: CopyHandler) -> dict[str, Any]:
    """Have the server of `target` copy `source`; blocks. Return the status: `ok`, `code`, `errno`, `message`.

    The library's wrapper passes three arguments in the wrong order, hence the C class and keywords.
    """
    process = CopyProcess()
    status: dict[str, Any] = process.add_job(
        source=source, target=target, thirdparty="only", posc=True, mkdir=True, force=False, tpctimeout=_COPY_TIMEOUT
    )
    if status["ok"]:
        status = process.prepare()
    if status["ok"]:
        status, results = process.run(handler)
        status = results[0]["status"] if results else status
    return status


new_file: Callable[[], RemoteFile] = File
new_system: Callable[[str], RemoteSystem] = FileSystem
_COPY_TIMEOUT = 86400
"""Seconds; the library's default is 1800."""
READ: Final[int] = OpenFlags.READ
CREATE: Final[int] = OpenFlags.NEW | OpenFlags.UPDATE | OpenFlags.MAKEPATH | OpenFlags.POSC
"""Never touch an existing file; the server removes files that are not closed properly (POSC)."""
UNFINISHED: Final[int] = StatInfoFlags.POSC_PENDING
"""The file is being written, or was never closed: the server will remove it (by default after ten minutes)."""
QUERY_CHECKSUM: Final[int] = QueryCode.CHECKSUM
QUERY_CONFIG: Final[int] = QueryCode.CONFIG
QUERY_STATS: Final[int] = QueryCode.STATS
