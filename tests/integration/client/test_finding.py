"""The daemon is found and stopped in every environment of its user, even frozen or with a lost socket."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc.aio
import pytest

from aliend.lifecycle.state_directory import Record, read_record
from aliend.v1 import transfers_pb2, transfers_pb2_grpc
from tests.harness import User, alive, eventually, needs_root

UNRESPONSIVE_LIMIT = 5.0
SLACK = 40.0
"""Seconds that a busy machine may take to start the command."""


def state_of(user: User, profile: str = "default") -> Path:
    return user.home / ".local/state/aliend" / profile


def record_of(user: User) -> Record:
    found = read_record(str(state_of(user)))
    assert found is not None
    return found


def without(user: User, name: str) -> dict[str, str]:
    return {key: value for key, value in user.environment.items() if key != name}


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process in the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGCONT)


def handles(pid: int, number: signal.Signals) -> bool:
    """Return whether a process has a handler for a signal."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (number - 1) & 1)


def test_the_record_describes_the_daemon(stranger: User) -> None:
    stranger.must("daemon", "start")
    record = record_of(stranger)
    started = Path(f"/proc/{record.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    assert record.started == int(started)
    assert record.boot == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    assert record.pid_namespace == str(Path(f"/proc/{record.pid}/ns/pid").readlink())
    assert record.host == os.uname().nodename
    assert record.socket == str(stranger.home / "run/aliend/default.sock")


def test_a_logout_that_removes_the_runtime_directory_leaves_the_daemon_reachable(user: User) -> None:
    user.must("pwd")
    pid = user.pid()
    shutil.rmtree(user.home / "run")
    (user.home / "run").mkdir(mode=0o700)
    user.must("pwd")
    assert user.pid() == pid
    assert (user.home / "run/aliend/default.sock").is_socket()


def test_a_deleted_socket_file_is_made_again(stranger: User) -> None:
    stranger.must("daemon", "start")
    pid = stranger.pid()
    for _ in range(3):
        (stranger.home / "run/aliend/default.sock").unlink()
        assert stranger.pid() == pid


def test_without_autostart_a_daemon_with_a_lost_socket_is_found(user: User) -> None:
    user.must("pwd")
    (user.home / "run/aliend/default.sock").unlink()
    user.must("--no-autostart", "pwd")


def test_a_runtime_directory_that_cannot_be_made_again_is_replaced_until_it_is_back(stranger: User) -> None:
    stranger.must("daemon", "start")
    pid, runtime = stranger.pid(), stranger.home / "run"
    usual, fallback = runtime / "aliend/default.sock", Path(f"/tmp/aliend-{os.getuid()}")
    shutil.rmtree(runtime)
    runtime.write_text("in the way")
    stranger.variables["ALIEN_PROFILE"] = "default"
    status = stranger.json("daemon", "status")
    assert (status["pid"], status["socket"]) == (pid, str(fallback / "default.sock"))
    assert record_of(stranger).socket == str(fallback / "default.sock")
    runtime.unlink()
    runtime.mkdir(mode=0o700)
    os.kill(pid, signal.SIGUSR1)
    eventually(usual.is_socket)
    assert stranger.pid() == pid
    eventually(lambda: not (fallback / "default.sock").exists())


def test_open_streams_survive_the_loss_of_the_socket(user: User, folder: str) -> None:
    user.must("pwd")
    path = user.home / "run/aliend/default.sock"

    async def watch() -> None:
        async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
            changes = transfers_pb2_grpc.TransfersServiceStub(channel).WatchJobs(transfers_pb2.WatchJobsRequest())
            await changes.read()
            path.unlink()
            await asyncio.to_thread(user.must, "daemon", "status")
            (user.home / "a").write_bytes(b"a")
            await asyncio.to_thread(user.must, "cp", "--detach", "file:a", f"{folder}a")
            change = await asyncio.wait_for(changes.read(), 60)
            assert [job.target for job in change.jobs] == [f"{folder}a"]

    asyncio.run(watch())


@pytest.mark.parametrize("missing", [None, "/nonexistent", "relative"])
def test_a_login_shells_daemon_is_found_from_a_batch_job(stranger: User, missing: str | None) -> None:
    stranger.must("daemon", "start")
    pid = stranger.pid()
    batch = without(stranger, "XDG_RUNTIME_DIR") | ({"XDG_RUNTIME_DIR": missing} if missing else {})
    for words in (("daemon", "status"), ("daemon", "start"), ("version",)):
        assert f"(pid {pid}" in stranger.must(*words, env=batch)
    assert stranger.must("daemon", "stop", env=batch) == f"aliend stopped (pid {pid})"


def test_a_batch_jobs_daemon_is_found_from_a_login_shell(stranger: User) -> None:
    profile = {"ALIEN_PROFILE": stranger.home.name}
    batch = without(stranger, "XDG_RUNTIME_DIR") | profile
    stranger.variables |= profile
    started = stranger.must("daemon", "start", env=batch)
    assert started == f"aliend runs (pid {stranger.pid()})"
    assert stranger.must("daemon", "stop") == started.replace("runs", "stopped")


def test_a_daemon_is_found_whatever_socket_was_named_when_it_started(stranger: User) -> None:
    elsewhere = {**stranger.environment, "ALIEND_SOCKET": str(stranger.home / "own" / "s")}
    started = stranger.must("daemon", "start", env=elsewhere)
    assert started == f"aliend runs (pid {stranger.pid()})"


def test_an_unsafe_usual_directory_hides_no_daemon_elsewhere(stranger: User) -> None:
    elsewhere = {**stranger.environment, "ALIEND_SOCKET": str(stranger.home / "own" / "s")}
    started = stranger.must("daemon", "start", env=elsewhere)
    (stranger.home / "run/aliend").mkdir(mode=0o755)
    assert started == f"aliend runs (pid {stranger.pid()})"
    stranger.must("daemon", "stop")
    assert stranger.run("daemon", "status").returncode == 22


def test_the_log_is_found_from_a_batch_job(stranger: User) -> None:
    stranger.must("daemon", "start")
    assert "ready:" in stranger.must("daemon", "logs", env=without(stranger, "XDG_RUNTIME_DIR"))


def test_the_record_of_a_dead_daemon_is_ignored(stranger: User) -> None:
    elsewhere = {**stranger.environment, "ALIEND_SOCKET": str(stranger.home / "own" / "s")}
    stranger.must("daemon", "start", env=elsewhere)
    pid = stranger.kill_daemon()
    done = stranger.run("daemon", "status")
    assert (done.returncode, "not running" in done.stdout) == (3, True)
    assert stranger.must("daemon", "stop", "--force") == "aliend was not running"
    stranger.must("daemon", "start")
    assert stranger.pid() != pid


def test_a_process_that_got_the_number_of_a_dead_daemon_gets_no_signal(stranger: User) -> None:
    """Another program holds the lock file, and the record names a living process that is not aliend."""
    stranger.must("daemon", "start")
    lock = state_of(stranger) / "lock"
    record = json.loads(lock.read_text(encoding="utf-8"))
    stranger.must("daemon", "stop")
    hold = (
        "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    )
    with (
        subprocess.Popen(["sleep", "1000"]) as innocent,
        subprocess.Popen(
            [sys.executable, "-c", hold, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder,
    ):
        assert holder.stdout
        holder.stdout.readline()
        lock.write_text(json.dumps(record | {"pid": innocent.pid, "socket": "/nonexistent/s"}), encoding="utf-8")
        done = stranger.run("daemon", "stop", "--force")
        assert (done.returncode, "cannot identify" in done.stderr) == (1, True)
        assert innocent.poll() is None
        lock.write_text(
            json.dumps(record | {"pid": innocent.pid, "pid_namespace": "pid:[1]", "socket": "/nonexistent/s"}),
            encoding="utf-8",
        )
        done = stranger.run("daemon", "stop", "--force")
        assert (done.returncode, "another PID namespace" in done.stderr) == (107, True)
        assert innocent.poll() is None
        innocent.kill()
        holder.kill()


def test_commands_say_that_the_daemon_is_frozen(user: User) -> None:
    user.must("pwd")
    pid = user.pid()
    with frozen(pid):
        for words, code in ((("pwd",), 107), (("rm", "nothing"), 75), (("daemon", "status"), 107)):
            begun = time.monotonic()
            done = user.run(*words)
            assert (done.returncode, done.stdout) == (code, "")
            assert time.monotonic() - begun < UNRESPONSIVE_LIMIT + SLACK
            assert f"aliend (pid {pid}) does not respond" in done.stderr
            assert "`alienctl daemon stop --force`" in done.stderr
    user.must("pwd")


def test_the_first_interrupt_ends_a_command_of_a_frozen_daemon(user: User) -> None:
    user.must("pwd")
    with frozen(user.pid()):
        process = user.start("pwd")
        eventually(lambda: handles(process.pid, signal.SIGTERM))
        process.send_signal(signal.SIGINT)
        assert process.wait(UNRESPONSIVE_LIMIT + SLACK) == 130


def test_a_frozen_daemon_is_ended_by_force(user: User) -> None:
    user.must("pwd")
    pid = user.pid()
    with frozen(pid):
        assert user.run("daemon", "stop").returncode == 107
        assert user.must("daemon", "stop", "--force") == f"aliend stopped (pid {pid})"
    assert not alive(pid)
    user.must("pwd")


def test_a_frozen_daemon_that_lost_its_socket_is_named(stranger: User) -> None:
    stranger.must("daemon", "start")
    pid = stranger.pid()
    with frozen(pid):
        (stranger.home / "run/aliend/default.sock").unlink()
        begun = time.monotonic()
        done = stranger.run("pwd")
        assert (done.returncode, f"aliend (pid {pid}) does not respond" in done.stderr) == (107, True)
        assert time.monotonic() - begun < UNRESPONSIVE_LIMIT + SLACK
        stranger.must("daemon", "stop", "--force")


def test_stop_returns_after_the_end_of_the_process(user: User) -> None:
    for _ in range(3):
        user.must("pwd")
        pid = user.pid()
        assert user.must("daemon", "stop") == f"aliend stopped (pid {pid})"
        assert not alive(pid)
        assert not (state_of(user) / "aliend.db-wal").exists()


def test_list_shows_the_daemons_of_all_profiles(stranger: User) -> None:
    pids = {}
    for profile in ("default", "other"):
        stranger.variables["ALIEN_PROFILE"] = profile
        stranger.must("daemon", "start")
        pids[profile] = stranger.pid()
    listed = stranger.json("daemon", "list")["daemons"]
    assert {one["profile"]: one["pid"] for one in listed} == pids
    assert all(one["responds"] and one["host"] == os.uname().nodename for one in listed)
    lines = stranger.must("daemon", "list").splitlines()
    assert [line.split()[:3] for line in lines] == [[name, "pid", str(pid)] for name, pid in sorted(pids.items())]
    stranger.must("daemon", "stop")
    del stranger.variables["ALIEN_PROFILE"]
    assert [one["profile"] for one in stranger.json("daemon", "list")["daemons"]] == ["default"]


@needs_root
def test_a_daemon_is_found_and_stopped_from_a_container_that_shares_its_directories(stranger: User) -> None:
    elsewhere = {**stranger.environment, "ALIEND_SOCKET": str(stranger.home / "own" / "s")}
    stranger.must("daemon", "start", env=elsewhere)
    pid = stranger.pid()
    stranger.prefix = ("unshare", "--pid", "--fork", "--mount-proc")
    assert stranger.pid() == pid
    done = stranger.run("daemon", "stop", "--force")
    assert (done.returncode, "another PID namespace" in done.stderr) == (107, True)
    assert stranger.must("daemon", "stop") == f"aliend stopped (pid {pid})"
    assert not alive(pid)


@needs_root
def test_without_proc_a_daemon_that_listens_is_ended_by_force(stranger: User) -> None:
    stranger.must("daemon", "start")
    pid = stranger.pid()
    stranger.prefix = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc; exec "$@"', "sh")
    with frozen(pid):
        assert stranger.must("daemon", "stop", "--force") == f"aliend stopped (pid {pid})"
    assert not alive(pid)


@needs_root
def test_hosts_that_share_a_home_have_a_daemon_each(stranger: User) -> None:
    """Two namespaces with their own /var/tmp and host name share a home on a file system of unknown kind."""
    script = """
        mount -t ramfs none "$HOME/.local"
        on_host() {
            unshare --mount --uts sh -c '
                mount -t tmpfs none /var/tmp && mount -t tmpfs none "$XDG_RUNTIME_DIR" && chmod 700 "$XDG_RUNTIME_DIR"
                hostname "$1"; shift
                "$@" daemon start && "$@" daemon status --json && "$@" daemon list
                "$@" daemon stop' sh "$@"
        }
        on_host one "$@" && on_host two "$@"
    """
    (stranger.home / ".local").mkdir()
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", stranger.command],
        env=stranger.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    assert [one["host"] for one in found] == ["one", "two"]
    assert {one["state_directory"] for one in found} == {f"/var/tmp/aliend-{os.getuid()}/default"}
    assert all("other hosts may share" in one["warnings"][0] for one in found)
    assert [line.split()[5] for line in lines if line.startswith("default ")] == ["one", "two"]


@pytest.fixture
def neighbour(stranger: User) -> Iterator[User]:
    """Another home of the same user with the same runtime directory."""
    home = stranger.home / "other"
    home.mkdir()
    neighbour = User(home, stranger.variables | {"XDG_RUNTIME_DIR": str(stranger.home / "run")})
    yield neighbour
    neighbour.run("daemon", "stop", "--force")


def test_the_daemon_of_another_home_is_neither_shown_nor_stopped(stranger: User, neighbour: User) -> None:
    stranger.must("daemon", "start")
    pid, state = stranger.pid(), state_of(stranger)
    status = neighbour.run("daemon", "status")
    assert status.returncode == 3
    assert f"aliend (pid {pid}) with its state in {state} listens on" in status.stdout
    for command in ("start", "stop", "restart"):
        refused = neighbour.run("daemon", command)
        assert (refused.returncode, f"aliend (pid {pid}) with its state in {state}" in refused.stderr) == (22, True)
    assert alive(pid)
    (advice,) = re.findall("stop it with `(.*?)`", refused.stderr)
    stop = advice.replace("alienctl", neighbour.command)
    subprocess.run(stop, shell=True, env=neighbour.environment, check=True, capture_output=True, timeout=120)
    assert not alive(pid)
    assert neighbour.must("daemon", "start") == f"aliend runs (pid {neighbour.pid()})"


@needs_root
@pytest.mark.parametrize("program", ["alienctl", "aliend"])
def test_the_advice_for_a_substitute_directory_works(stranger: User, neighbour: User, program: str) -> None:
    """The state is in `/var/tmp/aliend-UID-RANDOM`: the home is shared, and another user has the usual name."""
    script = """
        mount -t ramfs none "$HOME/.local" && mount -t tmpfs -o mode=1777 none /var/tmp || exit 9
        mkdir -m 777 /var/tmp/aliend-$(id -u) && chown 12345 /var/tmp/aliend-$(id -u)
        PATH=$(dirname "$1"):$PATH
        alienctl daemon start && alienctl daemon status || exit 9
        advice=$(HOME=$2 "$3" $4 2>&1 | sed -n 's/stop it with `\\([^`]*\\)`.*/\\1/p')
        echo "advice $advice"
        HOME=$2 sh -c "$advice"
        for _ in $(seq 300); do alienctl --no-autostart pwd 2>&1 | grep "no daemon runs" && exit 0; sleep 0.1; done
        exit 8
    """
    (stranger.home / ".local").mkdir()
    words = ["daemon stop"] if program == "alienctl" else []
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", stranger.command, neighbour.home, program, *words],
        env=stranger.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"/var/tmp/aliend-{os.getuid()}-" in done.stdout


def test_a_daemon_does_not_take_the_socket_of_another_one(stranger: User, neighbour: User) -> None:
    stranger.must("daemon", "start")
    pid = stranger.pid()
    program = Path(stranger.command).with_name("aliend")
    second = subprocess.run([program], env=neighbour.environment, capture_output=True, text=True, timeout=120)
    assert second.returncode == 22
    assert f"aliend (pid {pid}) with its state in {state_of(stranger)} listens on the socket" in second.stderr
    assert stranger.pid() == pid


def test_daemons_of_two_homes_with_sockets_of_their_own_are_distinguished(stranger: User, neighbour: User) -> None:
    own = {**neighbour.environment, "ALIEND_SOCKET": str(neighbour.home / "own" / "s")}
    stranger.must("daemon", "start")
    neighbour.must("daemon", "start", env=own)
    pids = stranger.pid(), neighbour.pid()
    assert len(set(pids)) == 2
    assert neighbour.must("daemon", "stop") == f"aliend stopped (pid {pids[1]})"
    assert alive(pids[0])


def test_a_daemon_that_wrote_no_record_is_ended_by_force(stranger: User) -> None:
    stranger.must("daemon", "start")
    pid = stranger.pid()
    (state_of(stranger) / "lock").write_bytes(b"")
    with frozen(pid):
        assert stranger.must("daemon", "stop", "--force") == f"aliend stopped (pid {pid})"
    assert not alive(pid)
