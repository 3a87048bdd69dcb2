"""The reasons why files wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aliend.core.transfers.job import Job, JobSpec, JobState
from aliend.core.transfers.scheduler import Limits
from aliend.core.transfers.transfer import (
    Cancelled,
    Done,
    Failed,
    Queued,
    Running,
    State,
    Transfer,
    Waiting,
)
from aliend.core.transfers.wait_reason import (
    ElementLoad,
    Reason,
    RunningCopy,
    SchedulerSnapshot,
    expansion_wait_reason,
    wait_reason,
)
from aliend.errors import Obstacle

JOB = Job(1, JobSpec("download", ("/a",), "/t"), JobState.ACTIVE, 0)
FREE = SchedulerSnapshot(1000.0, Limits(files=2), (), {}, {1: 0})


def of(state: State, job: Job = JOB, around: SchedulerSnapshot = FREE, kind: str = "") -> Reason | None:
    return wait_reason(Transfer(7, job.id, "/a", "/t", state), job, kind, around)


def copies(count: int, job: int = 2) -> tuple[RunningCopy, ...]:
    return tuple(RunningCopy(100 + n, job, "download", f":/x/{n}") for n in range(count))


def kind_of(found: Reason | None) -> str:
    return found.kind if found else ""


@pytest.mark.parametrize("state", [Done(), Failed("x"), Cancelled(), Running()])
def test_ended_and_active_transfers_do_not_wait(state: State) -> None:
    assert of(state) is None


def test_a_users_pause_differs_from_a_full_disk() -> None:
    assert kind_of(of(Queued(), replace(JOB, state=JobState.PAUSED))) == "paused"
    held = of(Queued(), replace(JOB, state=JobState.PAUSED, message="free some space"))
    assert held == Reason(
        "held",
        "free some space; the job resumes automatically once this is fixed, or with `alienctl transfers resume 1`",
    )
    full = replace(JOB, state=JobState.PAUSED, message="free some space", obstacle=Obstacle("space", "/t", 5))
    assert kind_of(of(Queued(), full)) == "space"


def test_a_pause_after_a_failure_has_an_end_time() -> None:
    assert of(Waiting(1060.0, "busy"), kind="transient") == Reason("retry", "busy", 1060.0)
    assert of(Waiting(1060.0, "no token"), kind="credential") == Reason("credential", "no token", 1060.0)
    assert kind_of(of(Waiting(999.0, "busy"))) == "next"


def test_a_full_storage_element_is_named() -> None:
    mine = RunningCopy(7, 1, "download", ":/t", ("A::B::C", "A::B::D"))
    found = of(
        Running(),
        around=replace(FREE, running=(mine,), elements={"A::B::C": ElementLoad(4, 4), "A::B::D": ElementLoad(1, 4)}),
    )
    assert found == Reason("se full", "A::B::C has 4 of 4 copies")


def test_copies_that_wait_for_a_worker_use_no_slot_and_are_the_reason_for_files_of_their_executor() -> None:
    job = replace(JOB, spec=replace(JOB.spec, executor="dask:/s"))
    waiting = tuple(replace(one, needs_worker=True, executor="dask:/s") for one in copies(4, job.id))
    behind = of(Queued(), job, replace(FREE, running=waiting))
    assert behind is not None
    assert behind.text.startswith("no worker of the cluster is free")
    assert kind_of(of(Queued(), around=replace(FREE, running=waiting))) == "next"
    full = of(Queued(), around=replace(FREE, running=(*waiting, *copies(2))))
    assert full == Reason("limit", "the limit of 2 files at a time is reached (2 of job 2)", job=2)


def test_a_file_behind_others_of_its_job_that_wait_for_storage_says_so() -> None:
    stuck = tuple(RunningCopy(n, 1, "download", f":/x/{n}", ("A::B::C",)) for n in (8, 9))
    assert of(Queued(), around=replace(FREE, running=stuck)) == Reason(
        "se full", "2 earlier files of its job wait for a free slot on A::B::C", job=1
    )
    assert kind_of(of(Queued(), around=replace(FREE, running=stuck[:1]))) == "next"


def test_a_storage_element_that_backs_off_is_reported_with_the_time_of_the_next_check() -> None:
    assert of(Waiting(1060.0, "A rests"), kind="storage") == Reason("se resting", "A rests", 1060.0)
    text = "A::B::C is backing off: no answer"
    assert of(Waiting(1060.0, text), kind="transient") == Reason("se resting", text, 1060.0)


def test_throttling_of_an_active_copy_is_reported() -> None:
    mine = RunningCopy(7, 1, "download", ":/t")
    found = of(Running(), around=replace(FREE, running=(mine,), bandwidth_shares={7: 1 << 20}))
    assert found == Reason("bandwidth", "throttled to 1024 KiB/s; see `alienctl transfers limit`")


def test_limits_say_who_has_the_slots() -> None:
    found = of(Queued(), around=replace(FREE, running=copies(2)))
    assert found == Reason("limit", "the limit of 2 files at a time is reached (2 of job 2)", job=2)
    found = of(Queued(), around=replace(FREE, limits=Limits(files=9, down=1), running=copies(1)))
    assert found == Reason("limit", "the limit of 1 download at a time is reached (1 of job 2)", job=2)
    found = of(Queued(), around=replace(FREE, limits=Limits(files=9, up=1), running=copies(1)))
    assert kind_of(found) == "next"
    own = replace(JOB, spec=replace(JOB.spec, parallel=1))
    assert of(Queued(), own, replace(FREE, running=copies(1, job=1))) == Reason(
        "limit", "job 1 is at its own limit of 1 file at a time", job=1
    )


def test_a_job_of_higher_priority_starts_first() -> None:
    around = replace(FREE, waiting_jobs={1: 0, 2: 5, 3: 9})
    assert of(Queued(), around=around) == Reason("behind", "job 3 has a higher priority", job=3)
    full = of(Queued(), around=replace(around, running=copies(2)))
    assert full == Reason("limit", "the limit of 2 files at a time is reached, and job 3 has a higher priority", job=3)


def test_two_copies_to_one_target_wait_for_each_other() -> None:
    around = replace(FREE, running=(RunningCopy(5, 3, "download", ":/t"),))
    assert of(Queued(), around=around) == Reason("target", "transfer 5 of job 3 is writing the same target", job=3)


def test_files_that_are_not_listed_yet_are_reported() -> None:
    assert expansion_wait_reason(JOB) is None
    assert kind_of(expansion_wait_reason(replace(JOB, state=JobState.EXPANDING))) == "expanding"
