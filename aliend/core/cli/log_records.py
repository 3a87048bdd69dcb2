"""Formats records of the log as text, as JSON, and for systemd's journal. Pure.

A record is one line: nothing in it can forge another line or reach a terminal. Facts are values with a name (`job`,
`transfer`, `se`, `bytes`, `seconds`); `reason` is a fact that the text already contains in its message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aliend.core.cli.escaping import printable_line

Fact = str | int | float
FACTS = "facts"
"""The attribute of a log record that holds its facts."""
_LONGEST_MESSAGE = 32_000
"""Characters of a message for the journal, whose datagrams are limited by the socket's buffer."""
_PRIORITIES = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record; `time` in ISO 8601 with a zone, `traceback` mostly empty."""

    time: str
    level: str
    logger: str
    message: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    traceback: str = ""


def facts(**values: Fact) -> dict[str, Any]:
    """Return the argument `extra` of a log call that adds these facts to its record; empty texts are left out."""
    return {FACTS: {name: value for name, value in values.items() if value != ""}}


def as_text(record: LogRecord) -> str:
    """Return `TIME LEVEL LOGGER [FACTS]: MESSAGE`; a traceback follows in indented lines."""
    named = " ".join(f"{name}={_word(value)}" for name, value in record.facts.items() if name != "reason")
    shown = f" [{named}]" if named else ""
    line = printable_line(f"{record.time} {record.level} {record.logger}{shown}: {record.message}")
    indented = (f"    {printable_line(text)}" for text in record.traceback.split("\n") if record.traceback)
    return "\n".join([line, *indented])


def as_json(record: LogRecord) -> str:
    """Return one JSON object; its members are `time`, `level`, `logger`, `message`, the facts and `traceback`."""
    document: dict[str, Fact] = {
        "time": record.time,
        "level": record.level.lower(),
        "logger": record.logger,
        "message": printable_line(record.message),
    }
    document |= {
        name: printable_line(value) if isinstance(value, str) else value for name, value in record.facts.items()
    }
    if record.traceback:
        document["traceback"] = "\n".join(map(printable_line, record.traceback.split("\n")))
    return json.dumps(document, ensure_ascii=False)


def as_journal_entry(record: LogRecord) -> bytes:
    """Return a datagram of the journal's native protocol (systemd.io, JOURNAL_NATIVE_PROTOCOL)."""
    message = printable_line(record.message)[:_LONGEST_MESSAGE]
    if record.traceback:
        message = "\n".join([message, *map(printable_line, record.traceback.split("\n"))])[:_LONGEST_MESSAGE]
    values: dict[str, Fact] = {
        "MESSAGE": message,
        "PRIORITY": _PRIORITIES.get(record.level, 6),
        "SYSLOG_IDENTIFIER": "aliend",
        "ALIEND_LOGGER": record.logger,
    }
    values |= {f"ALIEND_{name.upper()}": value for name, value in record.facts.items()}
    return b"".join(_journal_field(name, str(value)) for name, value in values.items())


def _journal_field(name: str, text: str) -> bytes:
    """Return one field; a value with newlines is preceded by its length, 64 bits, little-endian."""
    value = (text if name == "MESSAGE" else printable_line(text)).encode("utf-8", "backslashreplace")
    if b"\n" not in value:
        return b"%s=%s\n" % (name.encode(), value)
    return b"%s\n%s%s\n" % (name.encode(), len(value).to_bytes(8, "little"), value)


def _word(value: Fact) -> str:
    """Return a value as one word, in quotation marks if it could be read as several facts."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(sign in text for sign in ' "]') else text
