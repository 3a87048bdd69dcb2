"""GUID records, their replicas, and storage elements."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

_ARCHIVE = re.compile(r"guid:///(?P<guid>[0-9a-fA-F-]{36})\?ZIP=(?P<member>.*)", re.DOTALL)
_HOST = re.compile(r"[a-z]+://[^/]*")
ARCHIVE_SE = 0
"""The number of the pseudo storage element of archive members."""


@dataclass(frozen=True, slots=True)
class Guid:
    """A GUID record; times are POSIX milliseconds, sizes bytes."""

    guid: str
    owner: str
    group: str
    perm: str
    size: int
    md5: str | None
    ctime: int
    job: int | None = None


@dataclass(frozen=True, slots=True)
class StorageElement:
    """A storage element in the catalogue; `capacity` and `used` are bytes."""

    number: int
    name: str
    qos: tuple[str, ...]
    daemon: str
    path: str
    demote_read: float = 0.0
    demote_write: float = 0.0
    exclusive_write: tuple[str, ...] = ()
    used: int = 0
    files: int = 0
    capacity: int = 1024000000000

    @property
    def key(self) -> str:
        """Return the name as commands print it (upper case)."""
        return self.name.upper()


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica of a GUID; `se` is None for an unknown storage element and inside an archive."""

    guid: str
    pfn: str
    se: StorageElement | None

    @property
    def archive(self) -> tuple[str, str] | None:
        """Return the archive's GUID and the member's name for a replica inside an archive."""
        match = _ARCHIVE.fullmatch(self.pfn)
        return (match["guid"].lower(), match["member"]) if match else None

    @property
    def title(self) -> str:
        """Return the name of the replica's place in the texts of `whereis` and `stat`."""
        if self.archive is not None:
            return "ZIP archive member"
        return "SE => unknown" if self.se is None else f"SE => {self.se.key}"


