"""Two versions of aliend on one machine: the newer one takes over, and nothing that was queued is lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

import pexpect
import pytest

from alienctl import CONTRACT, VERSION
from tests.harness import User, alive, eventually
from tests.installation import MIGRATION, install

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("upgrade")]

NEWER = "99.0.0"
MISMATCH = 76


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A newer version with the same contract and schema."""
    return install(tmp_path_factory.mktemp("newer"), NEWER)


@pytest.fixture(scope="module")
def different(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A newer version with another contract and another schema."""
    return install(tmp_path_factory.mktemp("different"), NEWER, contract=CONTRACT + 1, migration=MIGRATION)


def with_command(user: User, command: str) -> User:
    return User(user.home, user.variables, command, user.prefix, user.started)


def slow_job(user: User) -> tuple[str, bytes]:
    """A download that runs until its limit is taken away."""
    content = os.urandom(3_000_000)
    (user.home / "content").write_bytes(content)
    name = f"{user.must('pwd')}upgrade-{user.home.name}"
    user.must("cp", "file:content", name)
    user.must("transfers", "limit", "rate=20K")
    job = user.must("cp", "--detach", name, "file:arrived")
    eventually(lambda: user.json("transfers", "show", job)["files"]["running"])
    return job, content


def schema_of(user: User) -> int:
    connection = sqlite3.connect(user.home / ".local/state/aliend/default/aliend.db")
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def is_connected(user: User) -> bool:
    """Return whether a command runs in the daemon."""
    directory = str(user.home / "run/aliend")  # the daemon binds another name and renames the file
    rows = [line.split() for line in Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()]
    return any(row[-1].startswith(f"{directory}/") and row[5] == "03" for row in rows)


def test_a_newer_client_replaces_an_idle_daemon(user: User, newer: str) -> None:
    user.must("pwd")
    old = user.pid()
    later = with_command(user, newer)
    assert later.must("pwd").startswith("/alice/")
    assert later.json("daemon", "status")["version"] == NEWER
    assert not alive(old)


def test_a_replacement_is_reported_on_a_terminal_only_once(user: User, newer: str) -> None:
    user.must("pwd")
    for expected in (f"was replaced by aliend {NEWER}", ""):
        terminal = pexpect.spawn(
            newer, ["pwd"], env=user.environment, cwd=str(user.home), timeout=120, encoding="utf-8"
        )
        terminal.expect(pexpect.EOF)
        said = str(terminal.before)
        assert ("alienctl:" in said, expected in said) == (bool(expected), True), said


def test_without_autostart_a_daemon_is_never_replaced(user: User, newer: str) -> None:
    user.must("pwd")
    old = user.pid()
    with_command(user, newer).must("--no-autostart", "pwd")
    assert user.pid() == old


def test_an_older_client_works_with_a_newer_daemon(user: User, newer: str) -> None:
    later = with_command(user, newer)
    later.must("pwd")
    pid = later.pid()
    assert user.must("pwd").startswith("/alice/")
    assert user.pid() == pid


def test_a_copying_daemon_is_not_replaced_and_the_user_is_informed(user: User, newer: str) -> None:
    job, content = slow_job(user)
    old = user.pid()
    terminal = pexpect.spawn(newer, ["pwd"], env=user.environment, cwd=str(user.home), timeout=120)
    terminal.expect(f"aliend {VERSION} still runs: it has 1 transfer in progress")
    terminal.expect("alienctl daemon restart")
    terminal.expect(pexpect.EOF)
    assert user.pid() == old
    later = with_command(user, newer)
    later.must("daemon", "restart")
    assert later.json("daemon", "status")["version"] == NEWER
    later.must("transfers", "limit", "rate=unlimited")
    later.must("transfers", "wait", job)
    assert (user.home / "arrived").read_bytes() == content


def test_a_command_that_runs_keeps_its_daemon(user: User, newer: str) -> None:
    job, _ = slow_job(user)
    user.must("transfers", "pause", job)
    eventually(lambda: not user.json("transfers", "show", job)["files"]["running"])
    waiting = user.start("transfers", "wait", job)
    old = user.pid()
    eventually(lambda: is_connected(user))
    later = with_command(user, newer)
    later.must("pwd")
    assert later.pid() == old
    assert waiting.poll() is None
    user.must("transfers", "cancel", job)
    assert waiting.wait(60) == 4


def test_another_contract_has_its_own_exit_code_while_the_daemon_copies(user: User, different: str) -> None:
    job, content = slow_job(user)
    later = with_command(user, different)
    refused = later.run("pwd")
    assert (refused.returncode, refused.stdout) == (MISMATCH, "")
    assert f"aliend {VERSION}" in refused.stderr
    assert f"speaks contract {CONTRACT + 1}" in refused.stderr
    assert "alienctl daemon restart" in refused.stderr
    assert "it has 1 transfer in progress" in refused.stderr
    before = schema_of(user)
    later.must("daemon", "restart")
    assert later.must("pwd").startswith("/alice/")
    assert schema_of(user) == before + 1
    assert (user.home / f".local/state/aliend/default/aliend.db.schema-{before}").exists()
    later.must("transfers", "limit", "rate=unlimited")
    later.must("transfers", "wait", job)
    assert (user.home / "arrived").read_bytes() == content
    older = user.run("pwd")
    assert (older.returncode, older.stdout) == (MISMATCH, "")
    assert f"aliend {NEWER}" in older.stderr
    assert "use the alienctl of that version" in older.stderr
    later.must("daemon", "stop")
    downgraded = user.run("pwd")
    assert downgraded.returncode == 5
    assert f"aliend {NEWER}" in downgraded.stderr
    assert "start the newer aliend" in downgraded.stderr


def test_an_idle_daemon_of_another_contract_is_replaced_before_the_command(user: User, different: str) -> None:
    user.must("pwd")
    old = user.pid()
    later = with_command(user, different)
    assert later.must("pwd").startswith("/alice/")
    assert later.pid() != old
    later.must("daemon", "stop")


def test_a_restart_that_the_older_daemon_could_not_survive_is_refused(user: User, different: str) -> None:
    later = with_command(user, different)
    later.must("pwd")
    pid = later.pid()
    refused = user.run("daemon", "restart")
    assert refused.returncode == 22
    assert "start the newer aliend" in refused.stderr
    assert alive(pid)
    later.must("daemon", "stop")


def test_many_newer_clients_start_one_daemon(user: User, newer: str) -> None:
    user.must("pwd")
    later = with_command(user, newer)
    clients = [later.start("pwd") for _ in range(12)]
    assert [client.wait(120) for client in clients] == [0] * 12
    log = Path(user.home, ".local/state/aliend/default/aliend.log").read_text(encoding="utf-8")
    assert later.json("daemon", "status")["version"] == NEWER
    assert log.count("INFO aliend.daemon: ready") == 2


def test_both_installations_are_different(newer: str) -> None:
    done = subprocess.run([newer, "version"], capture_output=True, text=True, timeout=120)
    assert f"alienctl {NEWER}" in done.stdout
