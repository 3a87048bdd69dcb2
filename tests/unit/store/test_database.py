"""Local names that are not UTF-8 in the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from aliend.errors import StoreError
from aliend.store.database import Database, Transaction

TEXT, BYTES = "/data/é", "/data/\udcff\udcfe"


async def _stored(path: Path, names: Sequence[str]) -> list[str]:
    """Store names in one call; return what the next daemon reads."""
    rows = [(f"name {number}", name) for number, name in enumerate(names)]

    def add(at: Transaction) -> None:
        at.connection.executemany("INSERT INTO meta VALUES (?, ?)", iter(rows))

    def read(connection: sqlite3.Connection) -> list[str]:
        sql = "SELECT value FROM meta WHERE key LIKE 'name %' ORDER BY key"
        return [name for (name,) in connection.execute(sql)]

    database = Database(path, lambda: 0.0)
    await database.open()
    await database.write(add)
    before = await database.read(read)
    await database.close()
    database = Database(path, lambda: 0.0)
    await database.open()
    after = await database.read(read)
    await database.close()
    assert before == after
    return after


@pytest.mark.parametrize(
    "names", [(TEXT,), (BYTES,), (BYTES, TEXT), (TEXT, BYTES), (TEXT, BYTES, BYTES, TEXT), (BYTES, TEXT, BYTES)]
)
async def test_names_are_read_as_they_were_stored(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert await _stored(tmp_path / "state.db", names) == list(names)


async def test_a_failed_change_does_not_spoil_later_ones(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db", lambda: 0.0)
    await database.open()

    def fail(at: Transaction) -> None:
        at.connection.execute("INSERT INTO meta VALUES ('name', ?)", (BYTES,))
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await database.write(fail)
    await database.close()
    assert await _stored(tmp_path / "state.db", (BYTES,)) == [BYTES]


async def _loss_at_next_start(path: Path) -> str:
    database = Database(path, lambda: 0.0)
    await database.open()
    loss = database.loss
    await database.close()
    return loss


async def test_the_first_start_reports_no_loss(tmp_path: Path) -> None:
    assert [await _loss_at_next_start(tmp_path / "state.db") for _ in range(2)] == ["", ""]


async def test_an_empty_file_that_never_was_a_database_is_no_loss(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    assert await _loss_at_next_start(tmp_path / "state.db") == ""


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(b"")])
async def test_a_database_that_was_removed_or_emptied_is_reported(
    tmp_path: Path, lose: Callable[[Path], object]
) -> None:
    path = tmp_path / "state.db"
    await _loss_at_next_start(path)
    lose(path)
    for _ in range(2):  # until somebody has read it
        assert "was removed or emptied; its jobs and sessions are lost" in await _loss_at_next_start(path)
    database = Database(path, lambda: 0.0)
    await database.open()
    await database.forget_loss()
    await database.close()
    assert await _loss_at_next_start(path) == ""


async def test_nothing_is_acknowledged_after_the_database_was_removed(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db", lambda: 0.0)
    await database.open()
    (tmp_path / "state.db").unlink()
    with pytest.raises(StoreError, match=r"was removed; .*`alienctl daemon restart`"):
        await database.write(lambda at: at.connection.execute("INSERT INTO meta VALUES ('a', 'b')") and None)
    await database.close()
