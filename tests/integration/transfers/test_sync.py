"""`sync`, on a sandbox grid whose service remembers its answers to `find`."""

from __future__ import annotations

import os
from pathlib import Path

from tests.harness import Grid, User, eventually, make_grid_directory


def fill(directory: Path, **sizes: int) -> None:
    for name, size in sizes.items():
        path = directory / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def names_of(text: str) -> list[str]:
    return [line.partition(" (")[0] for line in text.splitlines()]


def test_a_tree_is_uploaded_changed_and_downloaded_without_repeated_copies(user: User, folder: str, grid: Grid) -> None:
    tree, back = user.home / "tree", user.home / "back"
    fill(tree, one=1000, d__two=2000, d__three=3000)
    with grid.settings("find_cache=300"):
        user.must("sync", "file:tree", "alien:tree@disk:1")
        user.must("sync", "tree", "file:back/")
        assert contents(back) == contents(tree)
        (tree / "d" / "two").unlink()
        fill(tree, one=1000, new=10)
        foreseen = user.must("sync", "--delete", "--dry-run", "file:tree/", "alien:tree/@disk:1")
        assert names_of(foreseen) == [
            f"copy {tree}/new -> {folder}tree/new 10 B",
            f"copy {tree}/one -> {folder}tree/one 1000 B",
            f"delete {folder}tree/d/two",
        ]
        report = user.must("sync", "--delete", "file:tree/", "alien:tree/@disk:1")
        assert "Successful jobs (1st try): 2/2" in report
        assert report.endswith("deleted d/two")
        assert user.must("sync", "--delete", "--dry-run", "file:tree", "alien:tree") == ""
        user.must("sync", "--delete", "alien:tree", "file:back")
        assert contents(back) == contents(tree)


def test_a_detached_sync_survives_kills_of_the_daemon_and_deletes_in_the_end(user: User, folder: str) -> None:
    tree, back = user.home / "tree", user.home / "back"
    fill(tree, **{f"f{number}": 2_000_000 for number in range(12)})
    fill(back, extra=10, d__extra=10)
    user.must("cp", "file:tree/", f"{folder}tree/@disk:1")
    job = user.run("sync", "--delete", "--detach", "-T", "2", "tree", "file:back").stdout.strip()
    for _ in range(3):
        user.must("transfers", "list")
        user.kill_daemon()
    user.must("transfers", "wait", job)
    assert contents(back) == contents(tree)
    assert user.must("transfers", "show", job).startswith(f"job {job}: sync, done, 12 of 12 files")
    deletions = user.json("transfers", "show", job)["deletions"]
    assert [(one["name"], one["state"]) for one in deletions] == [("d/extra", "deleted"), ("extra", "deleted")]


def test_nothing_is_deleted_after_a_failed_copy(user: User, folder: str, grid: Grid) -> None:
    fill(user.home / "tree", one=1000)
    user.must("cp", "file:tree/", f"{folder}tree/@ALICE::SANDBOX::SE2")
    fill(user.home / "back", extra=10)
    with grid.fault("corrupt", "SE2"):
        failed = user.run("sync", "--delete", "tree", "file:back")
    assert failed.returncode == 4
    assert "nothing was deleted" in failed.stderr
    assert list(contents(user.home / "back")) == ["extra"]


def test_a_missing_or_empty_source_deletes_nothing(user: User, folder: str) -> None:
    fill(user.home / "back", extra=10)
    user.must("mkdir", f"{folder}empty")
    for source, code in (("none", 2), ("file:none", 2), ("empty", 4)):
        target = "file:back" if source[:5] != "file:" else "alien:back"
        failed = user.run("sync", "--delete", source, target)
        assert failed.returncode == code, failed.stderr
    job = user.run("sync", "--delete", "--detach", "none", "file:back").stdout.strip()
    assert user.run("transfers", "wait", job).returncode == 4
    assert list(contents(user.home / "back")) == ["extra"]
    dry = user.run("sync", "--delete", "--dry-run", "empty", "file:back")
    assert "nothing would be deleted" in dry.stderr


