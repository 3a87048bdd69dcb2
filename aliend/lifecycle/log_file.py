"""The daemon's log file. If it is not writable, the daemon runs without a log and reports that in its status."""

from __future__ import annotations

import errno
import io
import logging
import os
import stat
from logging.handlers import RotatingFileHandler
from typing import Any

from aliend.core.cli.escaping import printable_line

_BYTES, _FILES = 5_000_000, 3


class LogFormatter(logging.Formatter):
    """Formats each record so that no name and no text of a service can forge a line or reach a terminal.

    A record is one line; a traceback follows in indented lines.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return printable_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: ANN401 - as in the base class
        """Return a traceback."""
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        """Return a stack."""
        return _indented(super().formatStack(stack_info))


def _indented(text: str) -> str:
    return "\n".join(f"    {printable_line(line)}" for line in text.split("\n"))


class LogFile(RotatingFileHandler):
    """Appends to a file and rotates it. `problem` explains why nothing is written (empty: the file is written)."""

    problem = ""

    def __init__(self, path: str) -> None:
        super().__init__(path, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8", errors="backslashreplace")

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        """Return whether to rotate; check only the position, because the default checks cost too much for each line."""
        return not self.problem and self.stream is not None and self.stream.tell() >= self.maxBytes

    def take_stderr(self) -> None:
        """Redirect standard error, to which libraries write, to the file."""
        if self.stream is not None:
            os.dup2(self.stream.fileno(), 2)

    def _open(self) -> io.TextIOWrapper:
        try:
            descriptor, self.problem = _open(self.baseFilename), ""
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


def _problem(facts: os.stat_result) -> str:
    if stat.S_ISFIFO(facts.st_mode):
        return "it is a FIFO"
    return "" if facts.st_uid == os.geteuid() else f"it belongs to another user (uid {facts.st_uid})"


def log_problem() -> str:
    """Return why the daemon's log is not written; empty if it is written."""
    return next((handler.problem for handler in logging.getLogger().handlers if isinstance(handler, LogFile)), "")
