"""Records of the log, selected by job, time and level."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from alienctl import ClientError
from alienctl.daemon.log_lines import Selection, Selector, moment

NOW = datetime.fromisoformat("2026-01-31T12:00:00+01:00")
OLD = b"2026-01-31T09:00:00.000+01:00 INFO aliend.x [job=7 transfer=9]: old\n"
TEXT = b"2026-01-31T11:59:00.000+01:00 WARNING aliend.x [job=7 transfer=9]: new\n"
TRACE = b"    Traceback\n"
OTHER = b"2026-01-31T11:59:30.000+01:00 INFO aliend.x [job=70]: job 7 [job=7]: no\n"
PLAIN = b"2026-01-31T11:59:40.000+01:00 ERROR aliend.x: plain\n"
JSON = json.dumps(
    {"time": "2026-01-31T10:59:50+00:00", "level": "error", "logger": "a", "message": "", "job": 7}
).encode()
ALL = [OLD, TEXT, TRACE, OTHER, PLAIN, JSON, b"{not json\n"]


def chosen(selection: Selection) -> list[bytes]:
    return list(Selector(selection).chosen(ALL))


def test_everything_is_selected_by_default() -> None:
    assert chosen(Selection()) == ALL


def test_a_job_selects_its_records_with_their_tracebacks() -> None:
    assert chosen(Selection(job=7)) == [OLD, TEXT, TRACE, JSON, b"{not json\n"]


def test_a_time_selects_newer_records() -> None:
    assert OLD not in chosen(Selection(since=NOW - timedelta(minutes=10)))
    assert chosen(Selection(since=NOW - timedelta(seconds=25)))[:1] == [PLAIN]


def test_a_level_selects_records_of_at_least_that_level() -> None:
    assert chosen(Selection(level="error"))[:2] == [PLAIN, JSON]
    assert OTHER not in chosen(Selection(level="warning"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("30s", NOW - timedelta(seconds=30)), ("2h", NOW - timedelta(hours=2)), ("2026-01-31T11:00:00+00:00", NOW)],
)
def test_a_time_is_an_age_or_iso(text: str, wanted: datetime) -> None:
    assert moment(text, NOW) == wanted


@pytest.mark.parametrize("text", ["", "soon", "5", "9999999999d", "2h30m"])
def test_another_time_is_refused(text: str) -> None:
    with pytest.raises(ClientError):
        moment(text, NOW)
