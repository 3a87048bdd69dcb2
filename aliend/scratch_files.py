"""Private temporary directories (mode 0700) for files that a program of the user reads or edits.

The next start removes the directories that a crash left, except those with an edited text: the name of such a
directory contains the md5 of the original text. It stays if the file differs, if an editor's own files are beside it,
or while the client or the editor holds it locked.
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
from aliend.private_directories import make_private

log = logging.getLogger(__name__)

_EDITED = "edit-"


class Scratch:
    """Temporary directories below one directory, which is created when needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """Yield a directory that is removed after the block. Raises CopyError, kind `local`."""
        made = self._make_directory("file-")
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def directory_to_edit(self, md5: str) -> Path:
        """Create a directory for a text with this md5, to be passed to `leave`. Raises CopyError, kind `local`."""
        return self._make_directory(f"{_EDITED}{md5}-")

    def remove_unless_edited(self, directory: Path, settled: bool) -> Path | None:
        """Remove a directory. Unless `settled`, keep one that contains an edited text, and return the text's path."""
        if not settled and _is_locked(directory):
            log.warning("an editor is still open in %s", directory)
            return None
        text = None if settled else _find_edited(directory)
        if text is None:
            shutil.rmtree(directory, ignore_errors=True)
        else:
            log.warning("an edited text was kept: %s", text)
        return text

    def remove_leftovers(self) -> None:
        """Remove the directories of an earlier daemon, except edited texts. Requires the daemon's lock."""
        for place in sorted(self._directory.glob("*")):
            if place.name.startswith(_EDITED) and len(list(place.iterdir())) > 1:
                log.warning("kept %s: an editor uses or used it", place)
                continue
            self.remove_unless_edited(place, settled=not place.name.startswith(_EDITED))

    def _make_directory(self, prefix: str) -> Path:
        try:
            make_private(str(self._directory))
            return Path(tempfile.mkdtemp(prefix=prefix, dir=self._directory))
        except OSError as error:
            raise CopyError(f"cannot create a file in {self._directory}: {error.strerror}", "local") from error
        except ConfigurationError as error:
            raise CopyError(str(error), "local") from error


def _is_locked(directory: Path) -> bool:
    """Return whether a client, or the editor that it started, still uses the directory."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False


def _find_edited(directory: Path) -> Path | None:
    """Return the file if its content has changed; other files (`.name.swp`, `name~`) belong to the editor."""
    before = directory.name.removeprefix(_EDITED).partition("-")[0]
    for text in directory.iterdir():
        if text.name.startswith(".") or text.name.endswith("~") or not text.is_file():
            continue
        with text.open("rb") as file:
            if hashlib.file_digest(file, "md5").hexdigest() != before:
                return text
    return None
