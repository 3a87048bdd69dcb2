"""The commands of a user, from arguments to output, on a real grid."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.harness import User

LISTING = "permissions"


def test_pwd_is_the_home_and_cd_moves_it(user: User) -> None:
    home = user.must("pwd")
    assert home.startswith("/alice/")
    assert home.endswith("/")
    user.must("mkdir", "-p", "cd-here/deeper")
    user.must("cd", "cd-here/deeper")
    assert user.must("pwd") == f"{home}cd-here/deeper/"
    user.must("cd", "..")
    assert user.must("pwd") == f"{home}cd-here/"
    assert user.must("cd", "-") == f"{home}cd-here/deeper/"
    user.must("cd")
    assert user.must("pwd") == home
    user.must("rm", "-r", "cd-here")


def test_the_directory_survives_a_killed_daemon(user: User) -> None:
    home = user.must("pwd")
    user.must("mkdir", "-p", "survives")
    user.must("cd", "survives")
    user.kill_daemon()
    assert user.must("pwd") == f"{home}survives/"


def test_sessions_do_not_move_each_other(user: User) -> None:
    home = user.must("pwd")
    user.must("mkdir", "-p", "one")
    user.must("--session", "a", "cd", "one")
    assert user.must("--session", "a", "pwd") == f"{home}one/"
    assert user.must("--session", "b", "pwd") == home


@pytest.mark.parametrize("line", ["cd here; pwd", "cd here; pwd | cat", "pushd here; pwd", "!alienctl cd here; pwd"])
def test_without_a_terminal_a_directory_lasts_as_long_as_the_line(user: User, tmp_path: Path, line: str) -> None:
    home = user.must("pwd")
    user.must("mkdir", "-p", "here")
    del (environment := user.environment)["ALIEN_SESSION"]
    batch = tmp_path / "batch"
    batch.write_text(f"{line}\n", encoding="utf-8")
    for words in ((line,), (str(batch),)):
        assert user.must(*words, env=environment).splitlines()[-1] == f"{home}here/"
        assert user.must("pwd", env=environment) == home
    done = user.run(env=environment, stdin=None, input=f"{line}\n")
    assert done.stdout.splitlines()[-1] == f"{home}here/"
    assert user.must("pwd", env=environment) == home


def test_cd_to_a_missing_name_or_a_file_changes_nothing(user: User) -> None:
    home = user.must("pwd")
    missing = user.run("cd", "no-such-directory")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "No such file or directory" in missing.stderr
    user.must("touch", "a-file")
    file = user.run("cd", "a-file")
    assert (file.returncode, file.stdout) == (20, "")
    assert user.must("pwd") == home


def test_ls_marks_directories_and_lists_long(user: User) -> None:
    user.must("mkdir", "-p", "listing/sub")
    user.must("touch", "listing/file")
    assert user.must("ls", "listing").split() == ["file", "sub/"]
    long = user.must("ls", "-l", "listing").splitlines()
    assert long[0].startswith("-rwx")
    assert long[1].startswith("drwx")
    assert [entry["name"] for entry in user.json("ls", "-l", "listing")["results"]] == ["file", "sub/"]


def test_json_has_metadata_and_results_as_the_service_has(user: User) -> None:
    document = user.json("stat", ".")
    assert set(document) == {"metadata", "results"}
    assert document["metadata"]["exitcode"] == "0"
    assert document["results"][0]["type"] == "d"


def test_an_error_of_the_service_reaches_stderr_and_the_exit_code(user: User) -> None:
    done = user.run("stat", "/no/such/file")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such file or directory : /no/such/file" in done.stderr


def test_f089_one_object_a_line(user: User) -> None:
    folder = f"lines-{user.home.name}"
    user.must("mkdir", folder)
    user.must("touch", f"{folder}/a", f"{folder}/b")
    for words in (["find", folder, "*"], ["ls", folder]):
        results = [json.loads(line) for line in user.must(*words, "--jsonl").splitlines()]
        assert results == user.json(*words)["results"]
        assert len(results) == 2
    assert json.loads(user.must("--jsonl", "whoami"))["username"] == "alice"
    assert user.must("transfers", "list", "--jsonl") == ""
    failed = user.run("stat", "/no/such", "--jsonl")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "/no/such" in failed.stderr


def test_f090_commands_of_ours_print_documents(user: User) -> None:
    """Each is one document on standard output and nothing else."""
    for line in (
        "pwd",
        "home",
        "dirs",
        "cert-info",
        "token-info",
        "transfers list",
        "transfers limit",
        "version",
        "ping 1",
    ):
        assert isinstance(user.json(*line.split()), dict), line
    for line in ("checkAddr localhost 1", "user alice", "timing off", "setSite", "daemon status", "exitcode"):
        assert isinstance(user.json(*line.split()), dict), line


def test_an_error_is_printed_as_json_too(user: User) -> None:
    done = user.run("stat", "/no/such/file", "--json")
    assert json.loads(done.stdout)["metadata"]["exitcode"] == "2"
    assert done.returncode == 2


def test_find_mkdir_mv_rm_and_rmdir_work_with_relative_names(user: User) -> None:
    home = user.must("pwd")
    user.must("mkdir", "-p", "work/a")
    user.must("touch", "work/a/x.root")
    user.must("mv", "work/a/x.root", "work/y.root")
    assert user.must("find", "work", "*.root") == f"{home}work/y.root"
    user.must("rmdir", "work/a")
    user.must("rm", "work/y.root")
    assert user.must("ls", "work") == ""
    user.must("rmdir", "work")
    assert user.run("ls", "work").returncode == 2


def test_changes_of_names_that_the_service_misreads_are_refused(user: User) -> None:
    user.must("mkdir", "-p", "misread/work/a")
    user.must("cd", "misread")
    user.must("touch", "workx", "work/y")
    (user.home / "local").write_text("content")
    for line in ("rm work/..x", "mv work/y a/..x", "mkdir work/a/..b", "touch work/..x", "cp file:local work/..x"):
        refused = user.run(*line.split())
        assert refused.returncode == 22, line
        assert "takes names that begin with `..` for the parent directory" in refused.stderr
    assert user.must("ls").split() == ["work/", "workx"]
    user.must("cd", "work/a")
    user.must("mv", "../y", "../../y")
    user.must("rm", "../../y", "../../workx")
    user.must("cd", "../../..")
    assert user.must("ls", "misread/work/..") == "work/"
    user.must("rm", "-r", "misread")


def test_any_other_command_of_the_service_is_passed_through(user: User) -> None:
    assert user.must("echo", "two", "words") == "two words"
    assert "pwd" in user.must("commandlist").split()
    assert user.must("whoami") == "alice"


def test_an_unknown_command_is_refused(user: User) -> None:
    done = user.run("no-such-command")
    assert done.returncode == 1
    assert "no-such-command" in done.stderr


def test_a_change_of_the_shared_connection_is_refused(user: User) -> None:
    for words in (["ls", "-pwd=/alice"], ["token", "-u", "bob"], ['{"command": "user", "options": ["bob"]}']):
        done = user.run(*words)
        assert done.returncode == 22, words
        assert "shared" in done.stderr or "share" in done.stderr


def test_a_thousand_commands_need_one_login(user: User) -> None:
    for _ in range(10):
        user.must("ls")
    status = user.json("daemon", "status")
    assert [central["logins"] for central in status["central"]] == [1]


def test_output_into_a_closed_pipe_ends_quietly(user: User) -> None:
    done = subprocess.run(
        ["bash", "-c", '"$0" commandlist | head -n 1', user.command],
        env=user.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_cert_info_and_version_and_help_work_without_service(stranger: User) -> None:
    assert "alienctl" in stranger.must("version")
    assert "transfers" in stranger.must("help")
    started = stranger.run("daemon", "start")
    assert started.returncode == 0, started.stderr
    assert "alienctl cp " in stranger.must("help", "cp")
    assert stranger.json("daemon", "status")["central"] == []
    assert stranger.run("token-info").returncode == 2


def test_token_info_prints_the_dates(user: User) -> None:
    lines = user.must("token-info").splitlines()
    assert [line.split(" >>> ")[0] for line in lines] == ["DN", "ISSUER", "BEGIN", "EXPIRE"]
    assert "CN=alice" in lines[0]
