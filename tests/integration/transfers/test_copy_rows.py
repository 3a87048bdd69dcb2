"""`cp` row by row: what the incumbent client's copies do, on real storage elements."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import Grid, User, eventually, make_user, new_grid
from tests.integration.transfers.test_copy import MIB, md5, random_file

RUN = "/alice/cern.ch/user/a/alice/data/run1"
TREE = ("f1.log", "f2.log.gz", "sub/f3.log", "sub/deep/f4.root")


def tree(root: Path, names: tuple[str, ...] = TREE) -> None:
    for number, name in enumerate(names, 1):
        random_file(root / name, 100 * number)


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def there(user: User, folder: str) -> str:
    """A tree in the catalogue, one replica each; `<home>/tree` is the same tree here."""
    tree(user.home / "tree")
    user.must("cp", "file:tree", "./@disk:1")
    return f"{folder}tree"


def lfns(user: User, directory: str) -> set[str]:
    found = user.json("find", directory, "*")["results"]
    return {one["lfn"].removeprefix(directory) for one in found}


def test_a_file_is_copied_to_a_name_or_into_a_directory(user: User, folder: str) -> None:
    """F180"""
    user.must("cp", f"{RUN}/part00.root", "file:name")
    user.must("cp", f"{RUN}/part00.root", "file:made/deep/")
    (user.home / "there").mkdir()
    user.must("cp", f"{RUN}/part00.root", "file:there")
    assert files(user.home) >= {"name", "made/deep/part00.root", "there/part00.root"}


def test_an_upload_makes_the_directories_of_its_target(user: User, folder: str) -> None:
    """F181"""
    random_file(user.home / "a", 10)
    user.must("cp", "file:a", "new/deep/@disk:1")
    assert lfns(user, folder) == {"new/deep/a"}


def test_a_slash_after_a_directory_means_its_content(user: User, there: str) -> None:
    """F182"""
    user.must("cp", f"{there}/", "file:contents/")
    user.must("cp", there, "file:whole/")
    assert files(user.home / "contents") == set(TREE)
    assert files(user.home / "whole") == {f"tree/{name}" for name in TREE}


def test_a_directory_never_becomes_one_file(user: User, there: str) -> None:
    """F183"""
    user.must("cp", there, "file:new")
    user.must("cp", f"{there}/*.log", "file:pattern")
    assert files(user.home / "new") == {f"tree/{name}" for name in TREE}
    assert files(user.home / "pattern") == {"f1.log", "sub/f3.log"}


def test_stars_select_below_a_directory_and_a_depth_keeps_to_it(user: User, there: str) -> None:
    """F184"""
    user.must("cp", f"{there}/*.log", "file:all/")
    user.must("cp", "-maxdepth", "0", f"{there}/*.log", "file:flat/")
    user.must("cp", "file:tree/*.log", "up/@disk:1")
    assert files(user.home / "all") == {"f1.log", "sub/f3.log"}
    assert files(user.home / "flat") == {"f1.log"}
    assert lfns(user, f"{there.removesuffix('tree')}up/") == {"f1.log", "sub/f3.log"}


def test_only_one_kind_of_names_may_be_asked_for(user: User) -> None:
    """F185"""
    for words in (("-glob", "x", "-select", "y"), ("-name", "ext_x", "-glob", "y"), ("-select", "x", "-name", "ext_y")):
        refused = user.run("cp", *words, f"{RUN}/", "file:out/")
        assert refused.returncode == 22, words
        assert "cannot be combined" in refused.stderr
    assert not (user.home / "out").exists()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("-minsize", "150", "-maxsize", "300"), {"f2.log.gz", "sub/f3.log"}),
        (("-exclude", "log"), {"sub/deep/f4.root"}),
        (("-exclude_re", r"f[34]\."), {"f1.log", "f2.log.gz"}),
        (("-select", r"f\d\.log$"), {"f1.log", "sub/f3.log"}),
        (("-name", "begin_f_ext_root"), {"sub/deep/f4.root"}),
        (("-mindepth", "1", "-maxdepth", "1"), {"sub/f3.log"}),
        (("-min-ctime", "1d"), set(TREE)),
        (("-max-ctime", "2001-01-01"), set()),
        (("-e", "*.gz", "-e", "*.root"), {"f1.log", "sub/f3.log"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_selections_work_on_both_sides(user: User, there: str, words: tuple[str, ...], wanted: set[str]) -> None:
    """F186"""
    code = 0 if wanted else 2
    assert user.run("cp", *words, f"{there}/", "file:down/").returncode == code
    assert user.run("cp", *words, "file:tree/", "up/@disk:1").returncode == code
    assert files(user.home / "down") == wanted
    if wanted:
        assert lfns(user, f"{there.removesuffix('tree')}up/") == wanted


def test_users_and_groups_are_those_of_the_side(user: User, there: str) -> None:
    """F186"""
    assert user.run("cp", "-user", "alice", "-group", "alice", f"{there}/", "file:down/").returncode == 0
    assert user.run("cp", "-user", "bob2", f"{there}/", "file:none/").returncode == 2
    owner = (user.home / "tree").owner()
    assert user.run("cp", "-user", owner, "file:tree/", "up/@disk:1").returncode == 0
    assert user.run("cp", "-user", "nobody2", "file:tree/", "none/@disk:1").returncode == 2


def test_a_limit_and_an_offset_count_selected_files(user: User, there: str) -> None:
    user.must("cp", "-l", "1", f"{there}/*.log", "file:one/")
    user.must("cp", "-o", "1", f"{there}/*.log", "file:other/")
    first, second = files(user.home / "one"), files(user.home / "other")
    assert (len(first), len(second)) == (1, 1)
    assert first | second == {"f1.log", "sub/f3.log"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("-parent", "2", f"{RUN}/part00.root"), "data/run1/part00.root"),
        (("-parent", "1", f"{RUN}/part00*"), "run1/part00.root"),
        (("-parent", "99", f"{RUN}/part00.root"), f"{RUN[1:]}/part00.root"),
        (("-rmprefix", "4", f"{RUN}/part00.root"), "alice/data/run1/part00.root"),
        (("-rmprefix", "5", f"{RUN}/part00*"), "data/run1/part00.root"),
        (("-rmprefix", "5", "-parent", "9", f"{RUN}/part00.root"), "data/run1/part00.root"),
    ],
)
def test_directories_in_front_are_kept_or_dropped(user: User, words: tuple[str, ...], expected: str) -> None:
    """F187"""
    user.must("cp", *words, "file:out/")
    assert files(user.home / "out") == {expected}


def test_dst_takes_all_sources_without_what_they_share(user: User) -> None:
    """F188"""
    user.must("cp", "-dst", "file:out", f"{RUN}/part00.root", f"{RUN}/../run2/part01.root")
    assert files(user.home / "out") == {"run1/part00.root", "run2/part01.root"}


def test_several_sources_are_copied_into_a_directory_and_a_misspelt_option_is_refused(user: User) -> None:
    """F189"""
    user.must("cp", f"{RUN}/part00.root", f"{RUN}/part01.root", "file:out/")
    assert files(user.home / "out") == {"part00.root", "part01.root"}
    refused = user.run("cp", "-retri", "3", f"{RUN}/part00.root", "file:x")
    assert refused.returncode == 22
    assert "did you mean -retry" in refused.stderr
    assert not (user.home / "x").exists()


def test_an_input_file_may_go_both_ways_and_its_errors_count(user: User, folder: str) -> None:
    """F190"""
    random_file(user.home / "ünï x", 10)
    text = f"# ours\n\n{RUN}/part00.root file:a\n  'file:ünï x'  \"{folder}ünï x@disk:1\"\nthree words here\n"
    (user.home / "list").write_text(text, encoding="utf-8")
    done = user.run("cp", "-input", "list")
    assert done.returncode == 3
    assert "list: line 5: expected a source and a target" in done.stderr
    assert (user.home / "a").exists()
    assert lfns(user, folder) == {"ünï x"}
    (user.home / "list").write_text("only\n", encoding="utf-8")
    assert user.run("cp", "-input", "list").returncode == 4
    (user.home / "list").write_bytes(b"a b\n\xff\xfe c\n")
    assert (user.run("cp", "-input", "list").returncode, user.run("cp", "-input", "none").returncode) == (22, 2)


def test_sources_of_an_input_file_are_copied_below_dst(user: User) -> None:
    """F190"""
    (user.home / "list").write_text(f"{RUN}/part00.root\n{RUN}/part01.root\n", encoding="utf-8")
    user.must("cp", "-input", "list", "-dst", "file:out")
    assert files(user.home / "out") == {"part00.root", "part01.root"}


def test_so_many_files_are_copied_at_a_time(user: User, grid: Grid, folder: str) -> None:
    """F191"""
    for number in range(3):
        random_file(user.home / "d" / str(number), 60 * MIB)
    job = user.run("cp", "--detach", "-T", "1", "file:d/", "./@disk:1").stdout.strip()
    most = 0
    while True:
        shown = user.json("transfers", "show", job)
        most = max(most, shown["files"]["running"])
        if shown["ended_ms"]:
            break
    assert (shown["state"], most) == ("done", 1)


def test_relative_names_are_resolved_from_the_current_directory(user: User, folder: str) -> None:
    """F196"""
    user.must("cp", "%ALIEN/data/run1/part00.root", "file:./a")
    user.must("cp", "~/data/../data/run1/part00.root", "file:~/b")
    user.must("cd", "~/data")
    user.must("cp", "./run1/part00.root", f"file:{user.home}/x/../c")
    user.must("cd", "run1")
    user.must("cp", "../run1/part00.root", "file:d")
    assert len({md5(user.home / name) for name in "abcd"}) == 1


def test_at_signs_commas_and_prefixes_stand_in_names(user: User, folder: str) -> None:
    """F197"""
    random_file(user.home / "at@dir/x,y", 10)
    user.must("cp", "file:at@dir/x,y", "--to", "disk:1", "me@home,1file:1")
    user.must("cp", "me@home,1file:1", f"file:///{user.home}/back@disk:1")
    user.must("cp", f"alien:///{folder.strip('/')}/me@home,1file:1", f"file:{user.home}/alien://z")
    assert md5(user.home / "back@disk:1") == md5(user.home / "alien:/z") == md5(user.home / "at@dir/x,y")
    user.must("cp", "file:at@dir/x,y", "--to", "disk:1", "me@disk:2")
    user.must("cp", "--to", "disk:1", "me@disk:2", f"file:{user.home}/other")
    assert md5(user.home / "other") == md5(user.home / "at@dir/x,y")


def test_a_valid_target_is_kept_and_reported(user: User, folder: str) -> None:
    """F198"""
    user.must("cp", f"{RUN}/part00.root", "file:a")
    before = (user.home / "a").stat().st_ino
    for words in ((), ("-f",)):
        reported = user.must("cp", *words, f"{RUN}/part00.root", "file:a").splitlines()
        assert re.fullmatch(r"\S+/a --> TARGET VALID \(size match, md5 match\)", reported[0])
        assert reported[1] == "No copy jobs to be done!"
    assert (user.home / "a").stat().st_ino == before


def test_the_old_file_is_kept_until_the_new_one_is_complete(user: User, grid: Grid, folder: str) -> None:
    """F199"""
    random_file(user.home / "a", 1000)
    user.must("cp", "file:a", "a@ALICE::SANDBOX::SE1")
    (user.home / "old").write_text("mine")
    with grid.fault("corrupt", "SE1"):
        assert user.run("cp", "-f", "-retry", "0", "a", "file:old").returncode == 4
    assert (user.home / "old").read_text() == "mine"
    (user.home / "old").chmod(0o600)
    user.must("cp", "--overwrite", "changed", "a", "file:old")
    assert md5(user.home / "old") == md5(user.home / "a")
    before = (user.home / "old").stat().st_ino
    user.must("cp", "--overwrite", "always", "a", "file:old")
    assert (user.home / "old").stat().st_ino != before


def test_a_dry_run_reports_each_action_and_changes_nothing(user: User, grid: Grid, there: str) -> None:
    """F200"""
    (user.home / "down/tree").mkdir(parents=True)
    (user.home / "down/tree/f1.log").write_text("mine")
    user.must("pwd")
    grid.stats("--reset")
    down = user.run("cp", "--dry-run", there, "file:down")
    up = user.run("cp", "-dryrun", "file:tree/", f"{there}/@disk:1")
    new = user.run("cp", "-dryrun", "file:tree/", "nowhere/@disk:1")
    asked = set(grid.stats()["commands"])
    assert not asked & {"access", "mkdir", "rm", "mv", "touch", "commit"}
    assert (down.returncode, up.returncode, new.returncode) == (0, 0, 0)
    assert down.stdout.count(" -> ") == 4
    assert down.stdout.count("would be refused") == 1
    assert up.stdout.count("TARGET VALID") == 4
    assert f"{user.home}/tree/f1.log -> {there.removesuffix('tree')}nowhere/f1.log (disk:1)" in new.stdout
    assert files(user.home / "down") == {"tree/f1.log"}
    assert user.json("transfers", "list", "--all")["jobs"][0]["files"]["total"] == 4


def test_a_dead_replica_is_passed_over(user: User, grid: Grid, folder: str) -> None:
    """F201"""
    random_file(user.home / "a", 1000)
    user.must("cp", "file:a", "a@disk:2")
    with grid.fault("stop", "SE1"):
        user.must("cp", "a", "file:b")
    assert md5(user.home / "b") == md5(user.home / "a")


def test_wrong_bytes_are_no_file(user: User, grid: Grid, folder: str) -> None:
    """F202"""
    random_file(user.home / "a", 1000)
    user.must("cp", "file:a", "a@ALICE::SANDBOX::SE2")
    with grid.fault("corrupt", "SE2"):
        done = user.run("cp", "-retry", "0", "a", "file:b")
    assert done.returncode == 4
    assert "md5" in done.stderr
    assert not (user.home / "b").exists()


def test_another_storage_element_takes_what_one_did_not() -> None:
    """F205"""
    with new_grid("--storage", "4") as grid, contextmanager(make_user)(grid.exports) as user:
        grid.must("set", "find_cache=0", "replica_cache=0")
        random_file(user.home / "a", 1000)
        user.must("cp", "file:a", "before@disk:2")
        (first, *_) = [one["seName"] for one in user.json("whereis", "before")["results"]]
        with grid.fault("stop", first.rpartition("::")[2]):
            user.must("cp", "file:a", "after@disk:2")
        holders = {one["seName"] for one in user.json("whereis", "after")["results"]}
        assert len(holders) == 2
        assert first not in holders


def test_an_unregistered_file_is_not_complete(user: User, grid: Grid, folder: str) -> None:
    """F207"""
    random_file(user.home / "a", 1000)
    with grid.fault("refuse-commits"):
        assert user.run("cp", "-retry", "0", "file:a", "a@disk:1").returncode == 4
    assert user.run("stat", "a").returncode == 2
    user.must("cp", "file:a", "a@disk:1")


def test_a_download_has_extended_attributes(user: User, folder: str) -> None:
    """F216"""
    before = time.time_ns() // 1_000_000
    user.must("cp", f"{RUN}/part00.root", "file:a")
    entry = user.json("stat", f"{RUN}/part00.root")["results"][0]
    found = {name: os.getxattr(user.home / "a", f"user.{name}").decode() for name in ("guid", "lfn", "size", "md5")}
    assert found == {name: str(entry[name]) for name in found}
    times = [int(os.getxattr(user.home / "a", f"user.{name}")) for name in ("ts_r", "ts_w")]
    assert [before, *times, time.time_ns() // 1_000_000] == sorted([before, *times, time.time_ns() // 1_000_000])


def test_files_arrive_while_tickets_of_others_are_not_asked_for_yet(user: User, grid: Grid, folder: str) -> None:
    """F218"""
    user.must("pwd")
    grid.stats("--reset")
    with grid.fault("delay", "0.3", "--command", "access", "--times", "0"):
        job = user.run("cp", "--detach", "-T", "4", "/alice/cern.ch/user/a/alice/data/", "file:d/").stdout.strip()
        eventually(lambda: user.json("transfers", "show", job)["files"]["done"])
        asked = grid.stats()["commands"]["access"]
    assert asked < 20
    user.must("transfers", "wait", job)
    assert len(files(user.home / "d")) == 20


def test_the_lines_are_those_that_scripts_know(user: User, folder: str) -> None:
    """F213"""
    random_file(user.home / "a", 1000)
    (user.home / "taken").write_text("mine")
    up = user.must("cp", "file:a", "a@disk:1").splitlines()
    assert up[0] == "jobID: 1/1 >>> Start"
    assert re.fullmatch(r"jobID: 1/1 >>> STATUS OK >>> SPEED \d+\.\d\d ([KMG]i)?B/s", up[1])
    assert up[2] == "Successful jobs (1st try): 1/1"
    done = user.run("cp", "a", "file:taken")
    assert re.search(rf"^jobID: 1/1 >>> STATUS ERROR : {folder}a$", done.stderr, re.MULTILINE)
    assert "exists and differs" in done.stderr.splitlines()[1]
    assert "Successful jobs (1st try): 0/1" in done.stderr


def test_a_report_lists_every_file(user: User, there: str) -> None:
    """F214"""
    done = user.run("cp", f"{there}/", f"{there}/nowhere", "file:out/", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == report["exitcode"] == 3
    assert (report["job"], len(report["jobs"])) == (report["jobs"][0]["job"], 1)
    by_source = {one["source"]: one for one in report["files"]}
    good = by_source[f"{there}/f1.log"]
    assert (good["state"], good["target"], good["bytes"]) == ("done", f"{user.home}/out/f1.log", 100)
    assert good["seconds"] >= 0
    assert "does not exist" in by_source[f"{there}/nowhere"]["reason"]


def test_the_exit_code_is_exact_or_compatible(user: User, there: str) -> None:
    """F215"""
    both = (f"{there}/f1.log", f"{there}/nowhere")
    assert user.run("cp", *both, "file:a/").returncode == 3
    assert user.run("cp", "--compat-exit", *both, "file:b/").returncode == 0
    assert user.run("cp", both[1], "file:c").returncode == 2
    assert user.run("cp", "--compat-exit", both[1], "file:c").returncode == 1
    assert user.run("cp", "-glob", "*.none", f"{there}/", "file:d/").returncode == 2


def test_metafiles_are_kept_on_request_and_xrdcp_takes_them(user: User, folder: str) -> None:
    """F217"""
    random_file(user.home / "a", 1000)
    user.must("cp", "file:a", "a&b@disk:2")
    user.variables["ALIENPY_KEEP_META"] = "1"
    user.must("cp", "a&b", "file:b")
    (metafile,) = user.home.glob("*.meta4")
    assert metafile.name == f"{uuid.uuid5(uuid.NAMESPACE_URL, f'{folder}a&b')}.meta4"
    assert metafile.stat().st_mode & 0o777 == 0o600
    subprocess.run(["xrdcp", "-s", metafile, user.home / "c"], check=True, timeout=120)
    assert md5(user.home / "c") == md5(user.home / "a")


def test_a_copy_within_the_grid_must_be_explicit(user: User, folder: str) -> None:
    """F220"""
    refused = user.run("cp", f"{RUN}/part00.root", "x")
    assert refused.returncode == 22
    assert "write alien:x" in refused.stderr
    user.must("cp", f"{RUN}/part00.root", "alien:x")
    assert user.json("stat", "x")["results"][0]["size"] == "3072"


def test_synchronising_is_that_of_sync(user: User, there: str) -> None:
    user.must("cp", "--sync", "file:tree/", f"{there}/")
    random_file(user.home / "tree/new.log", 50)
    random_file(user.home / "tree/left.out", 50)
    assert "new.log" in user.must("cp", "--sync", "--dry-run", "-e", "*.out", "file:tree/", f"{there}/")
    user.must("cp", "--sync", "-e", "*.out", "file:tree/", f"{there}/")
    assert lfns(user, f"{there}/") == {*TREE, "new.log"}
    refused = user.run("cp", "--sync", "-f", "file:tree/", f"{there}/")
    assert refused.returncode == 22
    assert "cannot be combined" in refused.stderr


def test_names_of_every_kind_go_both_ways(user: User, folder: str) -> None:
    """F225"""
    names = ("ünï", "日本語.root", "a&b<c>\"d'", "two  words", "per%20cent", "new#hash", "quer?y=1")
    for name in names:
        random_file(user.home / "d" / name, 10 + len(name))
    user.must("cp", "file:d/", "./@disk:1")
    user.must("cp", folder, "file:back")
    back = user.home / "back" / Path(folder).name
    assert files(user.home / "back") <= {f"{Path(folder).name}/{name}" for name in names} | set(names)
    found = {path.name: md5(path) for path in (user.home / "back").rglob("*") if path.is_file()}
    assert found == {name: md5(user.home / "d" / name) for name in names}, back


def test_one_file_is_copied_to_two_targets(user: User, folder: str) -> None:
    """F226"""
    random_file(user.home / "a", 8 * MIB)
    user.must("cp", "file:a", "a@disk:1")
    running = [user.start("cp", "a", f"file:{number}") for number in range(4)]
    running += [user.start("cp", "a", "file:same") for _ in range(2)]
    assert [process.wait(60) for process in running] == [0] * 6
    assert {md5(user.home / name) for name in ("0", "1", "2", "3", "same")} == {md5(user.home / "a")}


def test_ctrl_c_leaves_no_final_file_and_only_what_a_retry_uses(user: User, folder: str) -> None:
    """F212"""
    for number in range(2):
        random_file(user.home / "d" / str(number), 200 * MIB)
    user.must("cp", "file:d/", "./@disk:1")
    process = user.start("cp", folder, "file:out/")
    eventually(lambda: list((user.home / "out").rglob("*.part")))
    process.send_signal(2)
    assert process.wait(60) == 130

    def kept() -> list[int]:
        shown = user.json("transfers", "show", "2")["transfers"]
        return sorted(one["bytes_done"] for one in shown if one["kept_until_ms"])

    eventually(lambda: kept() == sorted(path.stat().st_size for path in (user.home / "out").rglob("*.part")))
    assert len(files(user.home / "out")) == len(kept())
    user.must("transfers", "clean")
    assert not files(user.home / "out")


def test_standard_input_becomes_a_file_and_leaves_nothing_behind(user: User, folder: str) -> None:
    random_file(user.home / "a", 9 * MIB + 1)
    with (user.home / "a").open("rb") as content:
        user.must("cp", "-", "kept@disk:1", stdin=content)
    assert user.json("stat", "kept")["results"][0]["md5"] == md5(user.home / "a")
    assert not list(user.home.rglob("stdin/*"))
    for target, complaint in (("./", "is a directory"), ("kept", "exists"), ("file:x", "both local")):
        refused = user.run("cp", "-", target)
        assert refused.returncode == 22, target
        assert complaint in refused.stderr


def test_a_file_is_copied_to_standard_output_and_wrong_bytes_are_reported(user: User, grid: Grid, folder: str) -> None:
    content = random_file(user.home / "a", 5 * MIB + 3).read_bytes()
    user.must("cp", "file:a", "a@ALICE::SANDBOX::SE1")
    words = [user.command, "cp", "a", "-"]
    done = subprocess.run(words, env=user.environment, cwd=user.home, capture_output=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, content)
    with grid.fault("corrupt", "SE1"):
        done = subprocess.run(words, env=user.environment, cwd=user.home, capture_output=True, timeout=120)
    assert done.returncode not in (0, 2, 22)
    assert b"md5" in done.stderr
    for refused in (("file:a", "-"), ("a", "a", "-"), ("--detach", "a", "-")):
        assert user.run("cp", *refused).returncode == 22
    assert user.run("cp", "nowhere", "-").returncode == 2


def test_standard_input_survives_the_daemon(user: User, grid: Grid, folder: str) -> None:
    random_file(user.home / "a", 9 * MIB)
    with grid.fault("freeze", "SE1"), (user.home / "a").open("rb") as content:
        job = user.run("cp", "--detach", "-", "kept@ALICE::SANDBOX::SE1", stdin=content).stdout.strip()
        user.kill_daemon()
        assert user.json("transfers", "show", job)["ended_ms"] == 0
        assert len(list(user.home.rglob("stdin/*"))) == 1
    user.must("transfers", "wait", job)
    assert user.json("stat", "kept")["results"][0]["md5"] == md5(user.home / "a")
    eventually(lambda: not list(user.home.rglob("stdin/*")))


def test_all_jobs_of_a_copy_are_followed_again_when_the_daemon_was_lost(user: User, folder: str) -> None:
    for name in ("a.x", "b.y"):
        random_file(user.home / "d" / name, 150 * MIB)
    process = user.start("cp", "--json", "file:d/*.x", "file:d/*.y", "./@disk:1")
    eventually(lambda: len(user.json("transfers", "list")["jobs"]) == 2)
    user.kill_daemon()
    report, reported = process.communicate(timeout=120)
    assert process.returncode == 0, reported
    assert "following job 1, 2 again" in reported.decode()
    assert [one["state"] for one in json.loads(report)["files"]] == ["done", "done"]
    assert lfns(user, folder) == {"a.x", "b.y"}
