"""Computing elements, software packages, and the job quotas of accounts."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ComputingElement:
    """A computing element, which runs jobs; `ttl` is the maximum run time of a job in seconds."""

    name: str
    status: str
    max_running: int
    max_queued: int
    partitions: tuple[str, ...]
    ttl: int
    type: str
    host: str


@dataclass(frozen=True, slots=True)
class JobQuota:
    """An account's limits: parallel and unfinished jobs, running time (seconds) and cost per day."""

    account: str
    user_id: int
    priority: float = 1.0
    parallel: int = 100
    unfinished: int = 10_000
    running_time: int = 10_000_000
    cost: float = 10_000_000.0


COLUMNS = {
    "maxUnfinishedJobs": "unfinished",
    "maxTotalCpuCost": "cost",
    "maxTotalRunningTime": "running_time",
    "maxParallelJobs": "parallel",
    "priority": "priority",
}
"""The service's names of the limits in a job quota, and the columns that hold them."""

PLATFORM = "Linux-x86_64"
"""The platform of packages that are listed by default."""


class ComputingSites:
    """Computing elements, packages and job quotas in `database`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def elements(self) -> list[ComputingElement]:
        """Return the computing elements by name."""
        rows = self._database.execute("SELECT * FROM ce ORDER BY name").fetchall()
        return [_element(row) for row in rows]

    def save(self, element: ComputingElement) -> None:
        """Add a computing element or replace it."""
        values = (element.name, element.status, element.max_running, element.max_queued)
        rest = (",".join(element.partitions), element.ttl, element.type, element.host)
        self._database.execute("INSERT OR REPLACE INTO ce VALUES(?, ?, ?, ?, ?, ?, ?, ?)", (*values, *rest))

    def packages(self) -> list[tuple[str, str]]:
        """Return name (`VO_ALICE@Name::Version`) and platform of the packages, by name."""
        rows = self._database.execute("SELECT name, platform FROM package ORDER BY name, platform").fetchall()
        return [(row["name"], row["platform"]) for row in rows]

    def save_package(self, name: str, platform: str) -> None:
        """Add a package."""
        self._database.execute("INSERT OR REPLACE INTO package VALUES(?, ?)", (name, platform))

    def quota(self, account: str) -> JobQuota | None:
        """Return the job quota of an account."""
        row = self._database.execute("SELECT * FROM jobquota WHERE account = ?", (account,)).fetchone()
        return None if row is None else JobQuota(*row)

    def save_quota(self, quota: JobQuota) -> None:
        """Add a job quota or replace it."""
        values = (quota.account, quota.user_id, quota.priority, quota.parallel, quota.unfinished)
        self._database.execute(
            "INSERT OR REPLACE INTO jobquota VALUES(?, ?, ?, ?, ?, ?, ?)", (*values, quota.running_time, quota.cost)
        )

    def limit(self, account: str, field: str, value: float) -> None:
        """Set one limit of a job quota, by the service's name for it (one of `COLUMNS`)."""
        self._database.execute(f"UPDATE jobquota SET {COLUMNS[field]} = ? WHERE account = ?", (value, account))


def seed(grid: ComputingSites, accounts: list[str], site: str) -> None:
    """Create the initial content: two computing elements, two packages, and a quota for each account."""
    for name, kind in (("CE1", "HTCONDOR"), ("CE2", "LOCAL")):
        partitions = ("sandbox",) if name == "CE1" else ()
        grid.save(ComputingElement(f"ALICE::{site}::{name}", "open", 20, 10, partitions, 86400, kind, "localhost"))
    for version in ("v1", "v2"):
        grid.save_package(f"VO_ALICE@Sandbox::{version}", PLATFORM)
    for number, account in enumerate(accounts, 1):
        grid.save_quota(JobQuota(account, number))


def _element(row: sqlite3.Row) -> ComputingElement:
    return ComputingElement(
        row["name"],
        row["status"],
        row["max_running"],
        row["max_queued"],
        tuple(filter(None, row["partitions"].split(","))),
        row["ttl"],
        row["type"],
        row["host"],
    )
