"""The daemon's log: what reaches it, and which files it accepts."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from aliend.config import LogSettings
from aliend.lifecycle.log_file import LogFile, LogFormatter, configure

HOSTILE = "a\n2026-01-01 00:00:00,000 INFO aliend: forged\x1b[2J\r\x9b1m\u202e\udcff\u2028b"


def formatted(message: str, error: BaseException | None = None) -> str:
    """Return the text of one record."""
    information = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("aliend", logging.INFO, __file__, 1, "file %s", (message,), information)
    return LogFormatter().format(record)


def test_a_record_is_one_printable_line() -> None:
    text = formatted(HOSTILE)
    assert text.isprintable()
    assert "file a\\x0a2026" in text
    assert "\\x1b[2J\\x0d\\x9b1m\\u202e\\xff\\u2028b" in text


def test_no_line_of_a_traceback_looks_like_a_record() -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        first, *rest = formatted("x", error).split("\n")
    assert first.endswith("file x")
    assert len(rest) > 3
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_not_followed(tmp_path: Path, exists: bool) -> None:
    victim = tmp_path / "bashrc"
    if exists:
        victim.write_text("mine")
    (tmp_path / "aliend.log").symlink_to(victim)
    log = LogFile(str(tmp_path / "aliend.log"))
    log.emit(logging.LogRecord("a", logging.INFO, __file__, 1, "text", (), None))
    log.close()
    assert "link" in log.problem
    assert victim.exists() == exists
    assert not exists or victim.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can create files of another user")
def test_a_file_of_another_user_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "aliend.log"
    path.touch()
    os.chown(path, 12345, -1)
    log = LogFile(str(path))
    log.close()
    assert "uid 12345" in log.problem


def emitted(log: LogFile, text: str, created: float = 0.0) -> None:
    record = logging.LogRecord("aliend", logging.INFO, __file__, 1, text, (), None)
    record.created = created or record.created
    log.handle(record)


def test_a_full_file_is_rotated(tmp_path: Path) -> None:
    log = LogFile(str(tmp_path / "aliend.log"))
    log.set_rotation(max_mib=1, max_days=0)
    for _ in range(3):
        emitted(log, "x" * 600_000)
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aliend.log", "aliend.log.1"]


def test_an_old_file_is_rotated_by_the_time_of_its_first_record(tmp_path: Path) -> None:
    path = tmp_path / "aliend.log"
    path.write_text("2026-01-01T00:00:00.000+00:00 INFO aliend: first\n")
    begun = datetime.fromisoformat("2026-01-01T00:00:00+00:00").timestamp()
    log = LogFile(str(path))
    log.setFormatter(LogFormatter())
    log.set_rotation(max_mib=1, max_days=2)
    emitted(log, "second", begun + 86_400)
    assert not (tmp_path / "aliend.log.1").exists()
    emitted(log, "third", begun + 3 * 86_400)
    log.close()
    assert (tmp_path / "aliend.log.1").read_text().count("\n") == 2
    assert path.read_text().endswith(": third\n")


def test_the_time_has_a_zone() -> None:
    assert datetime.fromisoformat(formatted("x").split()[0]).tzinfo is not None


@pytest.fixture
def restored_levels() -> Iterator[None]:
    loggers = [logging.getLogger(), logging.getLogger("aliend")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("restored_levels")
def test_libraries_never_log_what_they_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    configure(LogSettings(level="debug"))
    assert logging.getLogger("aliend.engine").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("websockets.client").isEnabledFor(logging.DEBUG)
    configure(LogSettings(level="error"))
    assert not logging.getLogger("aliend.engine").isEnabledFor(logging.WARNING)
    assert not logging.getLogger("websockets.client").isEnabledFor(logging.WARNING)
