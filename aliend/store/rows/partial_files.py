"""What downloads leave beside their targets: partial files that are kept after a cancellation, and new directories."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from aliend.core.transfers.attempt_record import KeptFiles
from aliend.core.transfers.transfer import Phase, Transfer
from aliend.store.database import Database
from aliend.store.rows import transfers
from aliend.store.rows.codec import in_states

_KEPT = f"intent <> '' AND {in_states(Phase.CANCELLED)} AND json_extract(intent, '$.kind') = 'partial'"
_OPEN = f"intent <> '' AND {in_states(Phase.FAILED, Phase.CANCELLED)}"
_SUMMARIES = f"""
SELECT job, count(*), total(json_extract(intent, '$.bytes')), min(json_extract(intent, '$.until_ms'))
FROM transfer WHERE {_KEPT} AND json_extract(intent, '$.bytes') > 0 GROUP BY +job
"""


class PartialFiles:
    """Partial files and directories of downloads; all methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def at(self, target: str) -> list[Transfer]:
        """Return the cancelled transfers that keep a partial file of this target, the newest first."""
        where = f"WHERE target = ? AND {_OPEN} AND {_KEPT} ORDER BY id DESC"
        return await self._database.read(lambda at: transfers.select(at, where, (target,)))

    async def of(self, job: int) -> list[Transfer]:
        """Return the transfers of a job that keep a partial file."""
        where = f"WHERE job = ? AND {_KEPT} ORDER BY id"
        return await self._database.read(lambda at: transfers.select(at, where, (job,)))

    async def summaries(self) -> dict[int, KeptFiles]:
        """Return what is kept, by job."""
        rows = await self._database.read(lambda at: at.execute(_SUMMARIES).fetchall())
        return {job: KeptFiles(files, int(size), until_ms) for job, files, size, until_ms in rows}

    async def first_end(self) -> float | None:
        """Return the POSIX second at which the first partial file need not be kept any more; None: none is kept."""
        sql = f"SELECT min(json_extract(intent, '$.until_ms')) FROM transfer WHERE {_KEPT}"
        (until_ms,) = await self._database.read(lambda at: at.execute(sql).fetchone())
        return None if until_ms is None else until_ms / 1000

    async def ended(self, now_ms: int, limit: int) -> list[Transfer]:
        """Return at most `limit` transfers whose partial file need not be kept any more, or was left by a crash."""
        where = (
            f"WHERE {_KEPT} AND (json_extract(intent, '$.until_ms') <= ? OR json_extract(intent, '$.bytes') = 0)"
            " ORDER BY id LIMIT ?"
        )
        return await self._database.read(lambda at: transfers.select(at, where, (now_ms, limit)))

    async def record_created_directories(self, job: int, directories: Sequence[str]) -> None:
        """Record local directories that are about to be created for the job."""
        rows = [(job, directory) for directory in directories]
        sql = "INSERT OR IGNORE INTO made VALUES (?, ?)"
        await self._database.write(lambda at: at.connection.executemany(sql, rows) and None)

    async def created_directories_above(self, job: int, target: str) -> list[str]:
        """Return the directories above `target` that were created for the job."""
        above = json.dumps([str(parent) for parent in Path(target).parents])
        sql = "SELECT path FROM made WHERE job = ? AND path IN (SELECT value FROM json_each(?))"
        return await self._database.read(lambda at: [path for (path,) in at.execute(sql, (job, above)).fetchall()])
