"""Looks for the user's certificate in the usual directories: what browsers export, and PEM pairs. Opens no file.

The current directory may be one where others write, so files of other users are left out.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aliend.central.credentials.pkcs12 import SIZE_LIMIT
from aliend.small_files import read_small

_SUFFIXES = (".p12", ".pfx")
_PAIR = ("usercert.pem", "userkey.pem")
_DOWNLOADS = re.compile(r'^\s*XDG_DOWNLOAD_DIR="\$HOME/([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A certificate that can be imported: a PKCS#12 file, or a PEM file whose key is in `key`.

    `modified` is POSIX seconds.
    """

    path: Path
    modified: float
    key: Path | None = None


def usual_directories(home: Path, configuration: Path, current: Path) -> list[Path]:
    """Return the directories where users keep certificates, each once. Blocks."""
    usual = [home / ".globus", home / "Downloads", _download_directory(home, configuration), home, current]
    return list(dict.fromkeys(directory for directory in usual if directory.is_dir()))


def find(directories: Sequence[Path], used: Path) -> list[Candidate]:
    """Return what can be imported from `directories`, the newest first, without the certificate file `used`. Blocks."""
    found: dict[Path, Candidate] = {}
    for directory in directories:
        for candidate in _candidates_in(directory):
            if candidate.path != used:
                found.setdefault(candidate.path.resolve(), candidate)
    return sorted(found.values(), key=lambda candidate: -candidate.modified)


def _candidates_in(directory: Path) -> Iterable[Candidate]:
    try:
        files = sorted(directory.iterdir())
    except OSError:
        return
    for file in files:
        if file.name.lower().endswith(_SUFFIXES) and (modified := _modified(file)):
            yield Candidate(file, modified)
    certificate, key = (directory / name for name in _PAIR)
    if _modified(key) and (modified := _modified(certificate)):
        yield Candidate(certificate, modified, key)


def _modified(path: Path) -> float:
    """Return the modification time of a regular file of ours with a plausible size; 0 for anything else."""
    try:
        status = path.stat()
    except OSError:
        return 0.0
    is_likely = stat.S_ISREG(status.st_mode) and 0 < status.st_size <= SIZE_LIMIT
    return status.st_mtime if is_likely and status.st_uid in (os.geteuid(), 0) else 0.0


def _download_directory(home: Path, configuration: Path) -> Path:
    """Return the download directory of this desktop (xdg-user-dirs); its name depends on the language."""
    try:
        text = read_small(configuration / "user-dirs.dirs").decode("utf-8", "replace")
    except OSError:
        return home / "Downloads"
    found = _DOWNLOADS.search(text)
    return home / found[1] if found else home / "Downloads"
