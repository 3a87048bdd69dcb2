"""The files that synchronisations will delete once everything has arrived, and cached md5s of local files."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aliend.store.database import Database, Transaction

State = Literal["pending", "deleted", "kept", "spared", "refused"]
"""`kept` could not be deleted, `spared` is in the source again."""
PAGE = 500
_REMEMBERED = 500_000
"""Local files whose md5 is kept, the newest."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """A file below the target of a job; `fingerprint` identifies it. `reason` says why it was not deleted.

    One without a name stands for all files: `refused`, nothing may be deleted.
    """

    below: str
    fingerprint: str = ""
    state: State = "pending"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FileKey:
    """What identifies the content of a local file: device, inode, bytes, mtime and ctime (POSIX nanoseconds).

    Programs can put back the mtime, but not the ctime.
    """

    device: int
    inode: int
    modified_ns: int
    size: int
    changed_ns: int


class Deletions:
    """The tables `deletion` and `local_md5`. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def clear(self, job: int) -> None:
        """Remove the plan of a job."""
        await self._database.write(
            lambda at: at.connection.execute("DELETE FROM deletion WHERE job = ?", (job,)) and None
        )

    async def add(self, job: int, deletions: Sequence[Deletion]) -> None:
        """Add files to delete, or update them."""
        rows = [(job, deletion.below, deletion.fingerprint, deletion.state, deletion.reason) for deletion in deletions]
        sql = "INSERT OR REPLACE INTO deletion VALUES (?, ?, ?, ?, ?)"
        await self._database.write(lambda at: at.connection.executemany(sql, rows) and None)

    async def page(self, job: int, after: str | None, states: Collection[State] = ()) -> list[Deletion]:
        """Return the next files of a job after a name (None: all), ordered by name; only those in `states`, if any."""
        clause = f" AND state IN ({','.join(repr(str(state)) for state in states)})" if states else ""
        sql = (
            "SELECT below, mark, state, reason FROM deletion WHERE job = ?1 AND (?2 IS NULL OR below > ?2)"
            f"{clause} ORDER BY below LIMIT {PAGE}"
        )
        return await self._database.read(
            lambda at: [Deletion(*row) for row in at.execute(sql, (job, after)).fetchall()]
        )

    async def known_md5s(self, keys: Sequence[FileKey]) -> dict[FileKey, str]:
        """Return the md5 of the files that have not changed since they were read."""
        wanted = {(key.device, key.inode): key for key in keys}
        sql = (
            "SELECT device, inode, modified_ns, size, changed_ns, md5 FROM local_md5 JOIN json_each(?) AS wanted"
            " ON device = wanted.value ->> 0 AND inode = wanted.value ->> 1"
        )
        rows = await self._database.read(lambda at: at.execute(sql, (json.dumps(list(wanted)),)).fetchall())
        cached = {FileKey(*row[:5]): row[5] for row in rows}
        return {key: cached[key] for key in keys if key in cached}

    async def save_md5s(self, md5s: Mapping[FileKey, str]) -> None:
        """Save md5s."""
        rows = [(key.device, key.inode, key.modified_ns, key.size, key.changed_ns, md5) for key, md5 in md5s.items()]

        def write(at: Transaction) -> None:
            at.connection.executemany(
                "INSERT OR REPLACE INTO local_md5 (device, inode, modified_ns, size, changed_ns, md5)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            at.connection.execute(
                "DELETE FROM local_md5 WHERE number <= (SELECT max(number) FROM local_md5) - ?", (_REMEMBERED,)
            )

        if rows:
            await self._database.write(write)
