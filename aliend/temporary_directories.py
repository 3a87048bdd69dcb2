"""Directories of ours below `/tmp` and `/var/tmp`, where every user may create any name first.

Where another user has the usual name `aliend-UID`, a directory `aliend-UID-RANDOM` is used instead. It is found again
by its form, its owner and its mode, so that nobody can keep us from working. The client applies the same rule.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path

_TRIES, _PAUSE = 100, 0.01
"""Attempts to take the lock for the creation of a substitute, and seconds between them."""


def own_directory(usual: str) -> str:
    """Return `usual`, or the directory that replaces it, which is created if another user has the usual name.

    A replacement stays in use after that user has removed the usual name. `usual` is returned if none can be created:
    the caller's check then gives the reason.
    """
    path = Path(usual)
    try:
        facts = path.lstat()
    except OSError:
        found = _substitutes(path)
        return found[0] if found else usual
    if is_private(facts):
        return usual
    if not (found := _substitutes(path)):
        with suppress(OSError):
            _create_substitute(path)
        found = _substitutes(path)
    return found[0] if found else usual


def is_private(facts: os.stat_result) -> bool:
    """Return whether the `lstat` of a name shows a directory that is ours and that only we can write."""
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o022


def _is_form(name: str, usual: str) -> bool:
    """Return whether a name is that of a substitute: a copy that the user made beside it is none."""
    return re.fullmatch(f"{re.escape(usual)}-[0-9a-f]{{16}}", name) is not None


def _create_substitute(path: Path) -> None:
    """Create a substitute unless another process creates one meanwhile: processes that start at once use the same.

    They take turns with a lock on the directory above. Any user can hold that lock, so that nobody waits for it long.
    """
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for _ in range(_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_PAUSE)
        if not _substitutes(path):
            Path(f"{path}-{secrets.token_hex(8)}").mkdir(mode=0o700)
    finally:
        os.close(descriptor)


def _substitutes(path: Path) -> list[str]:
    found = []
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if _is_form(entry.name, path.name) and _is_ours(entry):
                found.append(entry.path)
    return sorted(found)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        facts = entry.stat(follow_symlinks=False)
        return is_private(facts) and stat.S_IMODE(facts.st_mode) == 0o700
    return False
