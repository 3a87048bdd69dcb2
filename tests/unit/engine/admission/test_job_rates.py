"""The measured rates of jobs, and the progress of a job with running copies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from aliend.core.transfers.attempt_progress import AttemptProgress
from aliend.core.transfers.job import Counters, Job, JobSpec, JobState
from aliend.core.transfers.transfer import Transfer
from aliend.engine.admission.job_rates import WINDOW, JobRates
from aliend.engine.views import JobProgress, view_of_job

JOB = Job(
    7, JobSpec("download", ("/a",), "/b"), JobState.ACTIVE, 0, files=Counters(running=1, done=1), bytes_total=1000
)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    rates = JobRates(clock)
    for _ in range(20):
        rates.add_bytes(1, 50)
        clock.now += 1
    assert 45 <= rates.bytes_per_second(1) <= 55
    clock.now += WINDOW
    assert rates.bytes_per_second(1) == 0


def test_the_first_seconds_of_a_copy_count_alone() -> None:
    clock = Clock()
    rates = JobRates(clock)
    rates.add_bytes(1, 0)
    clock.now += 2
    rates.add_bytes(1, 100)
    assert rates.bytes_per_second(1) == 50


def test_jobs_in_which_nothing_moves_are_forgotten() -> None:
    clock = Clock()
    rates = JobRates(clock)
    for job in range(1000):
        rates.add_file(job)
        clock.now += 1
    assert len(rates._meters) <= WINDOW + 2


def test_bytes_that_an_earlier_attempt_has_left_do_not_count_as_moved() -> None:
    moved: list[int] = []
    progress = AttemptProgress(Transfer(1, 1, "/a", "/b", size=100, attempts=2), Clock(), on_bytes=moved.append)
    for total in (60, 80, 100):
        progress.record_bytes(total)
    assert (moved, progress.bytes) == ([20, 20], 100)


def test_a_job_counts_its_running_copies_and_estimates_the_rest() -> None:
    view = view_of_job(replace(JOB, bytes_done=100), JobProgress(300, 60.0, 0.0))
    assert (view.bytes_done, view.bytes_per_second, view.seconds_left) == (400, 60, 10)


def test_a_job_never_has_more_bytes_than_its_files() -> None:
    assert view_of_job(replace(JOB, bytes_done=900), JobProgress(300)).bytes_done == 1000
    assert view_of_job(replace(JOB, bytes_done=900), JobProgress()).seconds_left == 0


def test_a_job_of_tiny_files_is_estimated_by_their_number() -> None:
    files = Counters(queued=30, done=10)
    assert view_of_job(replace(JOB, files=files, bytes_total=0), JobProgress(0, 0.0, 3.0)).seconds_left == 10


@pytest.mark.parametrize("job", [replace(JOB, ended_ms=5), replace(JOB, state=JobState.PAUSED)])
def test_a_job_that_has_ended_or_is_paused_has_no_rate(job: Job) -> None:
    view = view_of_job(job, JobProgress(0, 60.0, 3.0))
    assert (view.bytes_per_second, view.files_per_second, view.seconds_left) == (0, 0.0, 0)
