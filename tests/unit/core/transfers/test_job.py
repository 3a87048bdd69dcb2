"""The state machine of a job."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from aliend.core.transfers.job import (
    Cancel,
    Checkpoint,
    Counters,
    ExpansionAdvanced,
    Hold,
    Job,
    JobEvent,
    JobSpec,
    JobState,
    Release,
    Retry,
    SetMessage,
    ended_if_finished,
    step,
)

SPEC = JobSpec("download", ("/a/f", "/a/g"), "/tmp/")
FRESH = Job(1, SPEC, JobState.EXPANDING, created_ms=5)
ALL = ExpansionAdvanced(Checkpoint(2, "directory"))


def play(job: Job, *events: JobEvent) -> Job:
    for event in events:
        job = step(job, event)
    return job


def with_files(job: Job, **files: int) -> Job:
    return replace(job, files=Counters(**files))


def test_a_job_is_active_when_all_sources_are_expanded() -> None:
    assert play(FRESH, ExpansionAdvanced(Checkpoint(1, "directory"))).state == "expanding"
    assert play(FRESH, ALL).state == "active"


@pytest.mark.parametrize(
    ("files", "state"),
    [
        ({"done": 2}, "done"),
        ({"done": 1, "failed": 1}, "partial"),
        ({"done": 1, "cancelled": 1}, "partial"),
        ({"failed": 2}, "failed"),
        ({}, "done"),
    ],
)
def test_a_job_ends_as_its_files_did(files: dict[str, int], state: str) -> None:
    ended = ended_if_finished(with_files(play(FRESH, ALL), **files), 9)
    assert (ended.state, ended.ended_ms) == (state, 9)


def test_a_job_with_unfinished_files_or_unexpanded_sources_has_not_ended() -> None:
    assert ended_if_finished(with_files(play(FRESH, ALL), done=1, waiting=1), 9).ended_ms == 0
    assert ended_if_finished(with_files(FRESH, done=1), 9).ended_ms == 0


def test_a_released_job_continues_from_its_last_state() -> None:
    assert play(FRESH, Hold("the disk is full")).message == "the disk is full"
    assert play(FRESH, Hold(), Release()).state == "expanding"
    assert play(FRESH, ALL, Hold(), Release()).state == "active"
    assert play(FRESH, Hold(), ALL, Release()).state == "active"


def test_a_cancelled_job_has_ended_when_its_files_have() -> None:
    cancelled = with_files(play(FRESH, Cancel()), running=1)
    assert (cancelled.state, ended_if_finished(cancelled, 9).ended_ms) == ("cancelled", 0)
    assert ended_if_finished(with_files(cancelled, cancelled=1), 9).ended_ms == 9


def test_a_retry_reopens_an_ended_job_and_completes_its_expansion() -> None:
    failed = ended_if_finished(with_files(play(FRESH, ALL), failed=1), 9)
    assert (play(failed, Retry()).state, play(failed, Retry()).ended_ms) == ("active", 0)
    assert play(ended_if_finished(play(FRESH, Cancel()), 9), Retry()).state == "expanding"


def test_a_completed_job_remains_completed() -> None:
    done = ended_if_finished(with_files(play(FRESH, ALL), done=1), 9)
    assert play(done, Cancel(), Retry(), Hold("x"), Release(), SetMessage("y")) == done


EVENTS: list[JobEvent] = [ALL, Hold("x"), Release(), Cancel(), Retry(), SetMessage("y")]


@pytest.mark.parametrize(("state", "event"), list(itertools.product(JobState, EVENTS)))
def test_every_state_accepts_every_event(state: JobState, event: JobEvent) -> None:
    assert step(replace(FRESH, state=state), event).id == FRESH.id
