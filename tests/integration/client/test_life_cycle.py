"""The daemon's life beside its commands: configuration, reload, idle exit, profiles, the socket for other programs."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import grpc
import pexpect
import pytest

from aliend.lifecycle.state_directory import read_record
from aliend.v1 import daemon_pb2, daemon_pb2_grpc, session_pb2, session_pb2_grpc
from tests.harness import Grid, User, alive, eventually, make_user


def configure(user: User, text: str) -> Path:
    file = user.home / ".config/aliend/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def log_of(user: User) -> str:
    return (user.home / ".local/state/aliend/default/aliend.log").read_text(encoding="utf-8")


def on_a_terminal(user: User, *words: str, **variables: str) -> tuple[str, int]:
    environment = user.environment | variables
    terminal = pexpect.spawn(
        user.command, list(words), env=environment, cwd=str(user.home), timeout=120, encoding="utf-8"
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    return str(terminal.before), int(terminal.exitstatus or 0)


def test_check_reports_mistakes_and_starts_nothing(user: User) -> None:
    assert "the configuration is valid" in user.must("daemon", "check")
    file = configure(user, "[transfers]\nfiles = 0\n")
    wrong = user.run("daemon", "check")
    assert wrong.returncode == 22
    assert f"{file}: files of [transfers] must be at least 1" in wrong.stderr
    configure(user, "[profile.other.central]\nhots = 'x'\n")
    assert "unknown key hots" in user.run("daemon", "check").stderr
    configure(user, "[tls]\nca = '/nonexistent/ca'\n")
    assert "/nonexistent/ca does not exist" in user.run("daemon", "check").stderr
    assert user.run("daemon", "status").returncode == 3


def test_restart_with_a_wrong_configuration_keeps_the_daemon(user: User) -> None:
    user.must("pwd")
    pid = user.pid()
    configure(user, "[transfers\n")
    refused = user.run("daemon", "restart")
    assert refused.returncode == 22
    assert "not valid TOML" in refused.stderr
    assert "the running daemon is unchanged" in refused.stderr
    assert alive(pid)
    configure(user, "[transfers]\nfiles = 3\n")
    user.must("daemon", "restart")
    assert user.pid() != pid


def test_a_configuration_that_becomes_invalid_leaves_the_daemon_with_the_last_valid_one(user: User) -> None:
    configure(user, "[transfers]\nfiles = 3\n")
    user.must("pwd")
    file = configure(user, "[transfers\n")
    assert user.must("pwd").startswith("/alice/")
    (warning,) = user.json("daemon", "status")["warnings"]
    assert f"{file} is not valid TOML" in warning
    assert "uses the last valid settings; check the file with `alienctl daemon check`" in warning
    configure(user, "[transfers]\nfiles = 4\n")
    assert user.json("daemon", "status")["warnings"] == []


def test_a_restart_with_a_wrong_configuration_does_not_claim_that_a_daemon_runs(stranger: User) -> None:
    configure(stranger, "[transfers\n")
    refused = stranger.run("daemon", "restart")
    assert (refused.returncode, "not valid TOML" in refused.stderr) == (22, True)
    assert "running daemon is unchanged" not in refused.stderr


def test_a_mistake_for_another_profile_does_not_hinder_a_restart(user: User) -> None:
    user.must("pwd")
    configure(user, "[profile.other.central]\nhots = 'x'\n")
    user.must("daemon", "restart")


def test_reload_applies_settings_and_reports_what_needs_a_restart(user: User) -> None:
    user.must("pwd")
    pid = user.pid()
    assert user.must("daemon", "reload") == "nothing has changed"
    configure(user, "[transfers]\nfiles = 3\nworker_processes = 1\n")
    outcome = user.json("daemon", "reload")
    assert outcome["applied"] == ["[transfers] files is 3 (was not set)"]
    assert outcome["after_restart"] == ["[transfers] worker_processes is 1 (was not set)"]
    assert user.json("transfers", "limit")["limits"]["files"] == 3
    assert user.json("daemon", "reload")["after_restart"] == outcome["after_restart"]
    configure(user, "[transfers]\nfiles = many\n")
    refused = user.run("daemon", "reload")
    assert (refused.returncode, user.pid()) == (22, pid)


def test_sighup_reloads(user: User) -> None:
    user.must("pwd")
    pid = user.pid()
    configure(user, "[transfers]\nfiles = 5\n")
    os.kill(pid, signal.SIGHUP)
    eventually(lambda: "configuration reloaded: [transfers] files is 5 (was not set)" in log_of(user))
    configure(user, "[transfers]\nfiles = 0\n")
    os.kill(pid, signal.SIGHUP)
    eventually(lambda: "the configuration was not reloaded" in log_of(user))
    assert alive(pid)


def test_a_crash_leaves_its_calls_in_the_log(user: User) -> None:
    user.must("pwd")
    pid = user.pid()
    os.kill(pid, signal.SIGSEGV)
    eventually(lambda: not alive(pid))
    assert "Fatal Python error: Segmentation fault" in log_of(user)
    assert user.must("pwd")


IDLE_EXIT = 1
"""Seconds without work. No test depends on the time between two commands: pids are read from the record."""


def recorded_pid(user: User, profile: str = "default") -> int:
    """Return the process id of the last daemon, also after its end."""
    record = read_record(str(user.home / ".local/state/aliend" / profile))
    assert record is not None
    return record.pid


def test_an_idle_daemon_exits_if_configured(user: User) -> None:
    configure(user, f"[daemon]\nidle_exit = {IDLE_EXIT}\n")
    user.must("pwd")
    eventually(lambda: not alive(recorded_pid(user)), 60)
    assert f"not used for {IDLE_EXIT} s" in log_of(user)
    assert user.must("pwd").startswith("/alice/")


def outlives_an_idle_one(user: User, pid: int) -> bool:
    """Let idle daemons exit; return whether this one still runs after another one without work has exited."""
    configure(user, f"[daemon]\nidle_exit = {IDLE_EXIT}\n")
    user.must("daemon", "reload")
    user.must("--profile", "unused", "pwd")
    eventually(lambda: not alive(recorded_pid(user, "unused")), 60)
    return alive(pid)


def test_a_daemon_with_a_job_is_not_idle(user: User) -> None:
    (user.home / "a").write_bytes(os.urandom(3_000_000))
    name = f"{user.must('pwd')}idle-{user.home.name}"
    user.must("cp", "file:a", name)
    user.must("transfers", "limit", "rate=100K")
    job = user.must("cp", "--detach", name, "file:b")
    user.must("transfers", "pause", job)
    pid = user.pid()
    assert outlives_an_idle_one(user, pid)
    user.must("transfers", "cancel", job)
    eventually(lambda: not alive(pid), 60)


def test_a_daemon_with_an_open_stream_is_not_idle(user: User) -> None:
    path = user.must("daemon", "socket", "--start")
    pid = user.pid()
    with grpc.insecure_channel(f"unix:{path}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        watch = session_pb2_grpc.SessionServiceStub(channel).WatchConnections(session_pb2.WatchConnectionsRequest())
        next(iter(watch))
        assert outlives_an_idle_one(user, pid)
        watch.cancel()
    eventually(lambda: not alive(pid), 60)


def test_a_profile_that_was_misspelt_on_a_terminal_starts_no_daemon(user: User) -> None:
    text, code = on_a_terminal(user, "--profile", "tset", "pwd")
    assert code == 22
    assert "alienctl --profile tset daemon start" in text
    assert "default, sandbox" in text
    assert not (user.home / ".local/state/aliend/tset").exists()


def test_a_profile_that_is_configured_created_or_in_the_environment_is_used(user: User) -> None:
    configure(user, "[profile.known.transfers]\nfiles = 2\n")
    assert on_a_terminal(user, "--profile", "known", "pwd")[1] == 0
    assert on_a_terminal(user, "pwd", ALIEN_PROFILE="environment")[1] == 0
    assert on_a_terminal(user, "--profile", "made", "daemon", "start")[1] == 0
    user.must("--profile", "made", "daemon", "stop")
    assert on_a_terminal(user, "--profile", "made", "pwd")[1] == 0
    assert user.must("--profile", "script", "pwd").startswith("/alice/")
    for profile in ("known", "environment", "made", "script"):
        user.must("--profile", profile, "daemon", "stop")


def test_a_program_that_speaks_only_grpc_finds_the_daemon(user: User) -> None:
    path = user.must("daemon", "socket")
    assert user.run("daemon", "status").returncode == 3
    assert user.must("daemon", "socket", "--start") == path
    with grpc.insecure_channel(f"unix:{path}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        hello = daemon_pb2_grpc.DaemonServiceStub(channel).Hello(daemon_pb2.HelloRequest())
    assert hello.pid == user.pid()
    assert user.json("daemon", "socket") == {"socket": path, "running": True}


@pytest.mark.parametrize("options", [["--foreground"], []])
def test_a_second_daemon_of_systemd_reports_why_it_exits(user: User, options: list[str]) -> None:
    user.must("pwd")
    program = Path(user.command).with_name("aliend")
    environment = user.environment | {"NOTIFY_SOCKET": str(user.home / "notify")}
    second = subprocess.run([program, *options], env=environment, capture_output=True, text=True, timeout=120)
    assert second.returncode == 17
    assert "already running for profile default" in second.stderr


def test_the_end_of_a_test_stops_the_daemons_of_all_profiles_and_states(grid: Grid) -> None:
    pids = []
    for user in make_user(grid.exports):
        for variables in (
            {},
            {"ALIEN_PROFILE": "other"},
            {"ALIEN_PROFILE": "third", "XDG_STATE_HOME": f"{user.home}/s"},
        ):
            user.variables = grid.exports | variables
            user.must("daemon", "start")
            pids.append(user.pid())
        user.variables = dict(grid.exports)
    assert len({*pids}) == 3
    assert not any(map(alive, pids))
