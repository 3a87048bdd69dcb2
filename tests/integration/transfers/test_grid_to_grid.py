"""`cp` within the catalogue, on a sandbox grid."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.harness import User


def random_file(path: Path, size: int) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path.read_bytes()


def md5_in_catalogue(user: User, lfn: str) -> str:
    return str(user.json("stat", lfn)["results"][0]["md5"])


def test_a_file_and_a_directory_are_copied_within_the_catalogue(user: User, folder: str) -> None:
    contents = {name: random_file(user.home / "tree" / name, 100_000) for name in ("one", "s/two")}
    user.must("cp", "file:tree/", f"{folder}tree/@disk:1")
    user.must("cp", "alien:tree/one", "alien:copy@disk:2")
    assert md5_in_catalogue(user, "copy") == hashlib.md5(contents["one"]).hexdigest()
    assert len(user.json("whereis", "copy")["results"]) == 2
    user.must("cp", "alien:tree", "alien:again/")
    assert user.json("transfers", "list", "--all")["jobs"][0]["direction"] == "copy"
    user.must("cp", "again/tree/", "file:back/")
    assert {name: (user.home / "back" / name).read_bytes() for name in contents} == contents


def test_a_copy_within_the_catalogue_survives_the_end_of_the_daemon(user: User, folder: str) -> None:
    content = random_file(user.home / "big", 60_000_000)
    user.must("cp", "file:big", f"{folder}big@disk:1")
    job = user.run("cp", "--detach", "alien:big", f"{folder}copy@disk:2").stdout.strip()
    user.kill_daemon()
    user.must("transfers", "wait", job)
    user.must("cp", "copy", "file:back")
    assert (user.home / "back").read_bytes() == content


def test_members_of_an_archive_can_be_copied_out_of_it(user: User, folder: str) -> None:
    user.must("cp", "/alice/cern.ch/user/a/alice/archive/second.dat", f"{folder}member")
    user.must("cp", "member", "file:member")
    user.must("cp", "/alice/cern.ch/user/a/alice/archive/second.dat", "file:original")
    assert (user.home / "member").read_bytes() == (user.home / "original").read_bytes()


def test_an_ambiguous_target_is_refused_with_both_spellings(user: User, folder: str) -> None:
    refused = user.run("cp", "/alice/cern.ch/user/a/alice/files/tiny.dat", "here.dat")
    assert refused.returncode == 22
    assert "alien:here.dat" in refused.stderr
    assert "file:here.dat" in refused.stderr
    assert user.must("transfers", "list", "--all") == ""
