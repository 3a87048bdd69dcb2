"""The daemon's log file. If it is not writable, the daemon runs without a log and reports that in its status."""

from __future__ import annotations

import io
import logging
import os
import stat
from logging.handlers import RotatingFileHandler

_BYTES, _FILES = 5_000_000, 3


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
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is a FIFO")
    return descriptor


def log_problem() -> str:
    """Return why the daemon's log is not written; empty if it is written."""
    return next((handler.problem for handler in logging.getLogger().handlers if isinstance(handler, LogFile)), "")
