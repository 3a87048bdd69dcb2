"""The XRootD library as types: the few calls that we make of it. The only module that imports it.

They are those of its C classes. The Python ones around them make four objects of each answer, a third of what a small
request costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypedDict

from pyxrootd.client import CopyProcess, File, FileSystem
from XRootD.client.flags import OpenFlags, QueryCode, StatInfoFlags


class Status(TypedDict):
    """How a request ended: `code` is the client's number, `errno` the server's, `message` a sentence."""

    ok: bool
    error: bool
    fatal: bool
    status: int
    code: int
    errno: int
    message: str
    shellcode: int


class StatInfo(TypedDict):
    """What `stat` tells; `size` in bytes, `flags` of StatInfoFlags, `modtime` in POSIX seconds."""

    size: int
    flags: int
    modtime: int


Callback = Callable[..., None]
"""Called from the library's threads with a Status, a response and more that we do not need."""


class RemoteFile(Protocol):
    """One file on a storage element. Nothing here waits; `write` does not keep its buffer alive."""

    def open(self, url: str, flags: int, mode: int = 0, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Open or create."""

    def stat(self, force: bool = False, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Ask for a Known; answered from the opening's reply unless forced."""

    def read(self, offset: int, size: int, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Ask for bytes."""

    def write(
        self, buffer: bytes, offset: int, size: int, timeout: int = 0, callback: Callback | None = None
    ) -> Status:
        """Send bytes."""

    def close(self, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Close."""

    def is_open(self) -> bool:
        """Whether it is open; asks nobody."""


class RemoteSystem(Protocol):
    """One storage element."""

    def stat(self, path: str, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Ask for a Known."""

    def query(self, querycode: int, arg: str, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Ask for bytes: a checksum, mostly."""

    def ping(self, timeout: int = 0, callback: Callback | None = None) -> Status:
        """Ask for an answer."""


class CopyHandler(Protocol):
    """Hears of a copy that servers make among themselves; called from the library's threads."""

    def begin(self, job: int, total: int, source: str, target: str) -> None:
        """It begins."""

    def end(self, job: int, result: object) -> None:
        """It has ended."""

    def update(self, job: int, done: int, total: int) -> None:
        """So many bytes of `total` have been copied."""

    def should_cancel(self, job: int) -> bool:
        """Whether to end it; a true `bool`, as the library takes nothing else for one."""


def third_party_copy(source: str, target: str, handler: CopyHandler) -> dict[str, Any]:
    """Have the server of `target` fetch `source`; blocks. The status: `ok`, `code`, `errno`, `message`.

    The library's own wrapper passes three arguments in the wrong order, hence its C class and keywords.
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
"""Seconds; the library gives up after 1800 unless told otherwise."""
READ: Final[int] = OpenFlags.READ
CREATE: Final[int] = OpenFlags.NEW | OpenFlags.UPDATE | OpenFlags.MAKEPATH | OpenFlags.POSC
"""Nothing that exists is touched, and the server removes what was not closed properly (persist on successful close)."""
UNFINISHED: Final[int] = StatInfoFlags.POSC_PENDING
"""Somebody writes it, or did and never closed it: the server will remove it (by default after ten minutes)."""
QUERY_CHECKSUM: Final[int] = QueryCode.CHECKSUM
QUERY_CONFIG: Final[int] = QueryCode.CONFIG
QUERY_STATS: Final[int] = QueryCode.STATS
