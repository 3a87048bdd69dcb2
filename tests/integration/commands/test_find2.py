"""`find2` with its filters, on a sandbox grid."""

from __future__ import annotations

import pytest

from tests.harness import Grid, User


@pytest.fixture
def folder(user: User) -> str:
    """A directory of the catalogue with files of known names and sizes; the session is there."""
    name = f"{user.must('pwd')}{user.home.name}/"
    user.must("mkdir", "-p", name)
    user.must("cd", name)
    for path, size in (("a.root", 10), ("b.log", 2000), ("sub/a.root", 3000), ("sub/sub/begin_x_end.root", 20)):
        (user.home / "up" / path).parent.mkdir(parents=True, exist_ok=True)
        (user.home / "up" / path).write_bytes(b"x" * size)
    user.must("cp", "file:up/", "./")
    return name


def found(user: User, folder: str, *words: str) -> list[str]:
    """Return the found names below the folder."""
    return sorted(line.removeprefix(folder) for line in user.must("find2", *words).splitlines())


ALL = ["a.root", "b.log", "sub/a.root", "sub/sub/begin_x_end.root"]


def test_patterns_find_at_any_depth(user: User, folder: str) -> None:
    """F147: `-glob`, a pattern after the directory, a pattern as a separate argument."""
    roots = [name for name in ALL if name.endswith(".root")]
    assert found(user, folder, ".") == ALL
    assert found(user, folder, "-glob", "*.root", folder) == roots
    assert found(user, folder, f"alien:{folder}*.root") == found(user, folder, "*.root") == roots
    assert found(user, folder, ".", "*.root") == roots
    assert found(user, folder, "sub/s*/begin*") == ["sub/sub/begin_x_end.root"]


def test_regular_expressions_and_the_keywords_of_name(user: User, folder: str) -> None:
    """F148."""
    assert found(user, folder, "-select", r"sub/a\.r", ".") == ["sub/a.root"]
    assert found(user, folder, "-name", "begin_a_ext_root", ".") == ["a.root", "sub/a.root"]
    assert found(user, folder, "-name", "contain_x_ends_end_ext_root", ".") == ["sub/sub/begin_x_end.root"]
    assert user.run("find2", "-name", "begin_a_ends", ".").returncode == 22


def test_filters_leave_out_what_does_not_fulfil_them(user: User, folder: str) -> None:
    """F149."""
    assert found(user, folder, "-minsize", "20", "-maxsize", "2kB", ".") == ["b.log", "sub/sub/begin_x_end.root"]
    assert found(user, folder, "-mindepth", "1", "-maxdepth", "1", ".") == ["sub/a.root"]
    assert found(user, folder, "-exclude", "sub/", "-exclude", "log", ".") == ["a.root"]
    assert found(user, folder, "-exclude_re", r"a\.root$", ".") == ["b.log", "sub/sub/begin_x_end.root"]
    assert found(user, folder, "-user", "alice", "-group", "alice", ".") == ALL
    for nobody in (("-user", "bob"), ("-group", "z2"), ("-jobid", "12345")):
        assert user.run("find2", *nobody, ".").returncode == 2


def test_times_are_numbers_dates_or_ages(user: User, folder: str) -> None:
    """F150: and anything else is an error, not ignored."""
    assert found(user, folder, "-min-ctime", "1d", "-max-ctime", "2099-01-01", ".") == ALL
    assert found(user, folder, "-min-ctime", "1000000000", "-max-ctime", "4000000000000", ".") == ALL
    assert user.run("find2", "-max-ctime", "1d", ".").returncode == 2
    for words in (
        ("-min-ctime", "yesterday"),
        ("-minsize", "big"),
        ("-maxdepth", "-1"),
        ("-jobid", "x"),
        ("-minsize", "5", "-maxsize", "4"),
        ("-glob", "a", "-select", "b"),
        ("-no-such",),
    ):
        done = user.run("find2", *words, ".")
        assert (done.returncode, done.stdout) == (22, "")
        assert done.stderr.startswith("find2: ")
    assert user.run("find2", "-select", "(", ".").returncode == 64
    assert user.run("find2").returncode == user.run("find2", "-glob", "a", "*.root").returncode == 22


def test_options_of_the_service_reach_it(user: User, grid: Grid, folder: str) -> None:
    """F151: a limit and an offset count what fulfils the filters."""
    assert len(found(user, folder, "-l", "2", "*.root")) == 2
    assert len(found(user, folder, "-l", "5", "-o", "1", "*.root")) == 2
    assert found(user, folder, "-e", "*.root", ".") == ["b.log"]
    assert found(user, folder, "-S", "SANDBOX", "-v", "-a", ".") == ALL
    assert user.run("find2", "-j", "4711", ".").returncode == 2


def test_nothing_found_has_its_own_exit_code(user: User, folder: str) -> None:
    """F152."""
    done = user.run("find2", "*.nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert user.run("find2", "missing/").returncode not in (0, 2)


def test_results_as_json(user: User, folder: str) -> None:
    results = user.json("find2", "-glob", "b.log", ".")["results"]
    assert [(one["lfn"], one["size"], one["owner"]) for one in results] == [(f"{folder}b.log", "2000", "alice")]


def test_find_is_the_services_own(user: User, folder: str) -> None:
    """F146: its arguments are passed on unchanged."""
    assert user.must("find", folder, "*.log") == f"{folder}b.log"
    assert user.must("find", folder.rstrip("/"), "sub/*.root").splitlines()[0] == f"{folder}sub/a.root"
