"""A damaged database is renamed and reported; one that is temporarily unusable is opened later."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from aliend.core.connection.context import Context, CredentialFiles, Endpoint
from aliend.core.connection.pem import PemFile
from aliend.core.transfers.job import Job, JobSpec
from aliend.errors import StoreError
from aliend.store import Store
from aliend.store.damage import kept_aside

CONTEXT = Context(
    Endpoint("h", 1), CredentialFiles(PemFile("c"), PemFile("k")), CredentialFiles(PemFile("d"), PemFile("l")), "ca"
)
SPEC = JobSpec("download", ("/a/f",), "/tmp/x/", context=CONTEXT)
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aliend.db"


async def filled(path: Path) -> None:
    async with Store(path) as store:
        for number in range(20):
            await store.submit(SPEC, f"r{number}")


def overwrite(path: Path, start: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


async def as_soon_as_possible(store: Store) -> list[Job]:
    """The jobs, when the database can be read."""
    while True:
        try:
            return await store.jobs(50, 0, active_only=False)
        except StoreError:
            await asyncio.sleep(0.05)


def corrupt_every_page_but_the_first(path: Path) -> None:
    size = path.stat().st_size
    overwrite(path, PAGE, b"\xa5" * (size - PAGE))


def read(path: Path) -> bytes:
    return path.read_bytes()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no database": lambda path: path.write_bytes(b"not a database at all, but some other file" * 100),
    "header": lambda path: overwrite(path, 0, b"\0" * 100),
    "pages": corrupt_every_page_but_the_first,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_database_is_kept_and_a_new_one_begins(path: Path, damage: str) -> None:
    await filled(path)
    (path.parent / "stdin").mkdir()
    (path.parent / "stdin" / "content").write_bytes(b"from standard input")
    DAMAGES[damage](path)
    content = read(path)
    async with Store(path, lambda: 1000.0) as store:
        assert (await store.submit(SPEC, "new")).id == 1
        (kept,) = kept_aside(path)
        assert kept.name == "aliend.db.damaged-19700101T001640Z"
        assert kept.read_bytes() == content
        assert str(kept) in store.loss
        assert [str(kept) in warning for warning in store.warnings()] == [True, True]
        saved = path.parent / "stdin.damaged-19700101T001640Z" / "content"
        assert saved.read_bytes() == b"from standard input"


async def test_a_loss_is_stored_until_it_is_reported(path: Path) -> None:
    DAMAGES["no database"](path)
    async with Store(path) as store:
        loss = store.loss
    async with Store(path) as store:
        assert store.loss == loss
        await store.forget_loss()
    async with Store(path) as store:
        assert store.loss == ""
        assert store.warnings() != []
    kept_aside(path)[0].unlink()
    async with Store(path) as store:
        assert store.warnings() == []


async def test_damage_found_while_the_daemon_runs_is_checked_at_the_next_start(path: Path) -> None:
    async with Store(path) as store:
        # A large database is not checked at every start.
        await store._database.write(lambda at: at.connection.execute("CREATE TABLE big (content BLOB)") and None)
        await store._database.write(
            lambda at: at.connection.execute("INSERT INTO big VALUES (zeroblob(9000000))") and None
        )
        for number in range(2000):
            await store._database.write(
                lambda at, n=number: (
                    at.connection.execute(  # type: ignore[misc]
                        "INSERT INTO request VALUES (?, ?)", (f"{n:0200}", n)
                    )
                    and None
                ),
                durable=False,
            )
    connection = sqlite3.connect(path)
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'request'").fetchone()[0]
    connection.close()
    overwrite(path, (root - 1) * PAGE, b"\xa5" * PAGE)
    async with Store(path) as store:
        with pytest.raises(StoreError, match="alienctl daemon restart"):
            await store.requested_job("x")
        assert kept_aside(path) == []
    async with Store(path) as store:
        assert not await store.requested_job("x")
        assert len(kept_aside(path)) == 1


async def test_a_locked_database_is_waited_for(path: Path) -> None:
    await filled(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    store = Store(path)
    store._database.patience = 0.2
    async with store:
        with pytest.raises(StoreError, match="another program locks it"):
            await store.jobs(1, 0, active_only=False)
        holder.close()
        assert len(await asyncio.wait_for(as_soon_as_possible(store), 20)) == 20
        assert store.warnings() == []
