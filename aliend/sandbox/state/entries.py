"""The namespace of the catalogue: finds, creates, moves and removes entries.

The commands check permissions; `replicas` holds the replicas of files.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aliend.sandbox.state import paths

AFTER_PREFIX = "\U0010ffff"
"""Appended to a prefix: sorts after every path with this prefix."""
_LONGEST_PATH = 256
"""The longest path: the column of the service's database holds 255 characters after the first `/`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One LFN. `path` is canonical (a directory's ends in `/`), times are POSIX milliseconds, `size` is in bytes."""

    id: int
    path: str
    parent: int
    kind: str
    owner: str
    group: str
    perm: str
    size: int
    ctime: int
    expires: int | None = None
    guid: str | None = None
    md5: str | None = None
    job: int | None = None
    replicated: int = 0
    broken: int = 0

    @property
    def is_directory(self) -> bool:
        """Return whether the entry is a directory."""
        return self.kind == "d"

    @property
    def name(self) -> str:
        """Return the last component, without `/`."""
        return paths.name(self.path)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """The fields of an entry to be created."""

    path: str
    owner: str
    group: str
    perm: str
    ctime: int
    size: int = 0
    guid: str | None = None
    md5: str | None = None
    job: int | None = None
    kind: str = "f"


def _copy(entry: Entry) -> NewEntry:
    kept = (entry.owner, entry.group, entry.perm, entry.ctime, entry.size, entry.guid, entry.md5, entry.job, entry.kind)
    return NewEntry(entry.path, *kept)


class Namespace:
    """The entries of the catalogue in `database`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def get(self, path: str) -> Entry | None:
        """Return the entry at an absolute `path`; a path without final `/` finds directories too."""
        path = paths.collapse(path)
        names = (path,) if path.endswith("/") else (path, path + "/")
        for name in names:
            row = self._database.execute("SELECT * FROM lfn WHERE path = ?", (name,)).fetchone()
            if row is not None:
                return Entry(*row)
        return None

    def children(self, directory: Entry) -> list[Entry]:
        """Return the entries in a directory, sorted by name."""
        rows = self._database.execute(
            "SELECT * FROM lfn WHERE parent_id = ? AND entry_id != ?", (directory.id, directory.id)
        )
        return sorted((Entry(*row) for row in rows), key=lambda entry: paths.collation_key(entry.name))

    def is_empty(self, directory: Entry) -> bool:
        """Return whether a directory is empty."""
        query = "SELECT 1 FROM lfn WHERE parent_id = ? AND entry_id != ? LIMIT 1"
        return self._database.execute(query, (directory.id, directory.id)).fetchone() is None

    def with_prefix(self, prefix: str) -> Iterator[Entry]:
        """Yield the entries whose path begins with `prefix`, by path."""
        query = "SELECT * FROM lfn WHERE path >= ? AND path < ? ORDER BY path"
        for row in self._database.execute(query, (prefix, prefix + AFTER_PREFIX)):
            yield Entry(*row)

    def select(self, condition: str, values: Iterable[object]) -> Iterator[Entry]:
        """Yield the entries that match an SQL condition, unordered."""
        for row in self._database.execute(f"SELECT * FROM lfn WHERE {condition}", tuple(values)):
            yield Entry(*row)

    def with_guid(self, guid: str) -> Entry | None:
        """Return one of the entries that point to a GUID."""
        row = self._database.execute("SELECT * FROM lfn WHERE guid = ? ORDER BY entry_id LIMIT 1", (guid,)).fetchone()
        return None if row is None else Entry(*row)

    def nearest_directory(self, path: str) -> Entry:
        """Return the closest directory above `path` that exists; `/` always does."""
        while True:
            path = paths.parent(path)
            entry = self.get(path)
            if entry is not None and entry.is_directory:
                return entry

    def insert(self, new: NewEntry) -> Entry:
        """Add an entry whose parent exists; truncate times to seconds as the service's database does."""
        parent = self.get(paths.parent(new.path))
        number = parent.id if parent else 0
        cursor = self._database.execute(
            "INSERT INTO lfn(path, parent_id, type, owner, gowner, perm, size, ctime, guid, md5, jobid)"
            " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(new.path, number, new.kind, new.owner, new.group, new.perm, new.size),
                *(new.ctime // 1000 * 1000, new.guid, new.md5, new.job),
            ),
        )
        assert cursor.lastrowid is not None
        entry = self.get(new.path)
        assert entry is not None
        return entry

    def make_directory(self, path: str, owner: str, group: str, now: int) -> Entry:
        """Create a directory and its missing parents; they inherit the permission of the nearest existing one."""
        canonical = path.rstrip("/") + "/"
        existing = self.get(canonical)
        if existing is not None:
            return existing
        above = self.make_directory(paths.parent(canonical), owner, group, now)
        return self.insert(NewEntry(canonical, owner, group, above.perm, now, kind="d"))

    def update(self, entry: Entry, **columns: object) -> None:
        """Change columns of an entry."""
        settings = ", ".join(f"{name} = ?" for name in columns)
        self._database.execute(f"UPDATE lfn SET {settings} WHERE entry_id = ?", (*columns.values(), entry.id))

    def delete(self, entry: Entry) -> None:
        """Remove one entry."""
        self._database.execute("DELETE FROM lfn WHERE entry_id = ?", (entry.id,))

    def move(self, entry: Entry, target: str) -> None:
        """Move an entry and everything below it to a new canonical path in an existing directory."""
        parent = self.get(paths.parent(target))
        assert parent is not None
        self.update(entry, path=target, parent_id=parent.id)
        if entry.is_directory:
            self._database.execute(
                "UPDATE lfn SET path = ? || substr(path, ?) WHERE path > ? AND path < ?",
                (target, len(entry.path) + 1, entry.path, entry.path + AFTER_PREFIX),
            )

    def move_by_entry(self, source: Entry, target: str) -> bool:
        """Move a directory into itself as the service does: one entry at a time, until a path is too long.

        Returns false, and leaves the entries that were moved so far at their new places.
        """
        if len(target) > _LONGEST_PATH:
            return False
        self.insert(dataclasses.replace(_copy(source), path=target))
        if source.is_directory:
            for child in self.children(source):
                if not self.move_by_entry(child, f"{target}{child.name}{'/' if child.is_directory else ''}"):
                    return False
            if not self.is_empty(source):
                return False
        self.delete(source)
        return True

    def has_references(self, guid: str) -> bool:
        """Return whether any entry points to a GUID."""
        return self._database.execute("SELECT 1 FROM lfn WHERE guid = ? LIMIT 1", (guid,)).fetchone() is not None
