"""The quotas of accounts: numbers of files and of bytes."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """The use and the limits of an account; sizes are bytes."""

    size: int
    max_size: int
    files: int
    max_files: int

    def allows(self, size: int) -> bool:
        """Return whether one more file of this size fits."""
        return self.size + size <= self.max_size and self.files + 1 <= self.max_files


class Quotas:
    """The quotas in `database`. An account without a quota is unlimited."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def get(self, account: str) -> Quota | None:
        """Return the quota of an account."""
        row = self._database.execute("SELECT * FROM quota WHERE account = ?", (account,)).fetchone()
        return None if row is None else Quota(row["size"], row["max_size"], row["files"], row["max_files"])

    def save(self, account: str, quota: Quota) -> None:
        """Add a quota or replace it."""
        values = (account, quota.size, quota.max_size, quota.files, quota.max_files)
        self._database.execute("INSERT OR REPLACE INTO quota VALUES(?, ?, ?, ?, ?)", values)

    def limit(self, account: str, maxNbFiles: int | None = None, maxTotalSize: int | None = None) -> bool:
        """Change limits, by the service's names; return false if the account has no quota."""
        changed = self._database.execute(
            "UPDATE quota SET max_files = coalesce(?, max_files), max_size = coalesce(?, max_size) WHERE account = ?",
            (maxNbFiles, maxTotalSize, account),
        )
        return changed.rowcount > 0
