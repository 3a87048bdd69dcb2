"""The catalogue: all tables of one database, committed after each command."""

from __future__ import annotations

from pathlib import Path

from aliend.sandbox.state.accounts import Accounts
from aliend.sandbox.state.computing_sites import ComputingSites
from aliend.sandbox.state.entries import Namespace
from aliend.sandbox.state.job_queue import Jobs
from aliend.sandbox.state.mirror_queue import Transfers
from aliend.sandbox.state.quotas import Quotas
from aliend.sandbox.state.replicas import Replicas
from aliend.sandbox.state.schema import open_database


class Catalogue:
    """The catalogue in an SQLite file (`:memory:`: not stored)."""

    def __init__(self, file: Path | str = ":memory:") -> None:
        self.database = open_database(file)
        self.names = Namespace(self.database)
        self.replicas = Replicas(self.database)
        self.accounts = Accounts(self.database)
        self.quotas = Quotas(self.database)
        self.jobs = Jobs(self.database)
        self.grid = ComputingSites(self.database)
        self.transfers = Transfers(self.database)

    def is_empty(self) -> bool:
        """Return whether the catalogue has no entries yet."""
        return self.names.get("/") is None

    def bulk_count(self) -> int:
        """Return the number of bulk entries, in addition to the initial content."""
        count: int = self.database.execute("PRAGMA user_version").fetchone()[0]
        return count

    def set_bulk_count(self, count: int) -> None:
        """Save the number of bulk entries."""
        self.database.execute(f"PRAGMA user_version = {count}")

    def save(self) -> None:
        """Commit the changes."""
        self.database.commit()

    def close(self) -> None:
        """Close the database."""
        self.database.close()
