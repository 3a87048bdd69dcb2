"""The texts of the live view."""

from __future__ import annotations

import pytest

from alienctl.top import rows
from alienctl.top.rows import Element, Job, Reason, Snapshot

JOB = Job(7, "active", "/home/alice/data/", 3, 1, 50_000, 18_350_080, 59_978_547, 5_662_310, 1925)


def test_a_job_fits_80_columns() -> None:
    cells = rows.job_cells(JOB)
    assert cells[1:4] == ("active", "3/50000 -1".rjust(12), "17.5/57.2 MiB".rjust(17))
    assert cells[4:6] == ("5.4MiB/s".rjust(11), "32:05".rjust(7))
    assert all(len(cell) <= width for cell, (_, width) in zip(cells, rows.JOB_COLUMNS, strict=True))
    assert sum(width + 1 for _, width in rows.JOB_COLUMNS) - 1 <= 80


def test_a_storage_element_fits_80_columns() -> None:
    element = Element("ALICE::A_VERY_LONG_NAME_OF_A_SITE::SE", "resting", 12, 16, 10**12, "12:03:20", "no answer")
    cells = rows.element_cells(element)
    assert cells[-1] == "until 12:03:20"
    assert all(len(cell) <= width for cell, (_, width) in zip(cells, rows.ELEMENT_COLUMNS, strict=True))
    assert sum(width + 1 for _, width in rows.ELEMENT_COLUMNS) - 1 <= 80


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "-"), (45, "0:45"), (3725, "1:02:05"), (39_122, "10h52m"), (180_000, "2d02h")]
)
def test_durations(seconds: int, text: str) -> None:
    assert rows.duration_text(seconds) == text


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert rows.short("a\x1b[31mb", 20) == "a?[31mb"
    assert rows.short("/a/long/name", 8) == ".." + "g/name"


def test_the_summary_counts_what_is_unfinished_and_says_when_there_is_more() -> None:
    snapshot = Snapshot([JOB, Job(8, "done", "/x")], [], 1, "limits files=8")
    assert rows.summary(snapshot, "profile default") == (
        "profile default: 1 unfinished job, 1 file running, 5.4 MiB/s; limits files=8"
    )
    assert "more than 1 unfinished jobs" in rows.summary(Snapshot([JOB], has_more=True), "x")


def test_reasons_name_the_file_or_count_the_files() -> None:
    one, many = Reason("retry", "no answer", 1, "/a/f", "12:00:00"), Reason("paused", "job 7 is paused", 50_000, "/a/f")
    assert rows.reason_line(one) == "/a/f: retry: no answer (until 12:00:00)"
    assert rows.reason_line(many) == "50000 files: paused: job 7 is paused"
