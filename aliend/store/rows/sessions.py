"""The user's sessions: a directory in the catalogue for each name, and the role, site and timing it chose."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aliend.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A stored session: directory and the previous one, account and home; LFNs, empty if unknown."""

    name: str
    directory: str
    previous: str
    user: str
    home: str
    stack: tuple[str, ...] = ()
    """The directories below the working directory on the stack of `pushd`."""


class Sessions:
    """The table of sessions. `clock` returns POSIX seconds."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def get(self, name: str) -> SessionRecord | None:
        """Return the session of that name; None if it does not exist. Raises StoreError."""

        def read(connection: sqlite3.Connection) -> SessionRecord | None:
            row = connection.execute(f"{_SELECT} WHERE name = ?", (name,)).fetchone()
            return _record(row) if row else None

        return await self._database.read(read)

    async def latest(self, suffix: str = "") -> SessionRecord | None:
        """Return the session saved last among those whose names end in `suffix`. Raises StoreError.

        The sessions of Python programs (`python:...`) do not count: they say nothing about where the user works.
        """

        def read(connection: sqlite3.Connection) -> SessionRecord | None:
            chosen = "(substr(name, -length(?1)) = ?1 OR ?1 = '') AND name NOT LIKE 'python:%'"
            sql = f"{_SELECT} WHERE {chosen} ORDER BY updated_ms DESC LIMIT 1"
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
        """Save the session durably. Raises StoreError."""
        updated_ms = int(self._clock() * 1000)

        def write(transaction: Transaction) -> None:
            transaction.connection.execute(
                "INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, directory, previous, user, home, updated_ms, json.dumps(stack)),
            )

        await self._database.write(write)

    async def expire(self, before_ms: int) -> int:
        """Delete the sessions of Python programs (`python:...`) not changed since; return how many. Raises StoreError.

        Each program that changes its directory has one, and no later program uses it.
        """

        def write(transaction: Transaction) -> int:
            sql = "DELETE FROM session WHERE name LIKE 'python:%' AND updated_ms < ?"
            return transaction.connection.execute(sql, (before_ms,)).rowcount

        return await self._database.write(write)


_SELECT = "SELECT name, directory, previous, user, home, stack FROM session"


def _record(row: tuple[str, ...]) -> SessionRecord:
    name, directory, previous, user, home, stack = row
    return SessionRecord(name, directory, previous, user, home, tuple(json.loads(stack)))


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """The choices of a session; empty: none.

    `role_before` and `site_before` are the caller's settings at that time: a choice applies only while they are the
    same.
    """

    role: str = ""
    role_before: str = ""
    site: str = ""
    site_before: str = ""
    timing: bool = False


class Identities:
    """The table of identities, by session name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> IdentityRecord:
        """Return the choices of a session. Raises StoreError."""

        def read(connection: sqlite3.Connection) -> IdentityRecord:
            sql = "SELECT role, role_before, site, site_before, timing FROM identity WHERE name = ?"
            row = connection.execute(sql, (name,)).fetchone()
            if row is None:
                return IdentityRecord()
            role, role_before, site, site_before, timing = row
            return IdentityRecord(role, role_before, site, site_before, bool(timing))

        return await self._database.read(read)

    async def put(self, name: str, chosen: IdentityRecord) -> None:
        """Save the choices durably. Raises StoreError."""

        def write(transaction: Transaction) -> None:
            transaction.connection.execute(
                "INSERT OR REPLACE INTO identity VALUES (?, ?, ?, ?, ?, ?)",
                (name, chosen.role, chosen.role_before, chosen.site, chosen.site_before, chosen.timing),
            )

        await self._database.write(write)