class Replicas:
    """The GUID records, replicas and storage elements in `database`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def guid(self, guid: str) -> Guid | None:
        """Return a GUID record."""
        row = self._database.execute("SELECT * FROM guid WHERE guid = ?", (guid.lower(),)).fetchone()
        return None if row is None else Guid(*row)

    def save(self, guid: Guid) -> None:
        """Add a GUID record or replace it."""
        values = (
            guid.guid,
            guid.owner,
            guid.group,
            guid.perm,
            guid.size,
            guid.md5,
            guid.ctime // 1000 * 1000,
            guid.job,
        )
        self._database.execute("INSERT OR REPLACE INTO guid VALUES(?, ?, ?, ?, ?, ?, ?, ?)", values)

    def update(self, guid: str, columns: dict[str, str]) -> None:
        """Change columns of a GUID record."""
        settings = ", ".join(f"{name} = ?" for name in columns)
        self._database.execute(f"UPDATE guid SET {settings} WHERE guid = ?", (*columns.values(), guid))

    def replicas_of(self, guid: str) -> list[Replica]:
        """Return the replicas of a GUID in order of registration, with the current addresses of their storage."""
        rows = self._database.execute("SELECT guid, se, pfn FROM pfn WHERE guid = ? ORDER BY id", (guid.lower(),))
        return [self._replica(row) for row in rows.fetchall()]

    def counts(self) -> dict[str, tuple[int, bool]]:
        """Return for every GUID its number of replicas, and whether it is inside an archive."""
        rows = self._database.execute("SELECT guid, count(*), min(se) FROM pfn GROUP BY guid")
        return {guid: (count, lowest == ARCHIVE_SE) for guid, count, lowest in rows}

    def add(self, guid: Guid, se: int, pfn: str) -> None:
        """Add a replica, unless the GUID already has one on this storage element."""
        added = self._database.execute(
            "INSERT OR IGNORE INTO pfn(guid, se, pfn) VALUES(?, ?, ?)", (guid.guid, se, pfn)
        ).rowcount
        if added and se != ARCHIVE_SE:
            self._database.execute("UPDATE se SET used = used + ?, files = files + 1 WHERE number = ?", (guid.size, se))

    def remove_guid(self, guid: str) -> None:
        """Remove a GUID record and queue its replicas for deletion."""
        record = self.guid(guid)
        for replica in self.replicas_of(guid):
            if replica.se is None:
                continue
            number = replica.se.number
            self._database.execute("INSERT INTO orphan VALUES(?, ?, ?)", (guid, number, replica.pfn))
            size = record.size if record else 0
            self._database.execute(
                "UPDATE se SET used = max(0, used - ?), files = max(0, files - 1) WHERE number = ?", (size, number)
            )
        self._database.execute("DELETE FROM pfn WHERE guid = ?", (guid,))
        self._database.execute("DELETE FROM guid WHERE guid = ?", (guid,))

    def remove_replica(self, guid: str, se: int) -> bool:
        """Remove one replica and queue its file for deletion; return false if the storage element has none."""
        replica = next(
            (found for found in self.replicas_of(guid) if found.se is not None and found.se.number == se), None
        )
        record = self.guid(guid)
        if replica is None or record is None:
            return False
        self._database.execute("INSERT INTO orphan VALUES(?, ?, ?)", (guid, se, replica.pfn))
        self._database.execute("DELETE FROM pfn WHERE guid = ? AND se = ?", (guid, se))
        self._database.execute(
            "UPDATE se SET used = max(0, used - ?), files = max(0, files - 1) WHERE number = ?", (record.size, se)
        )
        return True

    def members(self, archive: str) -> list[Guid]:
        """Return the GUID records of an archive's members."""
        rows = self._database.execute(
            "SELECT guid FROM pfn WHERE se = ? AND pfn LIKE ? ORDER BY id", (ARCHIVE_SE, f"guid:///{archive}?ZIP=%")
        )
        records = [self.guid(row["guid"]) for row in rows.fetchall()]
        return [record for record in records if record is not None]

    def stored_on(self, se: int) -> list[tuple[str, int]]:
        """Return PFN and size of every file on a storage element."""
        rows = self._database.execute(
            "SELECT pfn.pfn, guid.size FROM pfn JOIN guid ON guid.guid = pfn.guid WHERE pfn.se = ?", (se,)
        )
        return [(row["pfn"], row["size"]) for row in rows.fetchall()]

    def mark_visited(self, guid: str) -> None:
        """Record that the replicas of an archive member were requested."""
        self._database.execute("INSERT OR IGNORE INTO visited VALUES(?)", (guid,))

    def was_visited(self, guid: str) -> bool:
        """Return whether the replicas of an archive member were requested."""
        return self._database.execute("SELECT 1 FROM visited WHERE guid = ?", (guid,)).fetchone() is not None

    def number_of(self, guid: str) -> int:
        """Return the number of a GUID record in the catalogue's table."""
        row = self._database.execute("SELECT count(*) AS before FROM guid WHERE guid <= ?", (guid,)).fetchone()
        return int(row["before"])

    def cancel_deletion(self, guid: str, se: int) -> None:
        """Cancel the deletion of a GUID's replica on a storage element."""
        self._database.execute("DELETE FROM orphan WHERE guid = ? AND se = ?", (guid, se))

    def take_orphans(self) -> list[tuple[int, str]]:
        """Return the replicas to delete as storage element and PFN, and remove them from the queue."""
        rows = self._database.execute("SELECT se, pfn FROM orphan").fetchall()
        self._database.execute("DELETE FROM orphan")
        self._database.commit()
        return [(row["se"], row["pfn"]) for row in rows]

    def elements(self) -> list[StorageElement]:
        """Return all storage elements by name."""
        rows = self._database.execute("SELECT * FROM se").fetchall()
        return sorted((_element(row) for row in rows), key=lambda se: se.key)

    def element(self, name: str) -> StorageElement | None:
        """Return the storage element with this name, in any case."""
        return next((se for se in self.elements() if se.key == name.upper()), None)

    def numbered(self, number: int) -> StorageElement | None:
        """Return the storage element with this number."""
        row = self._database.execute("SELECT * FROM se WHERE number = ?", (number,)).fetchone()
        return None if row is None else _element(row)

    def save_element(self, se: StorageElement) -> None:
        """Add a storage element or replace it."""
        values = (
            *(se.number, se.name, ",".join(se.qos), se.daemon, se.path, se.demote_read, se.demote_write),
            *(",".join(se.exclusive_write), se.used, se.files, se.capacity),
        )
        self._database.execute(f"INSERT OR REPLACE INTO se VALUES({', '.join('?' * len(values))})", values)

    def distances(self, site: str) -> dict[int, float]:
        """Return the distance (0 near to 1 far) of each storage element from a site; empty for an unknown site."""
        rows = self._database.execute("SELECT se, distance FROM distance WHERE site = ?", (site.upper(),))
        return {row["se"]: row["distance"] for row in rows}

    def save_distance(self, site: str, se: int, distance: float) -> None:
        """Set the distance between a site and a storage element."""
        self._database.execute("INSERT OR REPLACE INTO distance VALUES(?, ?, ?)", (site.upper(), se, distance))

    def _replica(self, row: sqlite3.Row) -> Replica:
        se = self.numbered(row["se"]) if row["se"] != ARCHIVE_SE else None
        pfn = row["pfn"] if se is None else _HOST.sub(se.daemon.rstrip("/"), row["pfn"], count=1)
        return Replica(row["guid"], pfn, se)


def _element(row: sqlite3.Row) -> StorageElement:
    return StorageElement(
        row["number"],
        row["name"],
        tuple(filter(None, row["qos"].split(","))),
        row["daemon"],
        row["path"],
        row["demote_read"],
        row["demote_write"],
        tuple(filter(None, row["exclusive_write"].split(","))),
        row["used"],
        row["files"],
        row["capacity"],
    )
