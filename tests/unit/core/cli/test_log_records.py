"""Records of the log as text, as JSON and for the journal."""

from __future__ import annotations

import json

from aliend.core.cli.log_records import LogRecord, as_journal_entry, as_json, as_text

HOSTILE = "x\n2026-01-01T00:00:00+00:00 INFO aliend [job=1]: forged\x1b[2J"
KNOWN = {"job": 7, "transfer": 9, "se": "A::B::SE", "bytes": 3072, "seconds": 0.5, "reason": "no space"}


def record(message: str = "failed: no space", **changes: object) -> LogRecord:
    fields = {"time": "2026-01-31T12:00:00.123+01:00", "level": "WARNING", "logger": "aliend.x", "facts": KNOWN}
    return LogRecord(message=message, **{**fields, **changes})  # type: ignore[arg-type]


def test_a_line_of_text_has_the_facts_before_the_message() -> None:
    facts = "[job=7 transfer=9 se=A::B::SE bytes=3072 seconds=0.5]"
    assert as_text(record()) == f"2026-01-31T12:00:00.123+01:00 WARNING aliend.x {facts}: failed: no space"


def test_a_record_without_facts_has_no_brackets() -> None:
    assert as_text(record(facts={})) == "2026-01-31T12:00:00.123+01:00 WARNING aliend.x: failed: no space"


def test_a_fact_cannot_end_the_brackets_or_forge_another_fact() -> None:
    assert 'se="A] job=1"' in as_text(record(facts={"se": "A] job=1"}))


def test_a_message_stays_in_its_line() -> None:
    assert as_text(record(HOSTILE)).isprintable()
    assert as_json(record(HOSTILE)).isprintable()


def test_json_has_the_facts_as_members() -> None:
    document = json.loads(as_json(record(traceback="a\nb\x1b")))
    assert document == {
        "time": "2026-01-31T12:00:00.123+01:00",
        "level": "warning",
        "logger": "aliend.x",
        "message": "failed: no space",
        **KNOWN,
        "traceback": "a\nb\\x1b",
    }


def test_the_journal_gets_the_facts_as_fields() -> None:
    fields = as_journal_entry(record()).decode().splitlines()
    assert fields[:4] == [
        "MESSAGE=failed: no space",
        "PRIORITY=4",
        "SYSLOG_IDENTIFIER=aliend",
        "ALIEND_LOGGER=aliend.x",
    ]
    assert {"ALIEND_JOB=7", "ALIEND_SE=A::B::SE", "ALIEND_BYTES=3072", "ALIEND_REASON=no space"} <= set(fields)


def test_a_message_with_a_traceback_has_its_length_before_it() -> None:
    entry = as_journal_entry(record("failed", traceback="one\ntwo"))
    assert entry.startswith(b"MESSAGE\n" + (14).to_bytes(8, "little") + b"failed\none\ntwo\n")


def test_a_name_cannot_add_a_field() -> None:
    entry = as_journal_entry(record("x", facts={"se": "A\nPRIORITY=0"})).decode().splitlines()
    assert "ALIEND_SE=A\\x0aPRIORITY=0" in entry
