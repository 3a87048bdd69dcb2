"""The users' sessions: a directory in the catalogue for each name."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aliend.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session as it is stored: directory and the one before, account and home; LFNs, empty where unknown."""

    name: str
    directory: str
    previous: str
    user: str
    home: str
    stack: tuple[str, ...] = ()
    """The directories below the working directory on the stack of `pushd`."""


class Sessions:
    """The table of sessions. `clock` gives POSIX seconds."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def get(self, name: str) -> SessionRecord | None:
        """The session of that name, None if there is none. Raises StoreError."""

        def read(connection: sqlite3.Connection) -> SessionRecord | None:
            row = connection.execute(f"{_SELECT} WHERE name = ?", (name,)).fetchone()
            return _record(row) if row else None

        return await self._database.read(read)

    async def latest(self, suffix: str = "") -> SessionRecord | None:
        """The session that was written last among those whose names end in `suffix`. Raises StoreError."""

        def read(connection: sqlite3.Connection) -> SessionRecord | None:
            sql = f"{_SELECT} WHERE substr(name, -length(?1)) = ?1 OR ?1 = '' ORDER BY updated_ms DESC LIMIT 1"
            row = connection.execute(sql, (suffix,)).fetchone()
            return _record(row) if row else None

        return await self._database.read(read)

    async def put(
        self,
        name: str,
        directory: str,
        previous: str = "",
        *,
        user: str = "",
        home: str = "",
        stack: Sequence[str] = (),
    ) -> None:
        """Write the session, durably. Raises StoreError."""
        updated_ms = int(self._clock() * 1000)

        def write(transaction: Transaction) -> None:
            transaction.connection.execute(
                "INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, directory, previous, user, home, updated_ms, json.dumps(stack)),
            )

        await self._database.write(write)


_SELECT = "SELECT name, directory, previous, user, home, stack FROM session"


def _record(row: tuple[str, ...]) -> SessionRecord:
    name, directory, previous, user, home, stack = row
    return SessionRecord(name, directory, previous, user, home, tuple(json.loads(stack)))
