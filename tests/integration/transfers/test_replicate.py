"""`replicate`, on a sandbox grid."""

from __future__ import annotations

import os

import pytest

from tests.harness import User

SES = ["ALICE::SANDBOX::SE1", "ALICE::SANDBOX::SE2"]


@pytest.fixture
def folder(user: User) -> str:
    """A directory of the catalogue with files of one replica each; the session is there."""
    name = f"{user.must('pwd')}{user.home.name}/"
    (user.home / "d").mkdir()
    for one in ("one", "two"):
        (user.home / "d" / one).write_bytes(os.urandom(50_000))
    user.must("cp", "file:d/", f"{name}d/@{SES[0]}")
    user.must("cd", name)
    return name


def holders(user: User, lfn: str) -> list[str]:
    return sorted(replica["seName"] for replica in user.json("whereis", lfn)["results"])


@pytest.mark.parametrize("option", [(), ("--mirror",)])
def test_files_of_a_directory_get_one_more_replica_each(user: User, folder: str, option: tuple[str, ...]) -> None:
    guid = user.json("stat", "d/one")["results"][0]["guid"]
    user.must("replicate", *option, "d", "--to", "disk:1")
    assert holders(user, "d/one") == holders(user, "d/two") == SES
    assert user.json("stat", "d/one")["results"][0]["guid"] == guid
    user.must("cp", f"d/@!{SES[0]}", "file:back/")
    assert {p.name: p.read_bytes() for p in (user.home / "back").iterdir()} == {
        p.name: p.read_bytes() for p in (user.home / "d").iterdir()
    }


def test_a_replication_job_runs_detached_and_is_reported_as_one(user: User, folder: str) -> None:
    job = user.run("replicate", "--detach", "d/one", "--to", SES[1]).stdout.strip()
    user.kill_daemon()
    user.must("transfers", "wait", job)
    assert user.must("transfers", "show", job).startswith(f"job {job}: replicate, done, 1 of 1 files")
    assert holders(user, "d/one") == SES


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("d",), "and a target"),
        (("--to", "disk:1"), "requires LFNs"),
        (("d", "--to", "nowhere"), "invalid storage specification"),
        (("d", "--to", "disk:1", "--miror"), "did you mean --mirror"),
        (("file:d", "--to", "disk:1"), "LFNs only"),
    ],
)
def test_invalid_arguments_are_refused(user: User, words: tuple[str, ...], said: str) -> None:
    refused = user.run("replicate", *words)
    assert (refused.returncode, said in refused.stderr) == (22, True), refused.stderr
    assert user.must("transfers", "list", "--all") == ""


def test_a_missing_file_is_reported(user: User) -> None:
    missing = user.run("replicate", "/alice/none", "--to", "disk:1")
    assert missing.returncode == 2
    assert "does not exist" in missing.stderr
