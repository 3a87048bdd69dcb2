"""Private directories: those of the daemon, opened component by component and checked on the way."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aliend.errors import ConfigurationError

_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Opens a directory for use as `dir_fd`; O_DIRECTORY also mounts what autofs mounts on demand."""
_MOST_LINKS = 40
"""Links in one path, as in the kernel."""


def make_private(directory: str) -> None:
    """Create `directory` (and its parents) if missing; ensure that it is ours, not a link, and has mode 0700.

    Raises ConfigurationError with the reason; directories of other users stay unchanged.
    """
    try:
        with opened(Path(directory), is_created=True) as descriptor:
            _require_ours(directory, os.fstat(descriptor))
            if os.fstat(descriptor).st_mode & 0o077:
                os.chmod(".", 0o700, dir_fd=descriptor)
    except OSError as error:
        raise ConfigurationError(f"cannot create the directory {directory}: {error.strerror}") from error


def require_ours(path: Path) -> None:
    """Check that a directory is ours, not a link, and below safe parents. Raises ConfigurationError, and OSError."""
    with opened(path) as descriptor:
        _require_ours(str(path), os.fstat(descriptor))


def _require_ours(directory: str, facts: os.stat_result) -> None:
    if facts.st_uid != os.getuid():
        raise ConfigurationError(
            f"{directory} belongs to uid {facts.st_uid}, not to you (uid {os.getuid()}); refusing to use it\n"
            "set XDG_RUNTIME_DIR, XDG_STATE_HOME or ALIEND_SOCKET to a directory of your own"
        )


@contextmanager
def opened(path: Path, *, is_created: bool = False) -> Iterator[int]:
    """Yield a descriptor (O_PATH) of the directory with an absolute path, which is created if `is_created`.

    Each component is opened in the one before, so that nobody can replace what was checked. Of the parents below a
    sticky directory, where everybody may create names, none may belong to another user than us and root, or be writable
    by others, or be a link in the sticky directory itself; all that pass can be changed by us and root only, so that
    the path is safe to use afterwards. The target of another link is checked in the same way; the directory itself is
    not a link. Raises ConfigurationError, and OSError.
    """
    walk = _Walk(path)
    try:
        while walk.names:
            walk.enter(walk.names.pop(), is_created)
        yield walk.descriptor
    finally:
        os.close(walk.descriptor)


class _Walk:
    """The way to a directory: `descriptor` is the place reached, `names` are the components that follow, reversed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reached = ""
        self._links = 0
        self._is_exposed = False
        self.names = list(reversed(path.parts[1:]))
        self.descriptor = os.open("/", _PLACE)
        self._facts = os.fstat(self.descriptor)

    def enter(self, name: str, is_created: bool) -> None:
        """Go to a directory in the place reached, or to the target of a link."""
        is_sticky = bool(self._facts.st_mode & stat.S_ISVTX)
        self._is_exposed = self._is_exposed or is_sticky
        try:
            below = self._open(name, is_created)
        except NotADirectoryError as error:
            if not self.names:
                sentence = f"{self._path} is not a directory (a link is not accepted); remove it"
                raise ConfigurationError(sentence) from error
            if not stat.S_ISLNK(os.lstat(name, dir_fd=self.descriptor).st_mode):
                raise
            if is_sticky:
                raise self._refusal(name, "is a link, which is not accepted there") from error
            self._follow(os.readlink(name, dir_fd=self.descriptor))
            return
        os.close(self.descriptor)
        self.descriptor, self._facts = below, os.fstat(below)
        if self.names and self._is_exposed and (problem := _parent_problem(self._facts)):
            raise self._refusal(name, problem)
        self._reached += f"/{name}"

    def _open(self, name: str, is_created: bool) -> int:
        try:
            return os.open(name, _PLACE, dir_fd=self.descriptor)
        except FileNotFoundError:
            if not is_created:
                raise
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=self.descriptor)
            return os.open(name, _PLACE, dir_fd=self.descriptor)

    def _follow(self, target: str) -> None:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        self.names += [name for name in reversed(target.split("/")) if name not in ("", ".")]
        if target.startswith("/"):
            os.close(self.descriptor)
            self.descriptor = os.open("/", _PLACE)
            self._facts, self._is_exposed, self._reached = os.fstat(self.descriptor), False, ""

    def _refusal(self, name: str, problem: str) -> ConfigurationError:
        return ConfigurationError(f"{self._reached}/{name} {problem}; refusing to use {self._path}")


def _parent_problem(facts: os.stat_result) -> str:
    """Return what is wrong with a directory below a sticky one; empty: nothing."""
    if facts.st_uid not in (0, os.getuid()):
        return f"belongs to uid {facts.st_uid}"
    writable = 0o022 if facts.st_uid != os.getuid() else 0o002  # many users share their own group with nobody
    return "is writable by other users" if facts.st_mode & writable and not facts.st_mode & stat.S_ISVTX else ""