def test_the_catalogue_is_synchronised_with_itself_and_never_with_a_part_of_itself(user: User, folder: str) -> None:
    fill(user.home / "tree", one=1000, d__two=10)
    user.must("cp", "file:tree/", f"{folder}tree/@disk:1")
    user.must("sync", "alien:tree", "alien:copy@disk:1")
    user.must("sync", "copy", "file:back")
    assert contents(user.home / "back") == contents(user.home / "tree")
    assert user.run("sync", "alien:tree", "alien:tree/d").returncode == 22


def test_the_plan_is_printed_as_json(user: User, folder: str) -> None:
    fill(user.home / "tree", one=1000)
    document = user.json("sync", "--dry-run", "file:tree", f"{folder}tree")
    (one,) = document["sync"]
    assert (one["do"], one["size"], one["reason"]) == ("copy", 1000, "missing")
    eventually(lambda: user.must("transfers", "list", "--all") == "")


def test_entries_without_content_come_as_empty_files(user: User, folder: str) -> None:
    user.must("mkdir", "hollow")
    user.must("touch", "hollow/empty")
    back = user.home / "back"
    fill(back, extra=5)
    user.must("sync", "--delete", "hollow/", "file:back/")
    assert contents(back) == {"empty": b""}
    assert user.must("sync", "--delete", "--dry-run", "hollow/", "file:back/") == ""
    user.must("cp", "hollow/empty", "file:one")
    assert (user.home / "one").read_bytes() == b""


def test_a_source_without_files_is_reported_by_the_typed_command(user: User) -> None:
    (user.home / "none").mkdir()
    done = user.run("sync", "--delete", "file:none/", f"{user.must('pwd')}{user.home.name}/")
    assert (done.returncode, "sync: no files to copy" in done.stderr) == (4, True), done.stderr


def test_files_that_could_not_be_deleted_give_exit_code_3_also_the_second_time(powerless: User) -> None:
    folder = make_grid_directory(powerless)
    tree, back = powerless.home / "tree", powerless.home / "back"
    fill(tree, one=10)
    fill(back, closed__extra=10)
    powerless.must("cp", "file:tree/", f"{folder}tree/@disk:1")
    (back / "closed").chmod(0o555)
    for arrived in ("1 of 1 files", ""):
        done = powerless.run("sync", "--delete", "tree", "file:back")
        assert done.returncode == 3, done.stdout + done.stderr
        assert arrived in done.stdout + done.stderr
        assert "closed/extra: not deleted: Permission denied" in done.stderr
        assert "no files to copy" not in done.stderr
    assert powerless.run("sync", "--delete", "--json", "tree", "file:back").returncode == 3
    (back / "closed").chmod(0o755)
    assert "deleted closed/extra" in powerless.must("sync", "--delete", "tree", "file:back")
    assert powerless.must("sync", "--delete", "tree", "file:back") == ""


def test_a_file_in_place_of_a_directory_is_named_and_not_deleted(user: User, folder: str) -> None:
    fill(user.home / "tree", name__inside=10)
    (user.home / "old").write_bytes(b"old")
    user.must("cp", "file:old", f"{folder}tree/name@disk:1")
    done = user.run("sync", "--delete", "file:tree", "alien:tree/@disk:1")
    assert done.returncode == 3
    assert "name: not deleted, although a directory needs its name; remove it yourself" in done.stderr
    user.must("rm", f"{folder}tree/name")
    user.must("sync", "--delete", "file:tree", "alien:tree/@disk:1")
    assert user.must("find", f"{folder}tree", "*") == f"{folder}tree/name/inside"


def test_a_target_that_is_a_file_is_refused_before_anything_is_done(user: User, folder: str) -> None:
    fill(user.home / "tree", d__one=10)
    user.must("cp", "file:tree/d/one", "alien:plain@disk:1")
    user.must("mkdir", "from")
    for source, target, file in (
        ("file:tree", "alien:plain", f"{folder}plain"),
        ("file:tree", "alien:plain/below", f"{folder}plain"),
        ("alien:from", "file:tree/d/one/below", f"{user.home}/tree/d/one"),
    ):
        for dry_run in ((), ("--dry-run",)):
            result = user.run("sync", *dry_run, source, target)
            assert (result.returncode, result.stdout) == (22, "")
            assert f"{file} is a file, not a directory; nothing was done" in result.stderr
    assert "sync" not in user.must("transfers", "list")
