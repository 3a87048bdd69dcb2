"""The client's rules for the daemon's state directory and socket are equal to those of the daemon."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from alienctl import transport
from alienctl.daemon import record
from aliend import config
from aliend.lifecycle import state_directory

ENVIRONMENTS = [
    {},
    {"HOME": "/home/a"},
    {"HOME": "/home/a", "XDG_STATE_HOME": "/var/lib/state"},
    {"HOME": "/home/a", "XDG_STATE_HOME": "relative/state"},
    {"HOME": "/proc/home"},
    {"XDG_STATE_HOME": "/dev/mqueue/state"},
    {"XDG_STATE_HOME": "/sys/state"},
    {"XDG_RUNTIME_DIR": "/tmp"},
    {"XDG_RUNTIME_DIR": "/nonexistent"},
    {"XDG_RUNTIME_DIR": "."},
    {"ALIEND_SOCKET": "/tmp/own.sock", "XDG_RUNTIME_DIR": "/tmp"},
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
@pytest.mark.parametrize("profile", ["default", "other"])
def test_client_and_daemon_agree_on_the_places(environment: dict[str, str], profile: str) -> None:
    settings = config.load(profile, environment)
    variables = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
    assert record.state_directory(profile, variables) == settings.state_directory
    assert transport.socket_path(profile, variables) == settings.socket


def test_a_file_system_that_hosts_may_share_keeps_the_state_of_each_host_apart() -> None:
    settings = config.load("default", {"HOME": "/proc/home"})
    assert settings.state_directory == f"/var/tmp/aliend-{os.getuid()}/default"
    assert "is on proc" in settings.state_note


def test_the_client_reads_what_the_daemon_writes(tmp_path: Path) -> None:
    lock = state_directory.take_lock(str(tmp_path))
    assert lock is not None
    lock.write("/run/s")
    found = record.read(str(tmp_path))
    assert found is not None
    assert (found.pid, found.socket, found.host) == (os.getpid(), "/run/s", os.uname().nodename)
    assert record.is_held(str(tmp_path))
    lock.close()
    assert not record.is_held(str(tmp_path))


def test_a_reader_never_sees_half_a_record(tmp_path: Path) -> None:
    lock = state_directory.take_lock(str(tmp_path))
    assert lock is not None
    paths = ("/short", "/" + "long" * 20)
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            for path in paths:
                lock.write(path)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = [record.read(str(tmp_path)) for _ in range(2000)]
    finally:
        ended.set()
        writer.join()
        lock.close()
    assert {one.socket if one else "" for one in found} <= {"", *paths}
    assert sum(one is None for one in found) < len(found) / 10


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"17", b"\xff", b'{"pid": 1', b"{" * 5000])
def test_an_unreadable_record_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    assert record.read(str(tmp_path)) is None
