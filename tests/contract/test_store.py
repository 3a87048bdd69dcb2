"""The properties of the store that the engine relies on, with real SQLite files."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from aliend import VERSION
from aliend.core.catalogue.entries import Ticket
from aliend.core.connection.context import Context, CredentialFiles, Endpoint
from aliend.core.connection.pem import PemFile
from aliend.core.transfers.attempt_record import KeptFiles
from aliend.core.transfers.job import Cancel, Checkpoint, Counters, ExpansionAdvanced, JobSpec, Retry
from aliend.core.transfers.replacement import Replacing
from aliend.core.transfers.scheduler import RoundRobin
from aliend.core.transfers.transfer import (
    UNFINISHED,
    AttemptFailed,
    Event,
    Failed,
    IntentSaved,
    NoIntent,
    PartialKept,
    Phase,
    Queued,
    ReplicasBooked,
    Running,
    Started,
    State,
    Succeeded,
    Waiting,
)
from aliend.core.transfers.transfer import Cancel as CancelTransfer
from aliend.core.transfers.transfer import Retry as RetryTransfer
from aliend.errors import NoSuchJob, StoreError, UsageError
from aliend.store import BATCH, NewTransfer, SchedulingQuery, SchedulingResult, Store, TransferChange
from aliend.store.database import Database, Transaction
from aliend.store.schema import MIGRATIONS

CONTEXT = Context(
    Endpoint("h", 1),
    CredentialFiles(PemFile("c"), PemFile("k")),
    CredentialFiles(PemFile("d"), PemFile("l")),
    "ca",
    "s",
    "r",
    "site",
)
SPEC = JobSpec(
    "download",
    ("/a/f", "/a/ü"),
    "/tmp/x/",
    overwrite="always",
    storage="disk:1",
    parallel=3,
    priority=-1,
    umask=0o077,
    context=CONTEXT,
)
ALL = ExpansionAdvanced(Checkpoint(2, "directory"))
NOW = 1000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aliend.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with Store(path, lambda: NOW) as store:
        yield store


async def agenda(store: Store, asked: SchedulingQuery) -> SchedulingResult:
    """Return what may start, without starting it."""
    return (await store.start(asked, lambda _: ((), RoundRobin())))[0]


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def link(path: Path, target: Path) -> None:
    path.symlink_to(target)


def files(count: int) -> list[NewTransfer]:
    return [NewTransfer(f"/a/{n}", f"/tmp/x/{n}", size=10) for n in range(count)]


async def filled(store: Store, count: int) -> int:
    job = await store.submit(SPEC, f"request of {count}")
    await store.add(job.id, files(count), ALL)
    return job.id


async def test_a_stored_job_is_read_unchanged(path: Path) -> None:
    async with Store(path, lambda: NOW) as store:
        job = await store.submit(SPEC, "one")
    async with Store(path, lambda: NOW) as store:
        assert await store.job(job.id) == job
        assert (job.spec, job.created_ms) == (SPEC, 1_000_000)


async def test_one_request_is_one_job(store: Store) -> None:
    first = await store.submit(SPEC, "one")
    assert await store.submit(JobSpec("upload", ("/b",), "/c"), "one") == first
    assert (await store.submit(SPEC, "two")).id != first.id


async def test_files_found_twice_are_stored_once_and_a_taken_target_is_a_failure(store: Store) -> None:
    job = await store.submit(SPEC, "one")
    await store.add(job.id, files(3))
    after = await store.add(job.id, [*files(3), NewTransfer("/b/0", "/tmp/x/0", 10)], ALL)
    assert after.files == Counters(queued=3, failed=1)
    assert (after.bytes_total, after.is_expanded) == (40, True)


async def test_states_and_intents_are_read_unchanged(store: Store) -> None:
    job = await filled(store, 1)
    number = (await store.transfers(job, 10, 0))[0].id
    script: list[tuple[Event, State]] = [
        (Started(), Running()),
        (AttemptFailed("transient", "why", 7.0, 0.0), Waiting(NOW + 7, "why")),
        (Started(), Running()),
        (AttemptFailed("permanent", "why", 0.0, 0.0), Failed("why")),
    ]
    for event, state in script:
        await store.change(number, event)
        assert (await store.transfer(number)).state == state
    ticket = Ticket("root://se//g", "secret", "g", "A::B::SE", 5)
    for intent in (
        ReplicasBooked("/a/f", ("g", "h"), 2),
        ReplicasBooked("/a/f", ("g",), 1, (ticket,)),
        Replacing("/a/t", "/a/o", "g", "h"),
    ):
        await store.change(number, IntentSaved(intent))
        assert (await store.transfer(number)).intent == intent
    assert [one.id for one in await store.unfinished_intents()] == [number]


async def test_partial_files_are_found_by_target_by_job_and_by_end(store: Store) -> None:
    job = await filled(store, 3)
    first, second, third = [one.id for one in await store.transfers(job, 10, 0)]
    for number in (first, second, third):
        await store.change(number, Started())
        await store.change(number, CancelTransfer(keep_until_ms=1000 * number))
    await store.change(first, IntentSaved(PartialKept(5000, 70)))
    await store.change(second, IntentSaved(PartialKept(9000, 30)))
    assert await store.partial_files.summaries() == {job: KeptFiles(2, 100, 5000)}
    target = (await store.transfer(first)).target
    assert [one.id for one in await store.partial_files.at(target)] == [first]
    assert [one.id for one in await store.partial_files.of(job)] == [first, second, third]
    assert [one.id for one in await store.partial_files.ended(4999, 10)] == [third]
    assert [one.id for one in await store.partial_files.ended(5000, 10)] == [first, third]
    assert await store.partial_files.first_end() == third
    assert await store.history.remove(job) == 0
    for number in (first, second, third):
        await store.change(number, IntentSaved(NoIntent()))
    assert await store.partial_files.first_end() is None
    assert await store.history.remove(job) > 0


async def test_counters_follow_the_files_and_the_job_ends_with_the_last(store: Store) -> None:
    job = await filled(store, 2)
    first, second = [one.id for one in await store.transfers(job, 10, 0)]
    await store.change(first, Started())
    assert (await store.job(job)).files == Counters(queued=1, running=1)
    await store.change(first, Succeeded(12, "abc"))
    await store.change(second, Started())
    ended = (await store.change(second, AttemptFailed("permanent", "why", 0.0, 0.0))).job
    assert ended.files == Counters(done=1, failed=1)
    assert (ended.state, ended.ended_ms, ended.bytes_done, ended.bytes_total) == ("partial", 1_000_000, 12, 22)


async def test_a_long_job_is_cancelled_and_retried_in_batches(store: Store) -> None:
    job = await filled(store, BATCH + 1)
    first = await store.change_many(job, UNFINISHED, CancelTransfer(), Cancel())
    assert len(first.transfers) == BATCH
    rest = await store.change_many(job, UNFINISHED, CancelTransfer(), Cancel(), first.transfers[-1].id)
    assert (len(rest.transfers), rest.job.state, rest.job.files) == (1, "cancelled", Counters(cancelled=BATCH + 1))
    assert rest.job.ended_ms
    again = await store.change_many(job, [Phase.CANCELLED], RetryTransfer(), Retry())
    assert (again.job.state, again.job.ended_ms) == ("active", 0)
    assert again.job.files == Counters(queued=BATCH, cancelled=1)


async def test_the_events_of_several_files_are_saved_together(store: Store) -> None:
    job, other = await filled(store, 3), await filled(store, 1)
    first, second, third = [one.id for one in await store.transfers(job, 10, 0)]
    fourth = (await store.transfers(other, 10, 0))[0].id
    for number in (first, second, fourth):
        await store.change(number, Started())
    results = await store.change_each(
        [
            TransferChange(second, AttemptFailed("permanent", "why", 0.0, 0.0)),
            TransferChange(fourth, Succeeded(12, "abc")),
            TransferChange(first, Succeeded(12, "abc")),
        ]
    )
    assert [result.transfers[0].id for result in results] == [second, fourth, first]
    assert (await store.job(job)).files == Counters(queued=1, done=1, failed=1) == results[0].job.files
    assert (await store.job(other)).state.value == "done"
    assert results[1].job.ended_ms
    assert (await store.transfer(third)).state == Queued()


async def test_a_cancelled_job_takes_no_more_files(store: Store) -> None:
    job = await filled(store, 1)
    await store.change_many(job, UNFINISHED, CancelTransfer(), Cancel())
    assert (await store.add(job, files(5))).files == Counters(cancelled=1)


async def test_running_transfers_are_queued_after_a_restart(path: Path) -> None:
    async with Store(path, lambda: NOW) as store:
        job = await filled(store, 2)
        number = (await store.transfers(job, 10, 0))[0].id
        await store.change(number, Started())
    async with Store(path, lambda: NOW) as store:
        assert await store.recover() == 1
        assert (await store.job(job)).files == Counters(queued=2)
        assert (await store.transfer(number)).state == Queued()


async def test_candidates_are_transfers_that_are_due(store: Store) -> None:
    job = await filled(store, 3)
    first, second, third = [one.id for one in await store.transfers(job, 10, 0)]
    await store.change(first, Started())
    await store.change(second, Started())
    await store.change(second, AttemptFailed("transient", "why", 50.0, 0.0))
    now, later = [await agenda(store, SchedulingQuery(at, limit=10)) for at in (NOW, NOW + 50)]
    assert [one.transfer for one in now.candidates] == [third]
    assert [one.transfer for one in later.candidates] == [third, second]
    assert (await agenda(store, SchedulingQuery(NOW + 50, full=[job], limit=10))).candidates == []
    assert now.next_ready == NOW + 50


async def test_selected_transfers_are_started_in_the_same_call(store: Store) -> None:
    job = await filled(store, 3)
    _, started, turns = await store.start(SchedulingQuery(NOW, limit=10), lambda found: (found[1:], RoundRobin(job)))
    assert [(one.transfer, outcome.transfers[0].state) for one, outcome in started] == [(2, Running()), (3, Running())]
    assert turns == RoundRobin(job)
    assert (await store.job(job)).files == Counters(queued=1, running=2)


async def test_each_change_is_returned_once_in_pages(store: Store) -> None:
    job = await filled(store, 1500)
    seen: list[int] = []
    revision, complete = 0, False
    while not complete:
        page = await store.changes_since(job, revision)
        seen += [one.id for one in page.transfers]
        revision, complete = page.revision, page.complete
    assert len(seen) == len(set(seen)) == 1500
    assert not (await store.changes_since(job, revision)).transfers
    await store.change(seen[7], Started())
    page = await store.changes_since(0, revision)
    assert [one.id for one in page.transfers] == [seen[7]]
    assert [one.id for one in page.jobs] == [job]


async def test_each_state_change_is_an_event_returned_once(store: Store) -> None:
    job = await filled(store, 2)
    first, second = [one.id for one in await store.transfers(job, 10, 0)]
    await store.change(first, Started())
    await store.change(first, IntentSaved(ReplicasBooked("/a/f", ("g",), 2)))
    await store.change(first, Succeeded(10, "abc"))
    await store.change(second, Started())
    await store.change(second, AttemptFailed("permanent", "why " * 1000, 0.0, 0.0))
    found = await store.changes_since(0, 0)
    assert [(one.transfer, one.state, one.source) for one in found.events] == [
        (0, "expanding", ""),
        *((number, "queued", f"/a/{name}") for name, number in enumerate((first, second))),
        (0, "active", ""),
        (first, "running", "/a/0"),
        (first, "done", "/a/0"),
        (second, "running", "/a/1"),
        (second, "failed", "/a/1"),
        (0, "partial", ""),
    ]
    assert (found.events[-2].reason, found.events[-1].time_ms) == (("why " * 1000)[:300], 1_000_000)
    middle = found.events[4].number
    assert (await store.changes_since(job, middle)).events == found.events[5:]
    assert (await store.changes_since(job + 1, middle)).events == ()
    assert (await store.changes_since(0, 0, base=found.revision)).events == ()


async def test_pages_of_events_agree_with_pages_of_transfers(store: Store) -> None:
    job = await filled(store, 1500)
    for number in [one.id for one in await store.transfers(job, 700, 0)]:
        await store.change(number, Started())
    seen: list[int] = []
    revision, complete = 0, False
    while not complete:
        page = await store.changes_since(0, revision)
        assert all(revision < one.number <= page.revision for one in page.events)
        seen += [one.number for one in page.events]
        revision, complete = page.revision, page.complete
    assert len(seen) == 1 + 1500 + 1 + 700
    assert seen == sorted(set(seen))


async def test_a_cancelled_job_is_cancelling_until_its_last_file_has_ended(store: Store) -> None:
    job = await filled(store, BATCH + 1)
    outcome = await store.change_many(job, UNFINISHED, CancelTransfer(), Cancel())
    await store.change_many(job, UNFINISHED, CancelTransfer(), Cancel(), outcome.transfers[-1].id)
    reported: list[str] = []
    revision, complete = 0, False
    while not complete:
        page = await store.changes_since(job, revision)
        reported += [one.state for one in page.events if not one.transfer]
        revision, complete = page.revision, page.complete
    assert reported == ["expanding", "active", "cancelling", "cancelled"]
    assert page.events[-1].state == "cancelled"


async def test_a_future_revision_is_refused(store: Store) -> None:
    with pytest.raises(UsageError):
        await store.changes_since(0, 10**6)


async def test_sessions_are_stored(store: Store) -> None:
    assert await store.sessions.get("one") is None
    await store.sessions.put("one @x", "/a/", "/b/", user="u", home="/a/")
    found = await store.sessions.get("one @x")
    assert found
    assert (found.directory, found.previous, found.user, found.home) == ("/a/", "/b/", "u", "/a/")
    assert await store.sessions.latest(" @x") == found
    assert await store.sessions.latest(" @y") is None


async def test_old_sessions_of_python_programs_expire(store: Store) -> None:
    for name in ("python:1 @here", "terminal @here"):
        await store.sessions.put(name, "/a/")
    assert await store.sessions.expire(0) == 0
    assert await store.sessions.expire(1 << 60) == 1
    assert await store.sessions.get("python:1 @here") is None
    assert await store.sessions.get("terminal @here") is not None


async def test_an_unknown_job_is_an_error(store: Store) -> None:
    with pytest.raises(NoSuchJob):
        await store.job(5)


async def test_the_file_is_private(store: Store, path: Path) -> None:
    await store.submit(SPEC, "one")
    for one in path.parent.glob("aliend.db*"):
        assert one.stat().st_mode & 0o777 == 0o600


async def test_a_database_of_a_newer_schema_is_refused_and_unchanged(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
    connection.execute("INSERT INTO meta VALUES ('version', '9.1')")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.commit()
    connection.close()
    before = read(path)
    with pytest.raises(StoreError, match=rf"aliend 9\.1.*aliend {VERSION}"):
        await Store(path).__aenter__()
    assert read(path) == before
    assert sorted(one.name for one in path.parent.iterdir()) == ["aliend.db"]


async def test_a_link_in_place_of_the_file_is_refused(path: Path, tmp_path: Path) -> None:
    link(path, tmp_path / "elsewhere")
    async with Store(path) as store:
        with pytest.raises(StoreError, match="cannot open"):
            await store.submit(SPEC, "one")
    assert not (tmp_path / "elsewhere").exists()


async def test_a_full_disk_is_an_error_and_changes_nothing(store: Store) -> None:
    job = await filled(store, 1)
    await store._database.read(lambda at: at.execute("PRAGMA max_page_count = 1").fetchone())
    with pytest.raises(StoreError, match="the disk is full"):
        await store.add(job, files(5000))
    assert (await store.job(job)).files.total == 1
    await store._database.read(lambda at: at.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert (await store.submit(SPEC, "next")).id


async def test_a_job_that_could_not_be_stored_does_not_affect_the_next_one_with_its_number(store: Store) -> None:
    failing = "CREATE TRIGGER failing BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'as a full disk would'); END"
    await store._database.read(lambda at: at.execute(failing))
    with pytest.raises(StoreError, match="as a full disk would"):
        await store.submit(JobSpec("download", ("/a",), "/tmp/wrong/"), "one")
    await store._database.read(lambda at: at.execute("DROP TRIGGER failing"))
    job = await store.submit(SPEC, "two")
    expanding = (await agenda(store, SchedulingQuery(NOW, expansions=9))).expanding
    assert (job.id, job.spec, expanding[0].spec) == (1, SPEC, SPEC)


async def test_cancelling_the_caller_does_not_undo_its_transaction(store: Store) -> None:
    changed = store.watch()
    task = asyncio.ensure_future(store.submit(SPEC, "one"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait_for(changed.wait(), 10)
    store.unwatch(changed)
    assert task.cancelled()
    assert len(await store.jobs(10, 0, active_only=True)) == 1


SUBMIT_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from aliend.core.transfers.job import JobSpec
from aliend.store import Store

async def main():
    async with Store(Path(sys.argv[1])) as store:
        for number in range(100000):
            job = await store.submit(JobSpec("download", ("/a",), "/b"), str(number))
            print(job.id, flush=True)

asyncio.run(main())
"""


