"""Machines without a writable log or without /proc."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.harness import User

WITHOUT_PROC = (
    *("unshare", "--user", "--map-root-user", "--mount"),
    *("sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"),
)
"""Runs a program that finds /proc empty."""


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_log_that_cannot_be_written_stops_nothing_and_is_reported(user: User, make: object) -> None:
    log = user.home / ".local/state/aliend/default/aliend.log"
    log.parent.mkdir(parents=True, mode=0o700)
    assert callable(make)
    make(log)
    assert user.must("pwd").startswith("/alice/")
    (warning,) = user.json("daemon", "status")["warnings"]
    assert warning.startswith(f"cannot write the log {log}: ")
    assert warning in user.must("daemon", "status")
    done = user.run("daemon", "logs")
    assert done.returncode == 22
    assert f"the log {log} is not a regular file" in done.stderr


def test_a_debug_log_without_a_reader_is_reported_and_stops_nothing(user: User) -> None:
    os.mkfifo(user.home / "fifo")
    done = user.run("-debugfile", str(user.home / "fifo"), "pwd")
    assert done.returncode == 0
    assert f"cannot write the log {user.home}/fifo" in done.stderr


def test_certificates_and_copies_work_without_proc(user: User) -> None:
    user.prefix = WITHOUT_PROC
    for name in ("JALIEN_TOKEN_CERT", "JALIEN_TOKEN_KEY"):  # text, which OpenSSL cannot read from memory
        user.variables[name] = Path(user.variables[name]).read_text(encoding="ascii")
    home = user.must("pwd")
    (user.home / "up").write_bytes(b"bytes")
    user.must("cp", "file:up", f"{home}{user.home.name}")
    assert user.must("cat", f"{home}{user.home.name}") == "bytes"
