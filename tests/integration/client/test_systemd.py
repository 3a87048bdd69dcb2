"""The daemon in the hands of systemd: units that systemd accepts, and a queue that changes hands whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from alienctl import VERSION
from tests.harness import User, alive, eventually
from tests.installation import install

pytestmark = pytest.mark.timeout(300)

MANAGER = Path(__file__).with_name("systemctl.py")


@pytest.fixture
def managed(user: User) -> Iterator[User]:
    """A user whose `systemctl --user` works."""
    state, programs = user.home / "manager", user.home / "bin"
    state.mkdir()
    programs.mkdir()
    (user.home / "run/systemd").mkdir()
    for name in ("systemctl", "loginctl"):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {MANAGER} {state} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    user.variables["PATH"] = f"{programs}:{os.environ['PATH']}"
    yield user
    user.run("daemon", "uninstall")


def unit_pid(user: User, unit: str = "aliend.service") -> int:
    file = user.home / "manager" / unit
    pid = int(file.read_text(encoding="utf-8")) if file.exists() else 0
    return pid if pid and alive(pid) else 0


def slow_job(user: User) -> tuple[str, bytes]:
    content = os.urandom(3_000_000)
    (user.home / "content").write_bytes(content)
    name = f"{user.must('pwd')}systemd-{user.home.name}"
    user.must("cp", "file:content", name)
    user.must("transfers", "limit", "rate=20K")
    job = user.must("cp", "--detach", name, "file:arrived")
    eventually(lambda: user.json("transfers", "show", job)["files"]["running"])
    return job, content


@pytest.mark.parametrize(("profile", "unit"), [("default", "aliend.service"), ("test", "aliend@test.service")])
def test_systemd_accepts_the_units(user: User, profile: str, unit: str) -> None:
    verifier = shutil.which("systemd-analyze")
    assert verifier, "systemd-analyze is missing: tests/setup.sh installs it"
    user.variables["XDG_STATE_HOME"] = str(user.home / "a state with 100 % blanks")
    user.must("--profile", profile, "daemon", "install")
    file = user.home / ".config/systemd/user" / unit
    verified = subprocess.run(
        [verifier, "verify", "--user", str(file)], env=user.environment, capture_output=True, text=True, timeout=120
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_install_hands_the_queue_to_systemd_and_uninstall_takes_it_back(managed: User) -> None:
    job, content = slow_job(managed)
    on_demand = managed.pid()
    said = managed.must("daemon", "install", "--enable", "--linger")
    assert f"aliend (pid {on_demand}), started on demand, was stopped; its 1 job continues under systemd" in said
    assert not alive(on_demand)
    by_systemd = managed.pid()
    assert by_systemd == unit_pid(managed)
    assert f"aliend.service is enabled and runs (pid {by_systemd})" in said
    assert "lingering is on" in said
    eventually(lambda: managed.json("transfers", "show", job)["files"]["running"])
    said = managed.must("daemon", "uninstall")
    assert f"aliend (pid {by_systemd}), run by aliend.service, was stopped" in said
    assert "its 1 job continues" in said
    assert not alive(by_systemd)
    assert not (managed.home / ".config/systemd/user/aliend.service").exists()
    managed.must("transfers", "limit", "rate=unlimited")
    managed.must("transfers", "wait", job)
    assert (managed.home / "arrived").read_bytes() == content
    assert "no unit is installed" in managed.must("daemon", "uninstall")


def test_the_first_command_starts_the_enabled_unit_of_its_profile(managed: User) -> None:
    for words, unit in (((), "aliend.service"), (("--profile", "test"), "aliend@test.service")):
        managed.must(*words, "daemon", "install", "--enable")
        managed.must(*words, "daemon", "stop")
        eventually(lambda unit=unit: not unit_pid(managed, unit))  # type: ignore[misc]
        managed.must(*words, "pwd")
        assert managed.json(*words, "daemon", "status")["pid"] == unit_pid(managed, unit)
    managed.must("--profile", "test", "daemon", "uninstall")


def test_the_unit_runs_without_our_directories_in_the_path_and_with_the_shells_state(managed: User) -> None:
    managed.variables["XDG_STATE_HOME"] = str(managed.home / "other state")
    managed.must("daemon", "install", "--enable")
    assert managed.json("daemon", "status")["state_directory"].startswith(str(managed.home / "other state"))
    environment = Path(f"/proc/{unit_pid(managed)}/environ").read_bytes().split(b"\0")
    assert b"PATH=/usr/bin:/bin" in environment


def test_a_second_install_restarts_nothing_that_has_not_changed(managed: User) -> None:
    managed.must("daemon", "install", "--enable")
    pid = managed.pid()
    managed.must("daemon", "install", "--enable")
    assert managed.pid() == pid


def test_a_wrong_configuration_is_not_handed_over(managed: User) -> None:
    managed.must("pwd")
    pid = managed.pid()
    file = managed.home / ".config/aliend/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[nosuch]\n", encoding="utf-8")
    assert managed.run("daemon", "install", "--enable").returncode == 22
    assert alive(pid)


def test_a_unit_that_does_not_start_leaves_the_daemon_that_was_there(managed: User) -> None:
    job, _ = slow_job(managed)
    manager = managed.home / "bin/systemctl"
    text = manager.read_text(encoding="utf-8")
    manager.write_text(
        text.replace("exec", '[ "$2" = restart ] && { echo broken >&2; exit 1; }\nexec'), encoding="utf-8"
    )
    failed = managed.run("daemon", "install", "--enable")
    assert failed.returncode == 1
    assert "`systemctl --user restart aliend.service` failed: broken" in failed.stderr
    assert managed.json("transfers", "list")["jobs"][0]["job"] == int(job)
    managed.must("transfers", "cancel", job)


def test_a_unit_of_an_older_installation_is_named_and_not_restarted_again(managed: User, tmp_path: Path) -> None:
    managed.must("daemon", "install", "--enable")
    newer = User(managed.home, managed.variables, install(tmp_path, "99.0.0"))
    first = managed.pid()
    terminal = pexpect.spawn(
        newer.command, ["pwd"], env=managed.environment, cwd=str(managed.home), timeout=90, encoding="utf-8"
    )
    terminal.expect(f"is still aliend {VERSION}")
    terminal.expect("alienctl daemon install")
    terminal.expect(pexpect.EOF)
    second = managed.pid()
    assert second != first
    newer.must("pwd")
    assert managed.pid() == second
    newer.must("daemon", "install", "--enable")
    assert newer.json("daemon", "status")["version"] == "99.0.0"


def test_without_a_user_manager_nothing_changes_and_the_reason_is_reported(user: User) -> None:
    user.must("pwd")
    pid = user.pid()
    refused = user.run("daemon", "install", "--enable")
    assert refused.returncode == 1
    assert "systemd's user manager does not respond" in refused.stderr
    assert not (user.home / ".config/systemd/user/aliend.service").exists()
    assert user.pid() == pid
    user.must("daemon", "install")
    assert "the unit was removed" in user.must("daemon", "uninstall")
    assert user.pid() == pid
