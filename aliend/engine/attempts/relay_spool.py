"""Where files lie while they pass through this machine on their way from one storage element to another.

A private directory beside the database. A file has the number of its transfer, so that what has come is there for the
next attempt; it goes when the transfer has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aliend.errors import CopyError


class RelaySpool:
    """The spool in `directory`, which is made when it is needed. Blocking."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path_of(self, transfer: int) -> Path:
        """Where the file of a transfer lies. Raises CopyError (local)."""
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise CopyError(f"{self._directory} cannot be made: {error.strerror}", "local", 30.0) from error
        return self._directory / str(transfer)

    def clear(self, transfer: int) -> None:
        """Remove what there is of a transfer."""
        for path in (self._directory / str(transfer), *self._directory.glob(f".{transfer}.*.part")):
            path.unlink(missing_ok=True)

    def transfers(self) -> Iterator[int]:
        """The transfers of which something is there."""
        if self._directory.is_dir():
            names = {path.name.lstrip(".").partition(".")[0] for path in self._directory.iterdir()}
            yield from sorted(int(name) for name in names if name.isascii() and name.isdigit())
