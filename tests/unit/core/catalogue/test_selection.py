"""Selections of files."""

from __future__ import annotations

import re

import pytest

from aliend.core.catalogue.selection import (
    OPTIONS,
    Candidate,
    Selection,
    Window,
    matches_pattern,
    regex_of_name,
    selection_of,
    split_pattern,
)
from aliend.core.cli.options import parse_options
from aliend.errors import BadPattern, UsageError

NOW_MS = 1_700_000_000_000
FILE = Candidate("sub/AO2D_1.root", size=1000, changed_ms=NOW_MS - 1000, owner="bob2", group="z2", job="77")


def select(*words: str) -> Selection:
    return selection_of(parse_options("cp", words, OPTIONS), NOW_MS)


@pytest.mark.parametrize(
    ("pattern", "below", "fits"),
    [
        ("*", "a", True),
        ("*.log", "f1.log", True),
        ("*.log", "sub/f2.log", True),
        ("*.log", "f1.log.gz", False),
        ("f*", "sub/f2.log", True),
        ("f*", "sub/of.log", False),
        ("*/f2.log", "sub/f2.log", True),
        ("*/f2.log", "f2.log", False),
        ("*archive*", "sub/root_archive.zip", True),
        ("sub/*.log", "sub/deep/f.log", True),
        (".root", "sub/a.root.bak", True),
        ("a[1]*", "a[1].x", True),
        ("a?*", "abc", False),
    ],
)
def test_a_pattern_matches_names(pattern: str, below: str, fits: bool) -> None:
    assert matches_pattern(pattern, below) is fits


@pytest.mark.parametrize(
    ("words", "below", "fits"),
    [
        ("begin_f", "sub/f2.log", True),
        ("begin_s", "sub/f2.log", False),
        ("ext_log", "f1.log", True),
        ("ext_log", "f1.log.gz", False),
        ("ends_1", "f1", True),
        ("ends_1", "f1.log", False),
        ("ends_1_ext_log", "f1.log", True),
        ("ends_1_ext_log", "f12.log", False),
        ("contain_a_contain_b", "xbya", True),
        ("contain_a_contain_b", "xbyc", False),
        ("contain_sub", "sub/f", False),
        ("begin_my_file_ext_root", "my_file.root", True),
        ("begin_my_file_ext_root", "my-file.root", False),
        ("begin_AO_contain_D_ends_1_ext_root", "sub/AO2D_1.root", True),
    ],
)
def test_the_criteria_of_a_name_match(words: str, below: str, fits: bool) -> None:
    assert (re.search(regex_of_name(words), below) is not None) is fits
    assert select("-name", words).matches(Candidate(below)) is fits


@pytest.mark.parametrize("words", ["", "x", "begin", "begin_", "begin_a_ext", "x_begin_a", "ext_a_ext_b"])
def test_invalid_criteria_of_a_name_are_refused(words: str) -> None:
    with pytest.raises(UsageError, match="-name takes"):
        regex_of_name(words)


@pytest.mark.parametrize(
    "words",
    [
        ("-select", "AO2D_[0-9]+\\.root$"),
        ("-select", ".*/AO2D"),
        ("-select", "^sub"),
        ("-user", "bob2", "-group", "z2", "-jobid", "77"),
        ("-minsize", "1000", "-maxsize", "1k"),
        ("-mindepth", "1", "-maxdepth", "1"),
        ("-min-ctime", "1h", "-max-ctime", "2030-01-01"),
        ("-exclude", "AOD", "-exclude_re", "^AO2D"),
    ],
)
def test_a_file_that_matches_is_selected(words: tuple[str, ...]) -> None:
    assert select(*words).matches(FILE)


@pytest.mark.parametrize(
    "words",
    [
        ("-select", "^AO2D"),
        ("-user", "bob"),
        ("-group", "z"),
        ("-jobid", "7"),
        ("-minsize", "1001"),
        ("-maxsize", "999"),
        ("-mindepth", "2"),
        ("-maxdepth", "0"),
        ("-max-ctime", "1h"),
        ("-min-ctime", "2030-01-01"),
        ("-exclude", "no", "-exclude", "2D"),
        ("-exclude_re", "2D_.*root"),
    ],
)
def test_a_file_that_does_not_match_is_not_selected(words: tuple[str, ...]) -> None:
    assert not select(*words).matches(FILE)


def test_a_pattern_excludes_files() -> None:
    assert not Selection(patterns_out=("AO*",)).matches(FILE)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("-glob", "*", "-select", "x"), "-glob and -select cannot be combined"),
        (("-name", "ext_a", "-select", "x"), "-select and -name cannot be combined"),
        (("-minsize", "2", "-maxsize", "1"), "-minsize is greater than -maxsize"),
        (("-minsize", "many"), "-minsize is bytes"),
        (("-mindepth", "x"), "-mindepth is a number of directories"),
        (("-min-ctime", "soon"), "-min-ctime is a time or an age"),
        (("-user", "a b"), "-user needs a name"),
        (("-glob", ""), "-glob needs"),
        (("-jobid", "x"), "--jobid needs a whole number"),
    ],
)
def test_an_invalid_selection_is_refused(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        select(*words)


def test_an_invalid_regular_expression_has_its_own_exit_code() -> None:
    with pytest.raises(BadPattern, match="invalid regular expression") as raised:
        select("-exclude_re", "(")
    assert raised.value.exit_code == 64


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        ((), "*"),
        (("-glob", "*/a*.log"), "a*.log"),
        (("-select", "AnalysisResults.root"), "AnalysisResults_root"),
        (("-select", ".*/AO2D\\.root$"), "AO2D.root"),
        (("-select", "a|b"), "*"),
        (("-name", "begin_My_contain_long_ext_root"), "long"),
        (("-glob", "a\\b"), "*"),
    ],
)
def test_the_pattern_for_the_service_is_narrow(words: tuple[str, ...], pattern: str) -> None:
    assert select(*words).service_pattern == pattern


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("/a/b/*.log", ("/a/b/", "*.log")),
        ("/a/b*/c", ("/a/", "b*/c")),
        ("/a/*/c/*", ("/a/", "*/c/*")),
        ("/*", ("/", "*")),
    ],
)
def test_a_name_with_stars_is_split_into_directory_and_pattern(name: str, split: tuple[str, str]) -> None:
    assert split_pattern(name) == split


def test_a_window_without_a_limit_accepts_everything_after_its_offset() -> None:
    window = Window(Selection(offset=2))
    assert [window.accept() for _ in range(5)] == [False, False, True, True, True]
    assert not window.is_full


def test_a_window_with_a_limit_is_full_after_it() -> None:
    window = Window(Selection(limit=2, offset=1))
    assert [window.accept() for _ in range(4)] == [False, True, True, False]
    assert window.is_full
