"""Local names are bytes: directories and files whose names are not UTF-8 are sources and targets like any other."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.harness import User

LATIN = os.fsdecode(b"caf\xe9")


@pytest.fixture
def place(user: User) -> Path:
    made = user.home / LATIN
    made.mkdir()
    return made


def test_the_working_directory_need_not_be_text(user: User, place: Path, folder: str) -> None:
    (place / "x").write_text("seven")
    user.must("cp", "file:x", "alien:up", cwd=place)
    user.must("cp", "up", "file:", cwd=place)
    user.must("cp", "up", "file:again", cwd=place)
    assert (place / "up").read_text() == (place / "again").read_text() == "seven"
    assert f"{place}/again\n" in user.run("transfers", "list", "--all", errors="surrogateescape").stdout


def test_a_directory_is_uploaded_and_downloaded(user: User, place: Path, folder: str) -> None:
    (place / "one").write_text("1")
    (place / "below").mkdir()
    (place / "below" / "two").write_text("2")
    user.must("cp", f"file:{LATIN}/", "alien:up/")
    user.must("cp", "up/", f"file:{LATIN}/new/")
    user.must("sync", "up/", f"file:{LATIN}/synced/")
    user.must("sync", f"file:{LATIN}/new/", "alien:synced/")
    for copy in ("new", "synced"):
        assert (place / copy / "below" / "two").read_text() == "2"
    assert user.must("find", "synced", "*").count("\n") == 1
    user.kill_daemon()
    assert user.run("cp", "up/", f"file:{LATIN}/new/", errors="surrogateescape").returncode == 0


def test_a_name_invalid_in_the_catalogue_is_reported_and_the_others_arrive(
    user: User, place: Path, folder: str
) -> None:
    (place / "fine").write_text("1")
    (place / os.fsdecode(b"na\xefve")).write_text("2")
    done = user.run("cp", f"file:{LATIN}/", "alien:up/")
    assert done.returncode == 3
    assert f"{user.home}/caf\\xe9/na\\xefve\nits name is not valid UTF-8, which the catalogue requires" in done.stderr
    assert user.must("ls", "up") == "fine"
    refused = user.run("cp", f"file:{LATIN}", "alien:other/")
    assert refused.returncode == 4
    missing = user.run("cp", f"file:{LATIN}/none", "alien:none")
    assert missing.returncode == 2
    assert f"local file {user.home}/caf\\xe9/none does not exist" in missing.stderr


def test_json_and_events_have_the_name(user: User, place: Path, folder: str) -> None:
    (user.home / "x").write_text("seven")
    user.must("cp", "file:x", "alien:x")
    report = json.loads(user.must("cp", "--json", "x", f"file:{LATIN}/y"))
    assert os.fsencode(report["files"][0]["target"]) == os.fsencode(place / "y")
    job = report["job"]
    shown = user.json("transfers", "show", str(job))
    assert shown["transfers"][0]["target"] == str(place / "y")
    events = user.must("transfers", "watch", str(job), "--since", "0", "--json").splitlines()
    assert str(place / "y") in {json.loads(line)["target"] for line in events}
    log = next((user.home / ".local/state/aliend").glob("*/aliend.log")).read_text(encoding="utf-8")
    assert not re.search("Error|Traceback", log)
