"""The spool: files on their way through this machine from one storage element to another.

A private directory beside the database. A file is named by the number of its transfer, so that the next attempt finds
what has arrived; it is removed when the transfer has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from aliend.core.transfers.transfer import is_unfinished
from aliend.errors import ConfigurationError, CopyError
from aliend.private_directories import make_private
from aliend.store import Store


class RelaySpool:
    """The spool in `directory`, which is created when needed. Blocking."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path_of(self, transfer: int) -> Path:
        """Return the path for the file of a transfer. Raises CopyError (local)."""
        try:
            make_private(str(self._directory))
        except ConfigurationError as error:
            raise CopyError(str(error), "local", 30.0) from error
        return self._directory / str(transfer)

    def clear(self, transfer: int) -> None:
        """Remove the files of a transfer."""
        for path in (self._directory / str(transfer), *self._directory.glob(f".{transfer}.*.part")):
            path.unlink(missing_ok=True)

    def transfers(self) -> Iterator[int]:
        """Return the transfers that have files in the spool."""
        if self._directory.is_dir():
            names = {path.name.lstrip(".").partition(".")[0] for path in self._directory.iterdir()}
            yield from sorted(int(name) for name in names if name.isascii() and name.isdigit())


def spool_of(store: Store) -> RelaySpool:
    """Return the spool beside a database."""
    return RelaySpool(store.directory / "spool")


async def remove_ended(store: Store) -> None:
    """Remove relayed files of transfers that ended with an earlier daemon. Raises StoreError."""
    spool = spool_of(store)
    for number in await asyncio.to_thread(list, spool.transfers()):
        transfer = await store.find_transfer(number)
        if transfer is None or not is_unfinished(transfer.state):
            await asyncio.to_thread(spool.clear, number)
