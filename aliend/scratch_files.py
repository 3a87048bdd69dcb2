"""Private places for files that a program of the user shall see: a directory each, mode 0700, gone afterwards.

What a crash left is removed at the next start, except a text that somebody has edited or still edits: its directory
carries the md5 of the text as it was, and stays if the file differs, if an editor's own files are beside it, or while
the client or the editor holds it locked.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aliend.errors import ConfigurationError, CopyError
from aliend.lifecycle.state_directory import make_private

log = logging.getLogger(__name__)

_EDITED = "edit-"


class Scratch:
    """The places below one directory, which is made when the first one is needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def place(self) -> Iterator[Path]:
        """Yield a directory that lasts as long as the block. Raises CopyError, kind `local`."""
        made = self._made("file-")
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def place_to_edit(self, md5: str) -> Path:
        """Return a directory for one text with this md5; to be given to `leave`. Raises CopyError, kind `local`."""
        return self._made(f"{_EDITED}{md5}-")

    def leave(self, place: Path, settled: bool) -> Path | None:
        """Remove a place, unless somebody has edited the text there and it is not `settled`: the text's path then."""
        if not settled and _is_locked(place):
            log.warning("an editor is still open in %s", place)
            return None
        text = None if settled else _edited(place)
        if text is None:
            shutil.rmtree(place, ignore_errors=True)
        else:
            log.warning("an edited text was left: %s", text)
        return text

    def tidy(self) -> None:
        """Remove what an earlier daemon left, but for what was edited. Only for the holder of the daemon's lock."""
        for place in sorted(self._directory.glob("*")):
            if place.name.startswith(_EDITED) and len(list(place.iterdir())) > 1:
                log.warning("an editor is, or was, at work in %s", place)
                continue
            self.leave(place, settled=not place.name.startswith(_EDITED))

    def _made(self, prefix: str) -> Path:
        try:
            make_private(str(self._directory))
            return Path(tempfile.mkdtemp(prefix=prefix, dir=self._directory))
        except OSError as error:
            raise CopyError(f"{self._directory}: nothing can be put there: {error.strerror}", "local") from error
        except ConfigurationError as error:
            raise CopyError(str(error), "local") from error


def _is_locked(place: Path) -> bool:
    """Return whether a client, or the editor that it started, still uses the directory."""
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False


def _edited(place: Path) -> Path | None:
    """Return the file if it was replaced; others (`.name.swp`, `name~`) belong to the editor."""
    before = place.name.removeprefix(_EDITED).partition("-")[0]
    for text in place.iterdir():
        if text.name.startswith(".") or text.name.endswith("~") or not text.is_file():
            continue
        with text.open("rb") as file:
            if hashlib.file_digest(file, "md5").hexdigest() != before:
                return text
    return None
