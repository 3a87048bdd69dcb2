"""The session with the central service as a user sees it, on a real grid."""

from __future__ import annotations

import subprocess
import sys

import grpc
import pytest

from aliend.v1 import daemon_pb2, session_pb2, session_pb2_grpc
from tests.harness import User

CPU_LIMIT = 0.3
"""Seconds; the figure is 0.1, and the machine may be busy."""
MEMORY_LIMIT = 20 << 10
"""KiB."""

MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=sys.stderr)
"""


def test_f002_an_absent_service_ends_with_107(user: User) -> None:
    environment = {**user.environment, "ALIENPY_JCENTRAL": "localhost", "ALIENPY_JCENTRAL_PORT": "9"}
    done = user.run("ls", env=environment)
    assert done.returncode == 107
    assert "cannot connect to localhost:9" in done.stderr


def test_f020_the_list_of_commands_has_no_internal_ones(user: User) -> None:
    listed = user.must("commandlist").split()
    assert "whereis" in listed
    assert not [name for name in listed if name.endswith("_csd")]


def test_f021_a_second_command_needs_no_new_login(user: User) -> None:
    for _ in range(3):
        user.must("ls")
    (central,) = user.json("daemon", "status")["central"]
    assert central["logins"] == 1


@pytest.mark.parametrize("words", [("version",), ("help",)])
def test_f022_a_command_without_service_starts_fast_and_small(user: User, words: tuple[str, ...]) -> None:
    user.must("daemon", "start")
    # Measured by a small process: a child's peak begins with that of the process that started it.
    measured = subprocess.run(
        [sys.executable, "-S", "-c", MEASURE, user.command, *words],
        env=user.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    status, seconds, kilobytes = measured.stderr.split()
    assert status == "0"
    assert float(seconds) < CPU_LIMIT
    assert int(kilobytes) < MEMORY_LIMIT


def test_contexts_of_one_daemon_do_not_mix(user: User) -> None:
    user.must("pwd")
    elsewhere = {**user.environment, "ALIENPY_JCENTRAL": "127.0.0.1", "ALIENPY_JCENTRAL_PORT": "9"}
    assert user.run("ls", env=elsewhere).returncode == 107
    assert user.run("ls", env={**user.environment, "ALIEN_SITE": "CERN"}).returncode == 0
    listed = user.json("daemon", "status")["central"]
    assert len(listed) == 3
    assert sorted(central["logins"] for central in listed) == [0, 1, 1]


def test_the_status_shows_account_endpoint_start_and_cost(user: User) -> None:
    user.must("pwd")
    (central,) = user.json("daemon", "status")["central"]
    assert (central["state"], central["connections"], central["user"]) == ("connected", 1, "alice")
    assert central["since"] <= central["certificate_ends"]
    assert central["points"] == 10 + central["commands"]
    assert (central["waiting"], central["problem"]) == (0, "")
    assert central["next_attempt"] is None
    lines = user.must("daemon", "status").splitlines()
    assert any("as alice: connected since 2" in line for line in lines)


def test_the_status_shows_the_last_error(user: User) -> None:
    environment = {**user.environment, "ALIENPY_JCENTRAL": "127.0.0.1", "ALIENPY_JCENTRAL_PORT": "9"}
    assert user.run("ls", env=environment).returncode == 107
    (central,) = user.json("daemon", "status")["central"]
    assert (central["state"], central["since"]) == ("failing", None)
    assert "cannot connect to 127.0.0.1:9" in central["problem"]


def test_watching_shows_the_session_now_and_after_each_change(user: User) -> None:
    user.must("daemon", "start")
    with grpc.insecure_channel(f"unix:{user.home}/run/aliend/default.sock") as channel:
        stub = session_pb2_grpc.SessionServiceStub(channel)
        updates = stub.WatchConnections(session_pb2.WatchConnectionsRequest(), timeout=120)
        assert list(next(updates).central) == []
        user.must("pwd")
        seen = next(
            central
            for update in updates
            for central in update.central
            if central.state == daemon_pb2.CentralStatus.STATE_CONNECTED and central.user
        )
        assert (seen.user, seen.connections, seen.logins) == ("alice", 1, 1)
        user.must("daemon", "stop")


def test_fifty_concurrent_commands_need_at_most_four_logins(user: User) -> None:
    user.must("daemon", "start")
    processes = [user.start("ls") for _ in range(50)]
    for process in processes:
        _, complaint = process.communicate(timeout=120)
        assert process.returncode == 0, complaint
    (central,) = user.json("daemon", "status")["central"]
    assert central["logins"] <= 4
