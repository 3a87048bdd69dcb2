"""`cp` and `transfers`, on real storage elements."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.harness import User, eventually

MIB = 1024 * 1024


def random_file(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def test_an_upload_to_two_replicas_is_registered_when_cp_ends(user: User, folder: str) -> None:
    source = random_file(user.home / "up.bin", 3 * MIB + 17)
    user.must("cp", "file:up.bin", "up.bin@disk:2")
    replicas = user.json("whereis", "up.bin")["results"]
    assert len({replica["seName"] for replica in replicas}) == 2
    entry = user.json("stat", "up.bin")["results"][0]
    assert (entry["size"], entry["md5"]) == (str(source.stat().st_size), md5(source))


def test_a_named_storage_element_is_used_and_an_excluded_one_is_not(user: User, folder: str) -> None:
    random_file(user.home / "a", 1000)
    user.must("cp", "file:a", "named@ALICE::SANDBOX::SE2")
    user.must("cp", "file:a", "excluded@disk:1,!ALICE::SANDBOX::SE1")
    for name in ("named", "excluded"):
        assert [r["seName"] for r in user.json("whereis", name)["results"]] == ["ALICE::SANDBOX::SE2"]


def test_an_uploaded_file_is_downloaded_unchanged(user: User, folder: str) -> None:
    source = random_file(user.home / "a", 5 * MIB + 1)
    user.must("cp", "file:a", "a")
    user.must("cp", "a", "file:b")
    user.must("cp", f"alien://{folder}a", "file:new/place/")
    assert md5(user.home / "b") == md5(source) == md5(user.home / "new/place/a")
    assert not list(user.home.rglob("*.part"))


def test_a_directory_is_uploaded_and_downloaded(user: User, folder: str) -> None:
    names = ["top.root", "sub/one.root", "sub/deeper/two words.root", "sub/ünï.root"]
    files = {name: random_file(user.home / "tree" / name, 1000 + n) for n, name in enumerate(names)}
    user.must("cp", "-r", "file:tree", "./")
    user.must("cp", "tree/", "file:back")
    assert {name: md5(user.home / "back" / name) for name in names} == {n: md5(p) for n, p in files.items()}
    user.must("cp", "tree", "file:again/")
    assert md5(user.home / "again/tree/sub/one.root") == md5(files["sub/one.root"])


def test_the_callers_umask_is_the_files(user: User, folder: str) -> None:
    random_file(user.home / "a", 100)
    user.must("cp", "file:a", "a")
    user.must("cp", "a", "file:private", umask=0o077)
    user.must("cp", "a", "file:open", umask=0o002)
    modes = [(user.home / name).stat().st_mode & 0o777 for name in ("private", "open")]
    assert modes == [0o600, 0o664]


def test_a_good_target_is_kept_and_a_different_one_is_refused(user: User, folder: str) -> None:
    random_file(user.home / "a", 100)
    user.must("cp", "file:a", "a")
    user.must("cp", "a", "file:b")
    before = (user.home / "b").stat()
    user.must("cp", "a", "file:b")
    assert (user.home / "b").stat().st_ino == before.st_ino
    (user.home / "b").write_text("mine")
    refused = user.run("cp", "a", "file:b")
    assert refused.returncode == 4
    assert "exists" in refused.stderr
    assert (user.home / "b").read_text() == "mine"
    user.must("cp", "-f", "a", "file:b")
    assert md5(user.home / "b") == md5(user.home / "a")


def test_an_upload_onto_another_file_is_refused_and_with_f_replaces_it(user: User, folder: str) -> None:
    random_file(user.home / "a", 100)
    random_file(user.home / "b", 200)
    user.must("cp", "file:a", "x")
    assert user.run("cp", "file:b", "x").returncode == 4
    assert user.json("stat", "x")["results"][0]["md5"] == md5(user.home / "a")
    user.must("cp", "-f", "file:b", "x")
    assert user.json("stat", "x")["results"][0]["md5"] == md5(user.home / "b")
    assert user.must("ls", "-a", folder).split() == ["x"]


def test_detach_prints_exactly_the_job_number(user: User, folder: str) -> None:
    random_file(user.home / "a", 100)
    done = user.run("cp", "--detach", "file:a", "a")
    assert done.returncode == 0
    assert done.stdout == f"{int(done.stdout)}\n"
    assert "job" in done.stderr
    assert user.run("transfers", "wait", done.stdout.strip()).returncode == 0
    assert user.json("transfers", "show", done.stdout.strip())["state"] == "done"


def test_the_exit_code_distinguishes_all_some_and_none(user: User, folder: str) -> None:
    random_file(user.home / "a", 100)
    user.must("cp", "file:a", "a")
    assert user.run("cp", "a", "no-such-file", "file:some/").returncode == 3
    (user.home / "none").write_text("mine")
    assert user.run("cp", "a", "file:none").returncode == 4
    missing = user.run("cp", "no-such-file", "file:new/")
    assert missing.returncode == 2
    assert "no-such-file" in missing.stderr


def test_wait_times_out_and_the_job_continues(user: User, folder: str) -> None:
    random_file(user.home / "a", 3 * MIB)
    job = user.run("cp", "--detach", "--limit", "20K", "file:a", "a").stdout.strip()
    assert user.run("transfers", "wait", job, "--timeout", "0").returncode == 124
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    assert user.run("transfers", "wait", job).returncode == 0


def test_an_interrupted_cp_cancels_its_job(user: User, folder: str) -> None:
    random_file(user.home / "a", 3 * MIB)
    process = user.start("cp", "--limit", "20K", "file:a", "a")
    eventually(lambda: user.json("transfers", "list")["jobs"])
    process.send_signal(2)
    assert process.wait(60) == 130
    (job,) = user.json("transfers", "list", "--all")["jobs"]
    assert job["state"] == "cancelled"
    assert user.run("stat", "a").returncode == 2


def test_a_paused_job_rests_until_it_is_resumed_and_a_cancelled_one_can_be_tried_again(user: User, folder: str) -> None:
    random_file(user.home / "a", 3 * MIB)
    job = user.run("cp", "--detach", "--limit", "20K", "file:a", "a@disk:1").stdout.strip()
    user.must("transfers", "pause", job)
    assert user.json("transfers", "show", job)["state"] == "paused"
    assert user.run("transfers", "wait", job, "--timeout", "0.5").returncode == 124
    user.must("transfers", "cancel", job)
    assert user.run("transfers", "wait", job).returncode == 4
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    user.must("transfers", "retry", job)
    assert user.run("transfers", "wait", job).returncode == 0


def test_a_missing_job_is_reported(user: User) -> None:
    for verb in ("show", "wait", "cancel", "retry", "pause", "resume", "watch"):
        done = user.run("transfers", verb, "4711")
        assert (done.returncode, done.stdout) == (2, ""), verb
        assert "4711" in done.stderr


def test_an_upload_into_a_foreign_directory_does_not_blame_the_storage(user: User, folder: str) -> None:
    random_file(user.home / "a", 1000)
    done = user.run("cp", "file:a", "/alice/cern.ch/user/b/bob/x/a")
    assert done.returncode == 4
    assert "alice may not create files in /alice/cern.ch/user/b/bob/ (owner bob" in done.stderr


def test_an_empty_file_is_refused_with_the_reason(user: User, folder: str) -> None:
    (user.home / "empty").touch()
    done = user.run("cp", "file:empty", "empty")
    assert done.returncode == 4
    assert "empty" in done.stderr
    assert user.run("stat", "empty").returncode == 2
