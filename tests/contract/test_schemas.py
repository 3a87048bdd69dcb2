"""Migrations: a database of every released schema opens with all of its data."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest

from aliend.core.transfers.attempt_record import KEPT, AttemptRecord, Stage
from aliend.core.transfers.job import Counters, JobSpec, JobState
from aliend.core.transfers.transfer import Done, Failed, Phase, Queued, ReplicasBooked, Waiting
from aliend.errors import StoreError
from aliend.store import Store
from aliend.store.schema import MIGRATIONS, backup_path
from tests.contract.test_store import CONTEXT

DATABASES = Path(__file__).parent / "databases"
RELEASED = sorted(int(file.name.split("-")[1].split(".")[0]) for file in DATABASES.glob("schema-*.db.gz"))


def unpacked(schema: int, directory: Path) -> Path:
    """The database that a daemon of that schema left when it was killed."""
    path = directory / "aliend.db"
    path.write_bytes(gzip.decompress((DATABASES / f"schema-{schema}.db.gz").read_bytes()))
    return path


def test_each_older_schema_has_a_database_here() -> None:
    assert set(range(1, len(MIGRATIONS))) <= set(RELEASED)


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


@pytest.mark.parametrize("schema", RELEASED)
async def test_a_migration_keeps_everything_of_every_released_schema(tmp_path: Path, schema: int) -> None:
    path = unpacked(schema, tmp_path)
    async with Store(path, lambda: 1000.0) as store:
        assert await store.recover() == 2
        down, up, held = reversed(await store.jobs(10, 0, active_only=False))
        assert down.spec == JobSpec("download", ("/a/",), "/tmp/x/", "always", "disk:1", 3, -1, 0o077, CONTEXT)
        assert down.files == Counters(queued=2, waiting=1, done=1, failed=1)
        assert (held.state, held.message) == (JobState.PAUSED, "no room")
        states = [one.state for one in await store.transfers(down.id, 10, 0)]
        assert states == [Done("a warning"), Failed("gone"), Waiting(1060.0, "busy"), Queued(), Queued()]
        assert (await store.transfers(up.id, 10, 0))[0].intent == ReplicasBooked("/b/f", ("g",), 2)
        assert await store.requested_job("again")
        assert await store.sessions.get("one")
        assert [one.id for one in await store.jobs(10, 0, active_only=True)] == [held.id, up.id, down.id]
    assert version_of(path) == len(MIGRATIONS)


@pytest.mark.parametrize("schema", [3, 4])
async def test_a_migration_keeps_what_schemas_2_and_3_added(tmp_path: Path, schema: int) -> None:
    async with Store(unpacked(schema, tmp_path), lambda: 1000.0) as store:
        found = await store.sessions.get("one")
        assert found
        assert (found.directory, found.stack) == ("/a/", ("/c/", "/d/"))
        (failed,) = await store.transfers(1, 10, 0, [Phase.FAILED])
        record = AttemptRecord(failed.id, 1, "A::B::C", Stage.COPY, "gone", "permanent", 5, 1, 0.5)
        assert await store.attempts([failed.id]) == [record]
        assert await store.partial_files.created_directories_above(1, "/tmp/x/0") == ["/tmp/x"]
        assert await store.limits() == {"down": 3}


@pytest.mark.parametrize("schema", [schema for schema in RELEASED if schema < len(MIGRATIONS)])
async def test_a_database_of_every_released_schema_is_copied_and_records_events(tmp_path: Path, schema: int) -> None:
    path = unpacked(schema, tmp_path)
    async with Store(path, lambda: 1000.0) as store:
        _, before = await store.position()
        await store.recover()
        reported = (await store.changes_since(0, before)).events
        assert {one.state for one in reported if one.transfer} == {"queued"}
    assert version_of(backup_path(path, schema)) == schema


async def test_before_a_migration_the_database_is_copied_and_only_then(tmp_path: Path) -> None:
    path = unpacked(1, tmp_path)
    async with Store(path):
        pass
    copy = backup_path(path, 1)
    assert version_of(copy) == 1
    assert copy.stat().st_mode & 0o777 == 0o600
    copy.unlink()
    async with Store(path):
        pass
    assert not copy.exists()


async def test_without_room_for_the_copy_nothing_is_changed(tmp_path: Path) -> None:
    path = unpacked(1, tmp_path)
    backup_path(path, 1).with_name("aliend.db.schema-1.part").mkdir()
    async with Store(path) as store:
        with pytest.raises(StoreError, match="its backup before the upgrade failed"):
            await store.jobs(1, 0, active_only=False)
        assert any("its backup" in warning for warning in store.warnings())
    assert version_of(path) == 1


async def test_attempt_records_of_a_transfer_are_kept_up_to_a_bound(tmp_path: Path) -> None:
    path = unpacked(1, tmp_path)
    async with Store(path, lambda: 1000.0) as store:
        (number,) = [one.id for one in await store.transfers(1, 10, 0, [Phase.WAITING])]
        for attempt in range(KEPT + 7):
            await store.record_attempts(
                [AttemptRecord(number, attempt, "A::B::C", Stage.COPY, "e", "transient", 5, 1, 0.5, 110)]
            )
        found = await store.attempts([number, number + 1])
        assert len(found) == KEPT
        assert found[-1] == AttemptRecord(number, KEPT + 6, "A::B::C", Stage.COPY, "e", "transient", 5, 1, 0.5, 110)
        assert await store.last_failures([number, number + 1]) == {number: found[-1]}


async def test_an_attempt_interrupted_by_the_end_of_the_daemon_is_recorded(tmp_path: Path) -> None:
    path = unpacked(1, tmp_path)
    async with Store(path, lambda: 1000.0) as store:
        ran = [one.id for job in (1, 2) for one in await store.transfers(job, 10, 0, [Phase.RUNNING])]
        await store.recover()
        assert [(one.transfer, one.number, one.stage) for one in await store.attempts(ran)] == [
            (number, 1, Stage.UNKNOWN) for number in ran
        ]
