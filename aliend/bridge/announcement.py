"""The file `jclient_token_UID` by which programs find a JBox: written for the bridge, never over a running JBox.

The line `ALIEND_BRIDGE` marks it as ours: no daemon takes a bridge for a JBox (`core.connection.discovery`).
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from aliend.core.connection.discovery import BRIDGE_MARK, parse_jbox_file, real_uid

_LARGEST = 65536


class NotAnnounced(Exception):
    """The file cannot announce the bridge and stays as it is; `str()` is the reason."""


def write(path: Path, port: int, user: str, home: str, processes: Path = Path("/proc")) -> None:
    """Announce the bridge at `port` of this host. Raises NotAnnounced. Blocks.

    A file of ours, or of a JBox that has ended, is replaced; a link, another user's file and a running JBox's stay.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        status = None
    if status is not None:
        _check(path, status, processes)
    content = f"JALIEN_HOST = 127.0.0.1\nJALIEN_WSPORT = {port}\nJALIEN_USER = {user}\nJALIEN_HOME = {home}\n"
    content += f"JALIEN_PID = {os.getpid()}\n{BRIDGE_MARK} = 1\n"
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(content.encode())
        if status is not None and is_same(path, status):
            path.unlink()  # a JBox that starts right now may create it again: then `link` fails
        os.link(temporary, path)
    except FileExistsError:
        raise NotAnnounced(f"{path} was created by another program just now") from None
    except OSError as error:
        raise NotAnnounced(f"cannot write {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def remove(path: Path, port: int) -> None:
    """Remove the file if it announces our bridge at `port`. Blocks."""
    with suppress(OSError):
        if is_ours(path, port):
            path.unlink()


def is_ours(path: Path, port: int) -> bool:
    """Return whether the file announces the bridge of this process at `port`. Blocks."""
    with suppress(OSError):
        text = _read(path)
        return BRIDGE_MARK in text and f"JALIEN_WSPORT = {port}\n" in text and f"JALIEN_PID = {os.getpid()}\n" in text
    return False


def is_same(path: Path, status: os.stat_result) -> bool:
    """Return whether a path still names the file with this status."""
    with suppress(OSError):
        return os.path.samestat(path.lstat(), status)
    return False


def _check(path: Path, status: os.stat_result, processes: Path) -> None:
    """Raise NotAnnounced if the file must stay."""
    if not stat.S_ISREG(status.st_mode):
        raise NotAnnounced(f"{path} is a link or not a file; remove it so that programs find the bridge")
    if status.st_uid != os.getuid():
        raise NotAnnounced(f"{path} belongs to another user (uid {status.st_uid})")
    try:
        text = _read(path)
    except OSError as error:
        raise NotAnnounced(f"cannot read {path}: {error.strerror}") from error
    box = parse_jbox_file(text.replace(BRIDGE_MARK, "MARK"))
    if box is None or box.pid == os.getpid():
        return
    with suppress(OSError):
        facts = (processes / str(box.pid) / "status").read_text(encoding="utf-8", errors="replace")
        if real_uid(facts) == os.getuid():
            owner = "the bridge of another daemon" if BRIDGE_MARK in text else "a JBox"
            raise NotAnnounced(f"{path} belongs to {owner} (pid {box.pid}), which programs find first")


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor has no path)
        return file.read(_LARGEST).decode("utf-8", "replace")
