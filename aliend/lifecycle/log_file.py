"""The daemon's log: its file, its formats and its level.

If the file is not writable, the daemon runs without a log and reports that in its status. Under systemd the records
also go to the journal (`aliend.lifecycle.journal`).
"""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import stat
import time
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from aliend.config import LogSettings
from aliend.core.cli.log_records import FACTS, LogRecord, as_json, as_text

_FILES = 3
"""Older log files that are kept."""
_DAY = 86_400.0
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:\d\d)")
_FORMATS = {"text": as_text, "json": as_json}


class LogFormatter(logging.Formatter):
    """Formats each record so that no name and no text of a service can forge a line or reach a terminal."""

    def __init__(self, format: str = "text") -> None:
        super().__init__()
        self._line = _FORMATS[format]

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        return self._line(parts_of(record))


def parts_of(record: logging.LogRecord) -> LogRecord:
    """Return the parts of a record of the standard library."""
    traces = [logging.Formatter().formatException(record.exc_info)] if record.exc_info else []
    traces += [record.stack_info] if record.stack_info else []
    time = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
    known = getattr(record, FACTS, {})
    return LogRecord(time, record.levelname, record.name, record.getMessage(), known, "\n".join(traces))


def configure(settings: LogSettings) -> None:
    """Apply level, format and rotation to the daemon's log, also while it runs.

    Libraries log at `info` at most: what they send and receive, with tokens and envelopes, is their debug output.
    """
    root, level = logging.getLogger(), logging.getLevelNamesMapping()[settings.level.upper()]
    root.setLevel(max(level, logging.INFO))
    logging.getLogger("aliend").setLevel(level)
    for handler in root.handlers:
        handler.setFormatter(LogFormatter(settings.format))
        if isinstance(handler, LogFile):
            handler.set_rotation(settings.max_mib, settings.max_days)


class LogFile(RotatingFileHandler):
    """Appends to a file and rotates it. `problem` explains why nothing is written (empty: the file is written)."""

    problem = ""
    _begun = 0.0

    def __init__(self, path: str) -> None:
        self._longest = 0.0
        super().__init__(path, backupCount=_FILES, encoding="utf-8", errors="backslashreplace")
        settings = LogSettings()
        self.set_rotation(settings.max_mib, settings.max_days)

    def set_rotation(self, max_mib: int, max_days: int) -> None:
        """Rotate the file at this size (MiB) and at this age (days since its first record; 0: at any age)."""
        self.maxBytes, self._longest = max_mib << 20, max_days * _DAY

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        """Return whether to rotate; check position and age only: the default checks cost too much for each line."""
        if self.problem or self.stream is None:
            return False
        is_old = 0 < self._longest < record.created - self._begun
        return is_old or self.stream.tell() >= self.maxBytes

    def take_stderr(self) -> None:
        """Redirect standard error, to which libraries write, to the file."""
        if self.stream is not None:
            os.dup2(self.stream.fileno(), 2)

    def _open(self) -> io.TextIOWrapper:
        try:
            descriptor, self.problem = _open(self.baseFilename), ""
            self._begun = _time_of_first_record(self.baseFilename)
        except OSError as error:
            self.problem = f"cannot write the log {self.baseFilename}: {error.strerror}; nothing is logged"
            descriptor = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        return open(descriptor, "a", encoding=self.encoding, errors=self.errors)  # noqa: PTH123 (a descriptor has no path)


def _open(path: str) -> int:
    # O_NONBLOCK: a FIFO without a reader fails instead of waiting for one
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise OSError(0, "it is a link; remove it") if error.errno == errno.ELOOP else error from None
    if problem := _problem(os.fstat(descriptor)):
        os.close(descriptor)
        raise OSError(0, problem)
    return descriptor


def _time_of_first_record(path: str) -> float:
    """Return the time of the first record in a log that is ours (POSIX seconds); now if it has none."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
        found = _TIME.search(file.readline(256))
    return datetime.fromisoformat(found[0].decode()).timestamp() if found else time.time()


def _problem(facts: os.stat_result) -> str:
    if stat.S_ISFIFO(facts.st_mode):
        return "it is a FIFO"
    return "" if facts.st_uid == os.geteuid() else f"it belongs to another user (uid {facts.st_uid})"


def why_unwritable(path: str) -> str:
    """Return why a log could not be written at this path, without opening it; empty: it could."""
    try:
        facts = Path(path).lstat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return str(error.strerror)
    if stat.S_ISLNK(facts.st_mode):
        return "it is a link"
    return _problem(facts) or ("" if os.access(path, os.W_OK) else "its mode forbids it")


def log_problem() -> str:
    """Return why the daemon's log is not written; empty if it is written."""
    return next((handler.problem for handler in logging.getLogger().handlers if isinstance(handler, LogFile)), "")
