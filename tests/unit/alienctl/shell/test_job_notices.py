"""Which jobs the shell announces."""

from __future__ import annotations

import pytest

from alienctl.invocation import Invocation
from alienctl.local.wire_replies import WatchedJob
from alienctl.shell.job_notices import JobNotices

ACTIVE, DONE, FAILED = 2, 4, 6


def job(id: int, state: int) -> WatchedJob:
    return WatchedJob(id, state, "/target", 1, 0)


@pytest.fixture
def notices() -> JobNotices:
    """Return notices of a shell at its prompt, which has seen that job 1 is active."""
    made = JobNotices(Invocation([], {}))
    made.show()
    made._process([job(1, ACTIVE)])
    return made


def test_a_job_that_ends_before_it_was_seen_active_is_announced(
    notices: JobNotices, capsys: pytest.CaptureFixture[str]
) -> None:
    notices._process([job(2, DONE)])
    assert capsys.readouterr().out.splitlines() == ["transfer job 2 is complete: 1 file, to /target"]


def test_each_end_of_a_job_is_announced_once(notices: JobNotices, capsys: pytest.CaptureFixture[str]) -> None:
    for state in (FAILED, FAILED, ACTIVE, DONE):
        notices._process([job(1, state)])
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "transfer job 1 has failed",
        "transfer job 1 is complete",
    ]


def test_jobs_whose_progress_was_shown_are_not_announced(
    notices: JobNotices, capsys: pytest.CaptureFixture[str]
) -> None:
    notices.ignore_jobs([3])
    notices._process([job(3, DONE)])
    assert not capsys.readouterr().out
