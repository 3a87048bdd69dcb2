"""Admission control: copies start when their storage elements have capacity; others do not block them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aliend.core.transfers.attempt_progress import AttemptProgress
from aliend.core.transfers.attempt_record import Stage
from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.scheduler import Limits
from aliend.core.transfers.transfer import Transfer
from aliend.engine.admission.running_attempts import RunningAttempt
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.admission.throughput_monitor import FAILED_AFTER, STALLED_AFTER, ThroughputMonitor
from aliend.errors import CopyError
from aliend.storage.tasks import Download, WorkerDied
from tests.unit.engine.conftest import Clock, House, eventually
from tests.unit.engine.fakes import FakeWorkers, Grid
from tests.unit.engine.test_wait_reasons import waits

ONE, TWO = "A::B::SE1", "A::B::SE2"
BROKEN = CopyError("the server did not answer", "transient", replicas=((ONE, "the server did not answer", 110),))


def new_limiter(clock: Clock) -> StorageElementLimiter:
    limiter = StorageElementLimiter(clock, lambda: None)
    limiter.set_limits(Limits())
    return limiter


class Metered(FakeWorkers):
    """Copies have waited for bandwidth, so many seconds ago."""

    def __init__(self, grid: Grid, ago: dict[int, float]) -> None:
        super().__init__(grid)
        self.ago = ago

    def throttled_rates(self) -> dict[int, int]:
        return dict.fromkeys(self.ago, 5)

    def seconds_since_wait(self) -> dict[int, float]:
        return self.ago


def make_unavailable(house: House, se: str) -> None:
    for _ in range(3):
        house.engine._limiter.record_failure(se, "the server did not answer")


async def test_an_element_that_backs_off_is_refused_until_due_and_then_probed_by_one_copy() -> None:
    clock = Clock()
    limiter = new_limiter(clock)
    for _ in range(3):
        limiter.record_failure(ONE, "no answer")
    with pytest.raises(CopyError, match=f"{ONE} is backing off: no answer") as caught:
        async with limiter.acquire(1, {ONE, TWO}):
            pass
    assert (caught.value.kind, caught.value.retry_after) == ("resting", 30.0)
    clock.now += 30
    async with limiter.acquire(1, {ONE}):
        with pytest.raises(CopyError, match="is backing off"):
            async with limiter.acquire(2, {ONE}):
                pass
        limiter.record_success(ONE)
    async with limiter.acquire(2, {ONE}):
        assert limiter.elements()[ONE].state == "working"


async def test_a_copy_that_switches_to_another_element_is_counted_there() -> None:
    limiter = new_limiter(Clock())
    async with limiter.acquire(1, {ONE}):
        limiter.switch_to(1, TWO)
        assert {se: one.copies for se, one in limiter.elements().items()} == {ONE: 0, TWO: 1}
    assert limiter.elements()[TWO].copies == 0


async def test_a_download_uses_another_replica_while_the_first_element_backs_off(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"data", [ONE, TWO])
    make_unavailable(house, ONE)
    await house.done(JobSpec("download", ("/a/f",), f"{tmp_path}/g"))
    (copy,) = house.workers.copies()
    assert isinstance(copy, Download)
    assert [source.se for source in copy.sources] == [TWO, ONE]


async def test_a_file_whose_only_element_backs_off_waits_without_a_failure(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"data", [ONE])
    make_unavailable(house, ONE)
    job = await house.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/g"))
    await house.until(job.id, "waiting")
    (found,) = await waits(house)
    assert (found.reason.kind, found.reason.text) == (
        "se resting",
        f"{ONE} is backing off: the server did not answer",
    )
    assert (await house.store.transfers(job.id, 1, 0))[0].failures == 0
    house.clock.now = found.reason.until + 1
    house.engine._wake.set()
    await house.until(job.id, "done")


async def test_an_upload_requests_no_unavailable_storage(house: House, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    make_unavailable(house, ONE)
    await house.done(JobSpec("upload", (f"{tmp_path}/f",), "/b/f"))
    assert [words for words in house.catalogue.log if words[0] == "access"] == [("access", "/b/f", f"disk:2,!{ONE}")]


async def test_an_upload_waits_for_unavailable_storage_rather_than_have_fewer_replicas(
    house: House, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(b"x")
    ses = list(house.grid.ses)
    for se in ses[1:]:
        make_unavailable(house, se)
    job = await house.submit(JobSpec("upload", (f"{tmp_path}/f",), "/b/f"))
    await house.until(job.id, "waiting")
    (found,) = await waits(house)
    assert found.reason.text.startswith("only 1 of 2 replicas can be written while ")
    assert house.grid.files == {}
    house.clock.now = found.reason.until + 1
    house.engine._wake.set()
    await house.until(job.id, "done")
    assert len(house.grid.replicas[house.grid.files["/b/f"].guid]) == 2


async def test_files_that_wait_for_a_full_element_use_no_slots(house: House, tmp_path: Path) -> None:
    await house.engine.change_limits({ONE: 1, "files": 3})
    for number in range(6):
        house.grid.put(f"/a/{number}", b"data", [ONE])
    house.grid.put("/b/f", b"data", [TWO])
    house.workers.hold = asyncio.Event()
    await house.submit(JobSpec("download", ("/a/",), f"{tmp_path}/in/"))
    await eventually(lambda: house.workers.running == 1)
    await house.submit(JobSpec("download", ("/b/f",), f"{tmp_path}/g"))
    await eventually(lambda: house.workers.running == 2)
    house.workers.hold.set()


async def test_files_of_a_slow_element_do_not_hold_up_files_of_others_in_their_job(
    house: House, tmp_path: Path
) -> None:
    """A few files wait for the slow element, the others return to the queue; all start when it has room again."""
    await house.engine.change_limits({ONE: 1})
    for number in range(40):
        house.grid.put(f"/a/{number:02}", b"data", [ONE if number % 2 else TWO])
    slow = [f"{tmp_path}/in/{number:02}" for number in range(1, 40, 2)]
    house.workers.held = set(slow)
    job = await house.submit(JobSpec("download", ("/a/",), f"{tmp_path}/in/"))
    await house.until_done(job.id, 20)
    reasons = {one.reason.text for one in await waits(house)}
    assert f"{ONE} is full" in reasons
    house.workers.held = set()
    assert (await house.ended(job.id)).files.done == 40


async def test_files_of_a_job_that_are_all_on_one_element_need_one_ticket_each(house: House, tmp_path: Path) -> None:
    await house.engine.change_limits({ONE: 1})
    for number in range(40):
        house.grid.put(f"/a/{number:02}", b"data", [ONE])
    job = await house.done(JobSpec("download", ("/a/",), f"{tmp_path}/in/"))
    assert job.files.done == 40
    assert house.catalogue.calls["access"] == 40


async def test_a_download_uses_another_replica_if_files_wait_for_the_first_element(
    house: House, tmp_path: Path
) -> None:
    await house.engine.change_limits({ONE: 1})
    for number in range(20):
        house.grid.put(f"/a/{number:02}", b"data", [ONE, TWO])
    house.workers.held = {f"{tmp_path}/in/00"}
    job = await house.submit(JobSpec("download", ("/a/",), f"{tmp_path}/in/"))
    await house.until_done(job.id, 17)  # one is held, two wait
    copies = [copy for copy in house.workers.copies() if isinstance(copy, Download)]
    assert sum(copy.sources[0].se == TWO for copy in copies) >= 14
    house.workers.held = set()
    assert (await house.ended(job.id)).state == "done"


async def test_a_permanent_failure_does_not_count_against_the_element(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"x", [ONE])
    house.workers.faults = [CopyError("no such file", "permanent", replicas=((ONE, "no such file", 2),))]
    job = await house.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/g"))
    await house.until(job.id, "failed")
    assert house.engine.limits_in_use().elements[ONE].why == ""


async def test_a_dead_worker_does_not_count_as_a_failure_of_the_file(house: House, tmp_path: Path) -> None:
    house.grid.put("/a/f", b"x")
    house.workers.faults = [WorkerDied("the worker process was killed by SIGKILL", "storage", 1.0)]
    job = await house.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/g"))
    await house.until(job.id, "waiting")
    assert (await house.store.transfers(job.id, 1, 0))[0].failures == 0


def new_progress(clock: Clock, number: int) -> AttemptProgress:
    limiter = AttemptProgress(Transfer(number, 1, "/a", "/t", size=100), clock)
    limiter.enter_stage(Stage.COPY)
    return limiter


async def test_a_stalled_element_backs_off_within_a_minute() -> None:
    clock = Clock()
    limiter = new_limiter(clock)
    progress = {1: new_progress(clock, 1)}
    monitor = ThroughputMonitor(limiter, lambda: progress.items(), FakeWorkers(Grid()), clock)
    async with limiter.acquire(1, {ONE}):
        for _ in range(11):
            clock.now += 5
            monitor.measure()
        assert limiter.elements()[ONE].state == "resting"
        assert "no byte moved" in limiter.elements()[ONE].why


async def test_an_element_with_one_moving_copy_has_not_stalled() -> None:
    clock = Clock()
    limiter = new_limiter(clock)
    progress = {1: new_progress(clock, 1), 2: new_progress(clock, 2)}
    monitor = ThroughputMonitor(limiter, lambda: progress.items(), FakeWorkers(Grid()), clock)
    async with limiter.acquire(1, {ONE}), limiter.acquire(2, {ONE}):
        for turn in range(20):
            clock.now += 5
            progress[2].record_bytes(turn + 1)
            monitor.measure()
        assert limiter.elements()[ONE].state == "working"


async def test_waiting_for_bandwidth_or_a_checksum_is_not_a_stall() -> None:
    clock = Clock()
    limiter = new_limiter(clock)
    slow, whole = new_progress(clock, 1), new_progress(clock, 2)
    whole.record_bytes(100)
    progress = {1: slow, 2: whole}
    monitor = ThroughputMonitor(limiter, lambda: progress.items(), Metered(Grid(), {1: 0.0}), clock)
    async with limiter.acquire(1, {ONE}), limiter.acquire(2, {TWO}):
        for _ in range(20):
            clock.now += FAILED_AFTER
            monitor.measure()
        assert {one.state for one in limiter.elements().values()} == {"working"}


async def test_a_copy_with_bandwidth_that_moves_nothing_has_stalled() -> None:
    clock = Clock()
    limiter, workers = new_limiter(clock), Metered(Grid(), {1: 0.0})
    progress = {1: new_progress(clock, 1)}
    monitor = ThroughputMonitor(limiter, lambda: progress.items(), workers, clock)
    async with limiter.acquire(1, {ONE}):
        for _ in range(11):
            clock.now += 5
            workers.ago[1] += 5
            monitor.measure()
        assert limiter.elements()[ONE].state == "resting"


async def test_a_stalled_element_accepts_no_copies_until_bytes_move() -> None:
    clock = Clock()
    limiter = new_limiter(clock)
    stuck = new_progress(clock, 1)
    monitor = ThroughputMonitor(limiter, lambda: [(1, stuck)], FakeWorkers(Grid()), clock)
    async with limiter.acquire(1, {ONE}):
        waiting = asyncio.create_task(enter(limiter, 2, {ONE, TWO}))
        clock.now += STALLED_AFTER
        monitor.mark_stalled()
        with pytest.raises(CopyError, match=f"{ONE} is not responding") as caught:
            await waiting
        assert (caught.value.kind, caught.value.retry_after) == ("resting", 60.0)
        stuck.record_bytes(1)
        monitor.mark_stalled()
        async with limiter.acquire(2, {ONE}):
            assert limiter.elements()[ONE].copies == 2


async def enter(limiter: StorageElementLimiter, number: int, ses: set[str]) -> None:
    async with limiter.acquire(number, ses):
        pass


async def test_attempts_that_wait_for_a_worker_use_no_slots_and_jobs_of_other_executors_start(
    house: House, tmp_path: Path
) -> None:
    running = house.engine._running
    executor = "dask:tls://a:1"
    job = await house.engine.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/", executor=executor), "request")
    stored = await house.store.job(job.id)
    for number in range(101, 105):
        assert running.busy_executors == ()
        waiting = new_progress(Clock(), number)
        waiting.wait_for_worker()
        running.by_transfer[number] = RunningAttempt(
            Transfer(number, job.id, "/a", f"/{number}"), stored, f"/{number}", waiting
        )
    assert (running.load().running, running.is_full) == (0, False)
    assert running.busy_executors == (executor,)
    running.by_transfer.clear()


@pytest.mark.parametrize(("files", "most"), [(8, 250), (300, 600), (5000, 1000)])
async def test_the_number_of_attempts_follows_the_limit_of_files_within_bounds(
    house: House, tmp_path: Path, files: int, most: int
) -> None:
    running = house.engine._running
    running.set_limits(Limits(files=files))
    job = await house.engine.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/"), "request")
    stored = await house.store.job(job.id)
    for number in range(101, 101 + most):
        verifying = new_progress(Clock(), number)
        verifying.enter_stage(Stage.VERIFY, ())
        running.by_transfer[number] = RunningAttempt(
            Transfer(number, job.id, "/a", f"/{number}"), stored, f"/{number}", verifying
        )
    assert running.is_full
    running.by_transfer.popitem()
    assert not running.is_full
    running.by_transfer.clear()


async def test_stalled_copies_free_their_slots_and_job(house: House, tmp_path: Path) -> None:
    running = house.engine._running
    job = await house.engine.submit(JobSpec("download", ("/a/f",), f"{tmp_path}/"), "request")
    stored = await house.store.job(job.id)
    clock = Clock()
    for number in range(101, 105):
        stuck = new_progress(clock, number)
        running.by_transfer[number] = RunningAttempt(
            Transfer(number, job.id, "/a", f"/{number}"), stored, f"/{number}", stuck
        )
        house.engine._limiter._enter(number, frozenset({ONE}))
    assert running.load().running == 4
    house.engine._limiter.set_stalled([ONE])
    assert (running.load().running, running.full_jobs(running.load()), running.is_full) == (0, [], False)
    running.by_transfer.clear()
