"""F158 and F159: the arguments of jobInfo and siteJobs."""

from __future__ import annotations

import pytest

from aliend.commands.grid.grid_jobs import parse_job_info, parse_site_jobs
from aliend.errors import UsageError


def test_f158_job_numbers_may_be_joined_by_commas() -> None:
    ids, options = parse_job_info(["1,2", "3", "-jdl"])
    assert ids == ("1", "2", "3")
    assert set(options.values) == {"jdl"}


@pytest.mark.parametrize("args", [[], ["-trace"], ["x"], ["1,,x"]])
def test_f158_jobinfo_requires_job_numbers(args: list[str]) -> None:
    with pytest.raises(UsageError, match="jobInfo requires job numbers"):
        parse_job_info(args)


def test_f158_a_mistyped_option_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"-tracee.*did you mean -trace"):
        parse_job_info(["1", "-tracee"])


def test_f159_sitejobs_selects_by_site_state_and_user() -> None:
    site, options = parse_site_jobs(["CERN", "-id", "-r", "-status", "DONE", "-user", "bob"])
    assert site == "CERN"
    assert options.has("id")
    assert options.has("running")
    assert (options.last("status"), options.last("user")) == ("DONE", "bob")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "siteJobs requires one site"),
        (["A", "B"], "siteJobs requires one site"),
        (["A", "-x"], "option -x"),
        (["A", "-user"], "siteJobs: -user "),
    ],
)
def test_f159_wrong_arguments_of_sitejobs_are_refused(args: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_site_jobs(args)
