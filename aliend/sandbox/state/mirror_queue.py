"""The queue of copies between storage elements, which `mirror_transfers` carries out."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

_DURATION = 1500
"""The duration of a transfer in milliseconds."""
_MAX_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Transfer:
    """One queued copy of a GUID to the storage element number `target`; times are POSIX milliseconds."""

    id: int
    guid: str
    lfn: str
    owner: str
    target: int
    removes: int | None
    attempts: int
    created: int
    ended: int | None
    status: str


@dataclass(frozen=True, slots=True)
class PlannedTransfer:
    """A copy to be queued: `removes` is the storage element whose replica is removed after success."""

    guid: str
    lfn: str
    owner: str
    attempts: int
    removes: int | None = None


class Transfers:
    """The queue of transfers in `database`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def queue(self, planned: PlannedTransfer, target: int, now: int) -> int:
        """Queue a transfer unless the same one is waiting, and return its id."""
        same = self._database.execute(
            "SELECT id FROM transfer WHERE guid = ? AND target = ? AND ended IS NULL", (planned.guid, target)
        ).fetchone()
        if same is not None:
            return int(same["id"])
        cursor = self._database.execute(
            "INSERT INTO transfer(guid, lfn, owner, target, removes, attempts, created, status)"
            " VALUES(?, ?, ?, ?, ?, ?, ?, 'WAITING')",
            (planned.guid, planned.lfn, planned.owner, target, planned.removes, planned.attempts, now),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def newest(self) -> list[Transfer]:
        """Return the latest transfers, newest first."""
        rows = self._database.execute("SELECT * FROM transfer ORDER BY id DESC LIMIT ?", (_MAX_LISTED,))
        return [Transfer(*row) for row in rows.fetchall()]

    def take_due(self, now: int) -> list[Transfer]:
        """Return the transfers that are due, and mark them as running."""
        rows = self._database.execute(
            "SELECT * FROM transfer WHERE status = 'WAITING' AND created <= ?", (now - _DURATION,)
        ).fetchall()
        for row in rows:
            self._database.execute("UPDATE transfer SET status = 'TRANSFERRING' WHERE id = ?", (row["id"],))
        return [Transfer(*row) for row in rows]

    def end(self, transfer: Transfer, now: int, *, succeeded: bool) -> None:
        """Record the result of a transfer."""
        status = "DONE" if succeeded else "FAILED"
        self._database.execute("UPDATE transfer SET status = ?, ended = ? WHERE id = ?", (status, now, transfer.id))
