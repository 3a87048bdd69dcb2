"""Logs and descriptions of grid jobs, and the arguments of their commands."""

from __future__ import annotations

import pytest

from aliend.core.grid import grid_jobs
from aliend.errors import UsageError

LOG = """\
1795611706 [state     ]: Job 1 inserted for alice
1795611706 [trace     ]: BatchId 77 at ALICE::CERN::CE
1795611707 [trace     ]: Running JAliEn JobAgent of the sandbox on node1.cern.ch
1795611707 [trace     ]: Created workdir: /pool/job-1
1795611708 [procfmt   ]: runtime cpu
1795611708 [proc      ]: 0.10 1024
1795611709 [state     ]: Job state transition from RUNNING to DONE
  and a line that goes on"""


def test_f158_a_log_shows_where_the_job_ran() -> None:
    log = grid_jobs.read_log(LOG, str)
    assert (log.node, log.workdir, log.queue) == ("node1.cern.ch", "/pool/job-1", ("77 at ALICE::CERN::CE",))
    assert log.lines["state"][0] == "1795611706  Job 1 inserted for alice"
    assert log.lines["state"][1].endswith("to DONE\n  and a line that goes on")
    assert log.lines["proc"] == ("1795611708  runtime cpu", "1795611708  0.10 1024")


def test_f158_an_empty_log_has_no_facts() -> None:
    assert grid_jobs.read_log("", str).to_json() == {
        "wn": "", "workdir": "", "queue": [], "state": [], "trace": [], "proc": []
    }  # fmt: skip


def test_f157_only_the_times_of_a_log_are_replaced() -> None:
    text = "1795611706 [state     ]: x 1795611706\nno time\n1795611707 [trace     ]: y"
    assert grid_jobs.format_log_times(text, lambda seconds: f"T{seconds % 10}") == (
        "T6 [state     ]: x 1795611706\nno time\nT7 [trace     ]: y"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Executable = "/bin/date";', {"Executable": "/bin/date"}),
        ("A = 1;\n  B = two words ;", {"A": "1", "B": "two words"}),
        ('L = {"a", "b;c"};M={};', {"L": ["a", "b;c"], "M": []}),
        ('# remark\n/* another = "x"; */ A = "a \\"b\\" = {c}"; // last', {"A": 'a "b" = {c}'}),
        ("A = 1", {"A": "1"}),
        ("nonsense; = 3; A = 1;", {"A": "1"}),
        ("", {}),
    ],
)
def test_f158_a_description_is_parsed_to_its_last_entry(text: str, expected: grid_jobs.Description) -> None:
    assert grid_jobs.read_description(text) == expected


def test_f158_the_arguments_of_jobinfo_are_parsed() -> None:
    assert grid_jobs.parse_job_info(["1,2", "3", "-jdl"]) == grid_jobs.JobInfoArguments(("1", "2", "3"), jdl=True)
    for words in ([], ["-trace"], ["x"], ["1", "-tracee"], ["1,,x"]):
        with pytest.raises(UsageError, match="usage: jobInfo"):
            grid_jobs.parse_job_info(words)


def test_f159_the_arguments_of_sitejobs_are_parsed() -> None:
    assert grid_jobs.parse_site_jobs(
        ["CERN", "-id", "-r", "-status", "DONE", "-user", "bob"]
    ) == grid_jobs.SiteJobsArguments("CERN", only_ids=True, running=True, status="DONE", user="bob")
    refused: tuple[tuple[list[str], str], ...] = (
        ([], "usage: siteJobs"),
        (["A", "B"], "usage: siteJobs"),
        (["A", "-x"], "unknown option -x"),
    )
    for words, message in refused:
        with pytest.raises(UsageError, match=message):
            grid_jobs.parse_site_jobs(words)
    with pytest.raises(UsageError, match="-user needs a value"):
        grid_jobs.parse_site_jobs(["A", "-user"])


def test_f159_a_table_of_jobs_has_its_columns() -> None:
    lines = grid_jobs.table([{"id": "1", "split": "0", "status": "DONE", "owner": "alice", "name": "date"}])
    assert lines == [
        "JobID        MasterJobID  Status      User          Name",
        "1            0            DONE        alice         date",
    ]
