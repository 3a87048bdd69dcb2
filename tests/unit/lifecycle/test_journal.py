"""Records that reach a journal's socket."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliend.core.cli.log_records import facts
from aliend.lifecycle.journal import JournalHandler, journal_handler


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "journal"))
        listener.settimeout(20)
        yield listener


def stream_of_stderr() -> str:
    status = os.fstat(2)
    return f"{status.st_dev}:{status.st_ino}"


def test_a_record_arrives_with_its_facts(journal: socket.socket) -> None:
    handler = JournalHandler(journal.getsockname())
    record = logging.makeLogRecord(
        {"msg": "failed: %s", "args": ("no space",), "levelname": "WARNING", **facts(job=7, se="A::B::SE")}
    )
    handler.handle(record)
    handler.close()
    fields = journal.recv(65536).decode().splitlines()
    assert {"MESSAGE=failed: no space", "PRIORITY=4", "ALIEND_JOB=7", "ALIEND_SE=A::B::SE"} <= set(fields)


def test_the_journal_is_used_only_if_it_reads_standard_error(journal: socket.socket) -> None:
    path = journal.getsockname()
    handler = journal_handler({"JOURNAL_STREAM": stream_of_stderr()}, path)
    assert handler is not None
    handler.close()
    assert journal_handler({"JOURNAL_STREAM": "1:2"}, path) is None
    assert journal_handler({}, path) is None


def test_without_a_journal_standard_error_is_used(tmp_path: Path) -> None:
    assert journal_handler({"JOURNAL_STREAM": stream_of_stderr()}, str(tmp_path / "none")) is None
