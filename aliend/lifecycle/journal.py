"""Sends log records to systemd's journal, with their facts as fields (`journalctl --user ALIEND_JOB=7`).

The protocol is a datagram of `NAME=value` lines; `aliend.core.cli.log_records` builds it.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

from aliend.core.cli.log_records import as_journal_entry
from aliend.lifecycle.log_file import parts_of

_SOCKET = "/run/systemd/journal/socket"
_STANDARD_ERROR = 2


class JournalHandler(logging.Handler):
    """Sends each record as one datagram. The journal may be restarted: a record that cannot be sent is lost there.

    The log file has it in any case. Raises OSError if the journal's socket does not exist.
    """

    def __init__(self, path: str = _SOCKET) -> None:
        super().__init__()
        os.stat(path)  # noqa: PTH116 - only for its error
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        try:
            self._socket.sendto(as_journal_entry(parts_of(record)), self._path)
        except OSError:
            return

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        super().close()


def journal_handler(environment: Mapping[str, str], path: str = _SOCKET) -> JournalHandler | None:
    """Return a handler if standard error goes to the journal (systemd.exec, JOURNAL_STREAM), else None."""
    facts = os.fstat(_STANDARD_ERROR)
    if environment.get("JOURNAL_STREAM") != f"{facts.st_dev}:{facts.st_ino}":
        return None
    try:
        return JournalHandler(path)
    except OSError:
        return None
