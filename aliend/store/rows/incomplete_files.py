"""Files of the catalogue that a transfer which was given up may have left with only some of their replicas."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from aliend.core.transfers.transfer import Phase, ReplicasBooked
from aliend.store.database import Database
from aliend.store.rows import transfers
from aliend.store.rows.codec import in_states

_WHERE = f"WHERE target = ? AND intent <> '' AND {in_states(Phase.FAILED, Phase.CANCELLED)}"


class IncompleteFiles:
    """The names that failed and cancelled transfers may have left incomplete; all methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def goals(self, lfns: Sequence[str]) -> dict[str, int]:
        """Return those of the LFNs that may be incomplete, with the number of replicas that were granted."""
        return await self._database.read(lambda connection: _goals(connection, lfns))

    async def forget(self, lfn: str) -> None:
        """Record that a file has all its replicas."""
        if await self.goals([lfn]):
            await self._database.write(
                lambda at: at.connection.execute(f"UPDATE transfer SET intent = '' {_WHERE}", (lfn,)).rowcount
            )


def _goals(connection: sqlite3.Connection, lfns: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for lfn in lfns:
        for transfer in transfers.select(connection, _WHERE, (lfn,)):
            if isinstance(transfer.intent, ReplicasBooked) and transfer.intent.lfn == lfn:
                found[lfn] = max(transfer.intent.goal, found.get(lfn, 0))
    return found
