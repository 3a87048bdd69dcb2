"""Directories of ours below `/tmp` and `/var/tmp`, where every user may create any name first.

Where another user has the usual name `aliend-UID`, a directory `aliend-UID-RANDOM` is used instead. It is found again
by its form, its owner and its mode, so that nobody can keep us from working. The client applies the same rule.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path


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
            Path(f"{usual}-{secrets.token_hex(8)}").mkdir(mode=0o700)
        found = _substitutes(path)  # another process may have created one meanwhile: all use the first
    return found[0] if found else usual


def is_private(facts: os.stat_result) -> bool:
    """Return whether the `lstat` of a name shows a directory that is ours and that only we can write."""
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o022


def _substitutes(path: Path) -> list[str]:
    found = []
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.name.startswith(f"{path.name}-") and _is_ours(entry):
                found.append(entry.path)
    return sorted(found)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        facts = entry.stat(follow_symlinks=False)
        return is_private(facts) and stat.S_IMODE(facts.st_mode) == 0o700
    return False