def submit_and_kill(path: Path) -> list[int]:
    """Return the jobs acknowledged to another process before it was killed."""
    with subprocess.Popen([sys.executable, "-c", SUBMIT_FOR_EVER, path], stdout=subprocess.PIPE) as process:
        assert process.stdout
        acknowledged = [int(process.stdout.readline()) for _ in range(20)]
        process.kill()
    return acknowledged


async def test_acknowledged_changes_survive_a_kill(path: Path) -> None:
    acknowledged = await asyncio.to_thread(submit_and_kill, path)
    async with Store(path) as store:
        assert [(await store.job(number)).id for number in acknowledged] == acknowledged


async def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    async with Store(tmp_path / "none" / "aliend.db") as store:
        with pytest.raises(StoreError, match=r"cannot open .*: No such file"):
            await store.submit(SPEC, "one")


async def test_queued_changes_share_a_transaction_and_a_failed_one_undoes_only_itself(path: Path) -> None:
    database = Database(path, lambda: NOW)
    await database.open()
    commits: list[str] = []
    await database.read(lambda at: at.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None))

    def remember(name: str) -> Callable[[Transaction], None]:
        def write(transaction: Transaction) -> None:
            transaction.connection.execute("INSERT INTO meta VALUES (?, 'x')", (name,))
            if name == "two":
                raise ValueError(name)

        return write

    begun, go_on = threading.Event(), threading.Event()

    def slow_one(_: Transaction) -> None:
        begun.set()
        go_on.wait(10)

    slow = asyncio.create_task(database.write(slow_one))
    await asyncio.to_thread(begun.wait, 10)
    others = [asyncio.create_task(database.write(remember(name))) for name in ("one", "two", "three")]
    await asyncio.sleep(0)
    go_on.set()
    reported = await asyncio.gather(*others, return_exceptions=True)
    await slow
    assert [type(one) for one in reported] == [type(None), ValueError, type(None)]
    kept = await database.read(lambda at: at.execute("SELECT key FROM meta WHERE value = 'x' ORDER BY 1").fetchall())
    assert kept == [("one",), ("three",)]
    assert len(commits) == 2
    await database.close()
