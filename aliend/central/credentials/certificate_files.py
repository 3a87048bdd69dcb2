"""Writes the user's certificate and key, usually ~/.globus/usercert.pem and userkey.pem; old files are kept.

`aliend.central.credentials.private_files` writes tokens, whose old files are not kept.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from aliend.central.credentials.private_files import replace_all
from aliend.errors import ConfigurationError

_CERTIFICATE_MODE, _KEY_MODE, _DIRECTORY_MODE = 0o644, 0o600, 0o700
_MAX_COPIES = 100
"""Maximum number of copies of one file that are kept for one day."""


def write_pair(certificate: tuple[Path, str], key: tuple[Path, str], today: datetime) -> list[Path]:
    """Write the PEM texts to their absolute paths; return the paths of the old files that were kept.

    Each file is created with its final mode, written under a temporary name, and then renamed over an older one, which
    is kept under its name and the date. Raises ConfigurationError. Blocks.
    """
    kept: list[Path] = []

    def make_parents(path: Path) -> None:
        path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)

    def keep(path: Path) -> None:
        if os.path.lexists(path):
            kept.append(_keep(path, today))

    pair = ((key, _KEY_MODE), (certificate, _CERTIFICATE_MODE))
    files = [(path, text.encode("utf-8", "surrogateescape"), mode) for (path, text), mode in pair]
    replace_all(files, make_parents, keep)
    return kept


def _keep(path: Path, today: datetime) -> Path:
    """Link the file to a second name with the date; the first name stays, so that a file always exists."""
    for number in range(_MAX_COPIES):
        copy = path.with_name(f"{path.name}.{today:%Y-%m-%d}" + (f".{number}" if number else ""))
        try:
            os.link(path, copy, follow_symlinks=False)
        except FileExistsError:
            continue
        except OSError:  # a file system without hard links
            if os.path.lexists(copy):
                continue
            path.rename(copy)
        return copy
    raise ConfigurationError(f"{path} has {_MAX_COPIES} copies of today beside it; remove some of them")
