"""What the scheduler asks of the database: which transfers may start, and when to look again. Small batches only."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from aliend.core.scheduler import Candidate
from aliend.store.jobs import JobRows

_JOBS = 16
"""Jobs looked at in one round; more cannot start anything while at most so many files run."""

_JOBS_WITH_WORK = f"""
SELECT id FROM job WHERE state IN ('expanding', 'active') AND id NOT IN (SELECT value FROM json_each(?))
AND EXISTS (SELECT 1 FROM transfer WHERE job = job.id AND ready <= ?)
ORDER BY priority DESC, id <= ?, id LIMIT {_JOBS}
"""


def candidates(
    connection: sqlite3.Connection, rows: JobRows, now: float, last_job: int, full: Collection[int], limit: int
) -> list[Candidate]:
    """Up to `limit` startable transfers of each of the next jobs in turn; jobs in `full` are left out."""
    found: list[Candidate] = []
    for (number,) in connection.execute(_JOBS_WITH_WORK, (json.dumps(sorted(full)), now, last_job)).fetchall():
        job = rows.load(connection, number)
        transfers = connection.execute(
            "SELECT id, target FROM transfer WHERE job = ? AND ready <= ? ORDER BY ready, id LIMIT ?",
            (number, now, limit),
        )
        service = str(job.spec.context.endpoint) if job.spec.direction == "upload" else ""
        found += [
            Candidate(transfer, number, job.spec.priority, job.spec.parallel, f"{service}:{target}")
            for transfer, target in transfers.fetchall()
        ]
    return found


def next_ready(connection: sqlite3.Connection, now: float) -> float | None:
    """The POSIX second at which the next waiting transfer may start; None: there is none."""
    row = connection.execute(
        "SELECT min((SELECT min(ready) FROM transfer WHERE job = job.id AND ready > ?)) FROM job"
        " WHERE state IN ('expanding', 'active') AND waiting > 0",
        (now,),
    ).fetchone()
    return row[0] if row else None
