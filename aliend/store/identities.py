"""As whom and from where a session acts, where its user chose that; and whether the service tells its time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from aliend.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """What a session chose; empty: nothing.

    `role_before` and `site_before` are what its caller's settings said then: the choice holds as long as they do.
    """

    role: str = ""
    role_before: str = ""
    site: str = ""
    site_before: str = ""
    timing: bool = False


class Identities:
    """The table of identities, by the sessions' names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> IdentityRecord:
        """What the session chose. Raises StoreError."""

        def read(connection: sqlite3.Connection) -> IdentityRecord:
            sql = "SELECT role, role_before, site, site_before, timing FROM identity WHERE name = ?"
            row = connection.execute(sql, (name,)).fetchone()
            if row is None:
                return IdentityRecord()
            role, role_before, site, site_before, timing = row
            return IdentityRecord(role, role_before, site, site_before, bool(timing))

        return await self._database.read(read)

    async def put(self, name: str, chosen: IdentityRecord) -> None:
        """Write it, durably. Raises StoreError."""

        def write(transaction: Transaction) -> None:
            transaction.connection.execute(
                "INSERT OR REPLACE INTO identity VALUES (?, ?, ?, ?, ?, ?)",
                (name, chosen.role, chosen.role_before, chosen.site, chosen.site_before, chosen.timing),
            )

        await self._database.write(write)
