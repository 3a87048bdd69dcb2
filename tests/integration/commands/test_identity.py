"""Account, site and directory of a session."""

from __future__ import annotations

import json
from collections.abc import Iterator

import grpc
import pytest

from aliend.v1 import session_pb2, session_pb2_grpc
from tests.harness import Grid, User, make_user

ALICE, BOB = "/alice/cern.ch/user/a/alice/", "/alice/cern.ch/user/b/bob/"


@pytest.fixture
def admin(grid: Grid) -> Iterator[User]:
    """Create a user that may act as any account."""
    credentials = grid.directory / "credentials"
    place = {
        "X509_USER_CERT": str(credentials / "user-admin.pem"),
        "X509_USER_KEY": str(credentials / "user-admin.key.pem"),
    }
    for user in make_user({**grid.exports, **place}):
        user.variables |= {
            "JALIEN_TOKEN_CERT": str(user.home / "token.pem"),
            "JALIEN_TOKEN_KEY": str(user.home / "token.key.pem"),
        }
        yield user


def test_f145_another_account_has_another_home_and_keeps_the_directory(admin: User) -> None:
    home = admin.must("pwd")
    assert admin.must("user", "bob") == ""
    assert admin.must("whoami") == "bob"
    assert admin.must("home") == BOB
    assert admin.must("pwd") == home
    admin.must("cd")
    assert admin.must("pwd") == BOB
    admin.must("user", "admin")
    assert (admin.must("whoami"), admin.must("home")) == ("admin", home)


def test_a_removed_or_replaced_token_leaves_no_home_behind(admin: User) -> None:
    own = admin.must("home")
    (admin.home / "a").write_text("a", encoding="utf-8")
    for restarts in (False, True):
        admin.must("token-init", "-u", "bob")
        assert (admin.must("whoami"), admin.must("home"), admin.must("pwd")) == ("bob", BOB, BOB)
        admin.must("token-destroy")
        if restarts:
            admin.kill_daemon()
        assert (admin.must("home"), admin.must("whoami"), admin.must("pwd")) == (own, "admin", own)
    admin.must("cp", "file:a", f"~/a-{admin.home.name}@disk:1")
    assert admin.must("stat", f"{own}a-{admin.home.name}").startswith("File: ")


def test_f145_only_this_session_changes(admin: User) -> None:
    admin.must("--session", "one", "user", "bob")
    assert admin.must("--session", "one", "whoami") == "bob"
    assert admin.must("--session", "two", "whoami") == "admin"
    assert admin.must("--session", "one", "whoami", env={**admin.environment, "ALIEND_ROLE": "alice"}) == "alice"


def test_f145_it_is_kept_over_a_restart(admin: User) -> None:
    admin.must("user", "bob")
    admin.kill_daemon()
    assert admin.must("whoami") == "bob"


def test_f145_commands_of_one_script(admin: User) -> None:
    """Production scripts choose an account, then use files and jobs as that account."""
    (admin.home / "job.jdl").write_text('Executable = "/bin/date";\nSandboxRun = 0;\n', encoding="utf-8")
    script = f"""user alice
whoami
mkdir -p {ALICE}grid-{admin.home.name}
cp file:job.jdl alien://{ALICE}grid-{admin.home.name}/job.jdl@DISK=1
submit {ALICE}grid-{admin.home.name}/job.jdl
rm {ALICE}grid-{admin.home.name}/job.jdl
rmdir {ALICE}grid-{admin.home.name}
"""
    (admin.home / "commands.txt").write_text(script, encoding="utf-8")
    with (admin.home / "commands.txt").open() as commands:
        done = admin.run(stdin=commands)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == "alice"
    assert "Your new job ID is " in done.stdout


def test_f145_a_forbidden_switch_is_refused_and_changes_nothing(user: User) -> None:
    done = user.run("user", "bob")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Switching user alice to [bob] failed" in done.stderr
    assert user.must("whoami") == "alice"
    assert user.run("user", "no-such-account").returncode in (1, 22)
    assert user.run("user").returncode == 22
    assert json.loads(user.must("user", "alice", "--json"))["results"] == [{"homedir": ALICE}]


def test_the_shared_connection_is_not_switched(admin: User) -> None:
    admin.must("user", "bob")
    lines = admin.json("daemon", "status")["central"]
    assert sorted(central["user"] for central in lines) == ["admin", "bob"]


def test_f019_a_site_is_chosen_for_the_session(user: User) -> None:
    assert user.must("setSite", "CERN") == "Setting close site to CERN (was the service's choice)"
    assert user.must("setSite") == "The close site is CERN"
    assert user.must("--session", "other", "setSite") == "The close site is the service's choice"
    assert user.must("listSEDistance")
    assert user.run("setSite", "A", "B").returncode == 22


def test_f069_the_service_reports_its_time_to_the_session_that_asked(user: User) -> None:
    assert user.must("timing", "on") == "Command timing is enabled"
    assert user.must("ls").splitlines()[-1].startswith("timing_ms = ")
    assert "timing_ms" in user.json("ls")["metadata"]
    assert "timing_ms" not in user.must("--session", "other", "ls")
    assert user.must("timing", "off") == "Command timing is disabled"
    assert "timing_ms" not in user.must("ls")
    assert user.run("timing", "maybe").returncode == 22


def test_f145_other_programs_see_it_too(admin: User) -> None:
    admin.must("--session", "seen", "user", "bob")
    socket = admin.json("daemon", "status")["socket"]
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        stub = session_pb2_grpc.SessionServiceStub(channel)
        assert stub.GetSession(session_pb2.GetSessionRequest(session="seen")).session.user == "bob"
        assert stub.GetSession(session_pb2.GetSessionRequest(session="unseen")).session.user == "admin"
