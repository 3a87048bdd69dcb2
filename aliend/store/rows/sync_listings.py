"""The listings of source and target of a synchronisation, matched by name and in order.

They are stored in a temporary SQLite database, which spills to disk as it grows and vanishes with this object: memory
does not grow with the number of files. Blocking; used by one thread at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Side = Literal["source", "target"]
PAGE = 500


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file: name below the directory, bytes, md5 (empty: unknown), fingerprint, and why it cannot be copied."""

    below: str
    size: int
    md5: str = ""
    fingerprint: str = ""
    problem: str = ""


class SyncListings:
    """The two listings; must be closed."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        for side in ("source", "target"):
            self._database.execute(
                f"CREATE TABLE {side} (below TEXT PRIMARY KEY, size INTEGER, md5 TEXT, mark TEXT, problem TEXT)"
                " WITHOUT ROWID"
            )

    def close(self) -> None:
        """Discard everything."""
        self._database.close()

    def add(self, side: Side, files: Iterable[ListedFile]) -> None:
        """Add files; of several with the same name the last one counts."""
        rows = [(file.below, file.size, file.md5, file.fingerprint, file.problem) for file in files]
        self._database.execute("BEGIN")
        self._database.executemany(f"INSERT OR REPLACE INTO {side} VALUES (?, ?, ?, ?, ?)", rows)
        self._database.execute("COMMIT")

    def count(self, side: Side) -> tuple[int, int, str]:
        """Return the number of good files of a side, of those with a problem, and the first problem."""
        sql = f"SELECT count(*), count(nullif(problem, '')), coalesce(min(nullif(problem, '')), '') FROM {side}"
        files, problems, first = self._database.execute(sql).fetchone()
        return files - problems, problems, first

    def unlisted(self) -> list[ListedFile]:
        """Return the parts of the target that could not be listed, by name."""
        return [
            ListedFile(*row)
            for row in self._database.execute("SELECT * FROM target WHERE problem != '' ORDER BY below")
        ]

    def has(self, below: str) -> bool:
        """Return whether the source has a file of that name."""
        return self._database.execute("SELECT 1 FROM source WHERE below = ?", (below,)).fetchone() is not None

    def matched_pages(self) -> Iterator[list[tuple[ListedFile, ListedFile | None]]]:
        """Return each file of the source with the target's, ordered by name, in pages."""
        last = ""
        while True:
            rows = self._database.execute(
                "SELECT s.*, t.* FROM source s LEFT JOIN target t ON t.below = s.below AND t.problem = ''"
                f" WHERE s.below > ? ORDER BY s.below LIMIT {PAGE}",
                (last,),
            ).fetchall()
            if not rows:
                return
            yield [(ListedFile(*row[:5]), ListedFile(*row[5:]) if row[5] is not None else None) for row in rows]
            last = rows[-1][0]

    def extra_pages(self) -> Iterator[list[ListedFile]]:
        """Return the files of the target that the source does not have, ordered by name, in pages."""
        last = ""
        while True:
            rows = self._database.execute(
                "SELECT * FROM target t WHERE below > ? AND problem = ''"
                " AND NOT EXISTS (SELECT 1 FROM source WHERE below = t.below)"
                f" ORDER BY below LIMIT {PAGE}",
                (last,),
            ).fetchall()
            if not rows:
                return
            yield [ListedFile(*row) for row in rows]
            last = rows[-1][0]
