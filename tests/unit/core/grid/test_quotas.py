"""The quota report, with both spellings of the fields."""

from __future__ import annotations

import pytest

from aliend.core.grid import quotas

FILES = {"username": "me", "totalSize": str(3 << 20), "maxTotalSize": str(12 << 20), "nbFiles": "5", "maxNbFiles": "0"}
JOBS = {
    "running": "3",
    "waiting": "2",
    "maxUnfinishedJobs": "100",
    "totalRunningTimeLast24h": "3600",
    "maxTotalRunningTime": "7200",
    "totalCpuCostLast24h": "1800.0",
    "maxTotalCpuCost": "1.8E4",
    "message": "a table",
}


@pytest.mark.parametrize("spelling", ["parallelJobs", "ParallelJobs"])
def test_f154_seven_lines_in_either_spelling(spelling: str) -> None:
    jobs = {**JOBS, f"nominal{spelling}": "7", f"max{spelling}": "70"}
    assert quotas.report(quotas.merged(jobs, FILES)) == [
        "Quota report for user : me",
        "Unfinished jobs(R + W / Max):\t\t3 + 2 / 100 --> 5.00% used",
        "Running time (last 24h) used/max:\t1.00/2.00(h) --> 50.00% used",
        "CPU Cost (last 24h) used/max:\t\t0.50/5.00(h) --> 10.00% used",
        "ParallelJobs (nominal/max) :\t7/70",
        "Storage size :\t\t\t3.00/12.00 MiB --> 25.00%",
        "Number of files :\t\t5/0 --> no limit",
    ]


def test_f154_a_field_that_is_missing_or_not_a_number_counts_as_zero() -> None:
    assert quotas.report({"username": "me", "running": "null"})[1] == (
        "Unfinished jobs(R + W / Max):\t\t0 + 0 / 0 --> no limit used"
    )


@pytest.mark.parametrize("value", ["NaN", "1e999", "-inf", 10**400, str(2**63)])
def test_a_number_without_an_end_counts_as_zero(value: object) -> None:
    assert quotas.file_quota({"nbFiles": "5", "maxNbFiles": value}) == quotas.FileQuota(5, 0, 0, 0)


def test_times_are_converted_to_hours_exactly() -> None:
    jobs = {**JOBS, "totalRunningTimeLast24h": str(3600 * 1000), "maxTotalRunningTime": str(3600 * 2000)}
    assert quotas.report(quotas.merged(jobs, FILES))[2] == (
        "Running time (last 24h) used/max:\t1000.00/2000.00(h) --> 50.00% used"
    )
