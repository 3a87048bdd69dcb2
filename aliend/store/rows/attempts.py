"""Rows of attempts: what was tried for a transfer, and the result."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from aliend.core.transfers.attempt_record import KEPT, AttemptRecord, Stage
from aliend.core.transfers.transfer import Transfer

_COLUMNS = "transfer, number, se, stage, error, kind, bytes, began_ms, seconds, error_number"


def insert(connection: sqlite3.Connection, records: Iterable[AttemptRecord]) -> None:
    """Insert records; only the newest of each transfer are kept."""
    touched = set()
    for record in records:
        touched.add(record.transfer)
        connection.execute(
            f"INSERT INTO attempt ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.transfer,
                record.number,
                record.se,
                record.stage.value,
                record.error,
                record.kind,
                record.bytes,
                record.began_ms,
                record.seconds,
                record.error_number,
            ),
        )
    for transfer in touched:
        connection.execute(
            "DELETE FROM attempt WHERE transfer = ?1 AND id <= (SELECT id FROM attempt WHERE transfer = ?1"
            f" ORDER BY id DESC LIMIT 1 OFFSET {KEPT})",
            (transfer,),
        )


def interrupted_record(transfer: Transfer, now_ms: int) -> AttemptRecord:
    """Return the record of an attempt that was running when the daemon ended."""
    error = "interrupted by the end of the daemon"
    return AttemptRecord(transfer.id, transfer.attempts, "", Stage.UNKNOWN, error, "", 0, now_ms, 0.0)


def refused_record(transfer: int, error: str, number: int, now_ms: int) -> AttemptRecord:
    """Return the record of a file that fails before the first attempt; `number` is the errno (0: none)."""
    return AttemptRecord(transfer, 0, "", Stage.PREPARE, error, "permanent", 0, now_ms, 0.0, number)


def select(connection: sqlite3.Connection, transfers: Sequence[int]) -> list[AttemptRecord]:
    """Return the records of the attempts of these transfers, by transfer, in order."""
    marks = ",".join("?" * len(transfers))
    sql = f"SELECT {_COLUMNS} FROM attempt WHERE transfer IN ({marks}) AND number > 0 ORDER BY transfer, id"
    return [_record_of(row) for row in connection.execute(sql, tuple(transfers)).fetchall()]


def last_failures(connection: sqlite3.Connection, transfers: Sequence[int]) -> dict[int, AttemptRecord]:
    """Return the newest record with an error of each of these transfers that has one."""
    marks = ",".join("?" * len(transfers))
    newest = f"SELECT max(id) FROM attempt WHERE transfer IN ({marks}) AND error <> '' GROUP BY transfer"
    sql = f"SELECT {_COLUMNS} FROM attempt WHERE id IN ({newest})"
    records = map(_record_of, connection.execute(sql, tuple(transfers)).fetchall())
    return {record.transfer: record for record in records}


def _record_of(row: tuple[Any, ...]) -> AttemptRecord:
    transfer, number, se, stage, *rest = row
    return AttemptRecord(transfer, number, se, Stage(stage), *rest)
