"""alienctl starts, finds, queries and stops the daemon, and reports its absence."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.client.runner import ROOT, Stage, a_stage, eventually, is_alive

PWD = b"/alice/cern.ch/user/t/test/\n"


@pytest.fixture
def stage() -> Iterator[Stage]:
    with a_stage() as stage:
        yield stage


def test_the_first_command_starts_a_daemon(stage: Stage) -> None:
    done = stage.run("pwd")
    assert (done.stdout, done.stderr, done.returncode) == (PWD, b"", 0)
    (line,) = stage.logged("started")
    _, pid, _, session, _, cwd = line.split()
    assert (session, cwd) == (pid, "/")
    assert stage.logged("descriptors") == ["descriptors /dev/null /dev/null"]


def test_a_command_substitution_that_starts_the_daemon_returns_immediately(stage: Stage) -> None:
    script = 'x=$("$@" pwd 2>&1 9>&1); echo "[$x]"'
    command = ["sh", "-c", script, "sh", *stage.command]
    done = subprocess.run(command, env=stage.environment, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.stdout == b"[" + PWD.strip() + b"]\n"
    assert is_alive(stage.pids()[0])


def test_many_first_commands_start_one_daemon(stage: Stage) -> None:
    stage.daemon_takes("--late", "0.5")
    processes = [stage.start("pwd") for _ in range(8)]
    outcomes = []
    for process in processes:
        with process:
            outcomes.append(process.communicate(timeout=120)[0])
    assert outcomes == [PWD] * 8
    assert len(stage.logged("started")) == 1


def test_a_daemon_that_cannot_start_reports_its_reason(stage: Stage) -> None:
    stage.daemon_takes("--fail", "The database is of a newer version")
    done = stage.run("pwd")
    assert done.stderr == b"alienctl: the daemon could not be started: The database is of a newer version\n"
    assert (done.stdout, done.returncode) == (b"", 22)


def test_without_autostart_nothing_is_started(stage: Stage) -> None:
    done = stage.run("--no-autostart", "pwd")
    assert done.returncode == 107
    assert b"no daemon runs" in done.stderr
    assert b"alienctl daemon start" in done.stderr
    assert not stage.log.exists()


def test_a_socket_that_a_dead_daemon_left_is_no_obstacle(stage: Stage) -> None:
    stage.run("pwd")
    stage.end()
    assert stage.socket.exists()
    assert stage.run("pwd").stdout == PWD
    assert len(stage.pids()) == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["daemon", "status"], 3),
        (["daemon", "stop"], 0),
        (["version"], 0),
        (["--version"], 0),
        (["help"], 0),
        (["help", "cp"], 0),
        (["-h"], 0),
        (["--help"], 0),
        (["daemon", "logs"], 2),
        (["daemon", "logs", "--help"], 0),
        (["transfers", "top", "--help"], 0),
        (["doctor", "--problems", "-h"], 0),
        (["daemon", "nosuch"], 22),
        (["daemon", "stop", "now"], 22),
    ],
)
def test_some_commands_never_start_a_daemon(stage: Stage, words: list[str], code: int) -> None:
    done = stage.run(*words)
    assert done.returncode == code
    assert done.stdout or done.stderr
    assert not stage.log.exists()


def test_a_stopped_daemon_is_reported_as_one_object(stage: Stage) -> None:
    done = stage.run("daemon", "status", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout) == {"running": False, "profile": "default", "socket": str(stage.socket)}


def test_a_running_daemon_is_reported_as_one_object(stage: Stage) -> None:
    assert stage.run("daemon", "start").stdout == f"aliend runs (pid {stage.pids()[0]})\n".encode()
    status = json.loads(stage.run("--json", "daemon", "status").stdout)
    assert status["running"] is True
    assert status["pid"] == stage.pids()[0]
    assert status["central"][0]["endpoint"] == "central:8097"
    assert {"started", "state_directory", "log_file", "active_jobs", "running_transfers", "warnings"} <= set(status)
    assert f"pid {status['pid']}".encode() in stage.run("daemon", "status").stdout
    assert json.loads(stage.run("version", "--json").stdout)["daemon"]["version"] == "9.9"


def test_stop_waits_for_the_end_of_the_daemon(stage: Stage) -> None:
    stage.run("daemon", "start")
    assert stage.run("daemon", "stop").returncode == 0
    assert stage.run("daemon", "status").returncode == 3
    eventually(lambda: not is_alive(stage.pids()[0]), "the daemon's end")


def test_restart_replaces_the_daemon(stage: Stage) -> None:
    stage.run("daemon", "start")
    eventually(lambda: stage.run("daemon", "restart").returncode == 0, "a restarted daemon")
    assert len(stage.pids()) >= 2
    assert stage.run("pwd").stdout == PWD


def test_a_frozen_daemon_does_not_hold_up_the_question_for_its_status(stage: Stage) -> None:
    stage.run("daemon", "start")
    os.kill(stage.pids()[0], signal.SIGSTOP)
    done = stage.run("daemon", "status")
    assert done.returncode == 107
    assert f"aliend (pid {stage.pids()[0]}) does not respond".encode() in done.stderr
    assert b"`alienctl daemon stop --force`" in done.stderr


def test_an_unsafe_socket_directory_is_refused(stage: Stage) -> None:
    stage.socket.parent.mkdir(mode=0o755)
    done = stage.run("pwd")
    assert done.returncode == 22
    assert b"0755" in done.stderr
    assert not stage.log.exists()


def test_something_else_on_the_socket_is_a_clear_error(stage: Stage) -> None:
    stage.socket.parent.mkdir(mode=0o700)
    code = (
        "import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print(flush=True)\n"
        "c=s.accept()[0]; c.recv(9); c.sendall(b'HTTP/1.1 400 Bad Request\\r\\n\\r\\n'); c.recv(99999)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(stage.socket)], stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        done = stage.run("pwd")
        other.kill()
    assert done.returncode == 71
    assert b"is not aliend" in done.stderr


GREETING = b"\0\0\0\4\0\0\0\0\0"
GOING_AWAY = b"\0\0\x08\7" + bytes(13)


@pytest.mark.parametrize("answer", [b"", GREETING + GOING_AWAY])
def test_a_request_that_an_ending_daemon_has_not_seen_is_sent_to_the_next(stage: Stage, answer: bytes) -> None:
    stage.socket.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stage.socket))
        listener.listen()
        process = stage.start("pwd")
        with process:
            connection = listener.accept()[0]
            listener.close()
            connection.sendall(answer)
            connection.close()
            assert process.communicate(timeout=120) == (PWD, b"")
    assert len(stage.pids()) == 1


@pytest.mark.parametrize(("command", "is_repeated"), [("pwd", True), ("rm", False)])
def test_only_a_reading_command_is_run_again_when_a_dying_daemon_may_have_seen_it(
    stage: Stage, command: str, is_repeated: bool
) -> None:
    stage.socket.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stage.socket))
        listener.listen()
        process = stage.start(command)
        with process:
            connection = listener.accept()[0]
            listener.close()
            connection.sendall(GREETING)
            connection.close()
            output, errors = process.communicate(timeout=120)
    if is_repeated:
        assert (output, errors, process.returncode) == (PWD, b"", 0)
    else:
        assert b"outcome is unknown" in errors
        assert (output, process.returncode, stage.log.exists()) == (b"", 75, False)


def test_the_log_is_read_here(stage: Stage) -> None:
    state = stage.home / ".local" / "state" / "aliend" / "default"
    state.mkdir(parents=True)
    (state / "aliend.log").write_text("".join(f"line {number}\n" for number in range(100)))
    assert stage.run("daemon", "logs", "-n", "2").stdout == b"line 98\nline 99\n"
    assert len(stage.run("daemon", "logs").stdout.splitlines()) == 50
    assert stage.run("daemon", "logs", "-n", "0").stdout == b""
    process = stage.start("daemon", "logs", "-n", "1", "-f")
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"line 99\n"
        with (state / "aliend.log").open("a") as log:
            log.write("more\n")
        assert process.stdout.readline() == b"more\n"
        process.terminate()


def test_the_unit_is_put_in_place(stage: Stage) -> None:
    done = stage.run("daemon", "install")
    assert done.returncode == 0, done.stderr
    unit = stage.home / ".config" / "systemd" / "user" / "aliend.service"
    (start,) = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    program = start.removeprefix("ExecStart=").split()[0]
    assert Path(program).is_absolute()
    assert os.access(program, os.X_OK)
    assert b"systemd's user manager does not respond" in done.stdout


def test_an_enabled_unit_is_started_through_systemctl(stage: Stage) -> None:
    wants = stage.home / ".config" / "systemd" / "user" / "default.target.wants"
    wants.mkdir(parents=True)
    (wants / "aliend.service").symlink_to("../aliend.service")
    (stage.home / "run" / "systemd").mkdir()
    (stage.home / "bin").mkdir()
    systemctl = stage.home / "bin" / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" > {stage.home}/called\nexit "$(cat {stage.home}/code)"\n')
    systemctl.chmod(0o755)
    stage.environment["PATH"] = f"{stage.home}/bin:{stage.environment['PATH']}"
    (stage.home / "code").write_text("5")
    failed = stage.run("pwd")
    assert (stage.home / "called").read_text() == "--user start aliend.service\n"
    assert (failed.returncode, b"systemctl --user start aliend.service failed" in failed.stderr) == (107, True)
    (stage.home / "code").write_text("0")
    process = stage.start("pwd")
    with process:
        module = [sys.executable, "-m", "aliend", "--profile", "default"]
        with subprocess.Popen(module, env=stage.environment, cwd="/") as unit:
            assert process.communicate(timeout=120)[0] == PWD
            unit.terminate()


def test_the_script_is_executable() -> None:
    listed = subprocess.run(
        [shutil.which("git") or "git", "ls-files", "-s", "bin/alienctl"], cwd=ROOT, capture_output=True, timeout=120
    )
    assert listed.stdout.startswith(b"100755 ")
