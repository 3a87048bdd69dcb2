"""From the arguments of `cp` to jobs."""

from __future__ import annotations

import pytest

from aliend.core.copying.arguments import InputLine, parse_copy
from aliend.core.copying.locations import PathContext, ResolvedPath
from aliend.core.copying.plan import plan_input_jobs, plan_jobs, plan_pairs
from aliend.core.transfers.job import JobSpec
from aliend.errors import UsageError

PLACE = PathContext("/alice/dir/", "/alice/home/", "/tmp/here", "/home/me")


def plan(line: str) -> list[JobSpec]:
    return plan_jobs(parse_copy(line.split(), 0), PLACE, lambda name: name == "/tmp/here/real*star")


def test_files_of_the_same_direction_form_one_job() -> None:
    """F189"""
    (job,) = plan("a b/ file:out/")
    assert (job.direction, job.sources, job.target) == ("download", ("/alice/dir/a", "/alice/dir/b/"), "/tmp/here/out/")
    assert job.targets == ()


def test_stars_in_a_source_are_a_pattern_below_a_directory() -> None:
    """F184"""
    (job,) = plan("dir/*.log file:out")
    assert (job.sources, job.selection.glob, job.target) == (("/alice/dir/dir/",), "*.log", "/tmp/here/out/")


def test_a_local_file_with_a_star_in_its_name_is_that_file() -> None:
    (job,) = plan("file:real*star there")
    assert (job.sources, job.selection.glob, job.target) == (("/tmp/here/real*star",), "", "/alice/dir/there")


def test_different_patterns_are_different_jobs() -> None:
    jobs = plan("a/*.log b/*.root b/*.log file:out")
    assert [(job.sources, job.selection.glob) for job in jobs] == [
        (("/alice/dir/a/", "/alice/dir/b/"), "*.log"),
        (("/alice/dir/b/",), "*.root"),
    ]
    assert {job.target for job in jobs} == {"/tmp/here/out/"}


def test_storage_specifications_follow_paths_or_stand_apart() -> None:
    """F194"""
    assert plan("file:a x@disk=2,alice::cern::eos@!ALICE::A::B")[0].storage == "disk:2,alice::cern::eos,!ALICE::A::B"
    (job,) = plan("--to disk:1 file:a x@disk:2")
    assert (job.storage, job.target) == ("disk:1", "/alice/dir/x@disk:2")
    assert [job.storage for job in plan("a@ALICE::A::B b file:out/")] == ["ALICE::A::B", ""]


def test_common_parents_are_left_out_below_dst() -> None:
    """F188"""
    (job,) = plan("-dst file:out /alice/x/a/f /alice/x/b/g")
    assert job.targets == ("/tmp/here/out/a/f", "/tmp/here/out/b/g")
    assert job.target == "/tmp/here/out"


def test_lines_may_have_both_directions_and_bad_ones_are_reported() -> None:
    """F190"""
    words = parse_copy(("-input", "f", "-dst", "file:all"), 0)
    lines = [
        InputLine(1, "a", "file:x"),
        InputLine(2, "file:y", "b"),
        InputLine(3, "a", "b"),
        InputLine(4, "c/d", ""),
        InputLine(5, "c/e", ""),
        InputLine(6, "file:z", ""),
    ]
    jobs, problems = plan_input_jobs(words, lines, PLACE, lambda _: False)
    down, up = jobs
    assert down.targets == ("/tmp/here/x", "/tmp/here/all/alice/dir/c/d", "/tmp/here/all/alice/dir/c/e")
    assert (up.sources, up.targets) == (("/tmp/here/y",), ("/alice/dir/b",))
    assert [problem.partition(":")[0] for problem in problems] == ["line 3", "line 6"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("a b", "both in the catalogue"),
        ("file:a file:b", "both local"),
        ("a file:b file:c", "both local|all local or all"),
        ("-glob x dir/* file:y", "cannot be combined"),
        ("--to nonsense file:a b", "invalid storage specification"),
    ],
)
def test_invalid_input_is_refused(line: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        plan(line)


def test_pairs_of_one_kind_form_one_job_and_others_are_refused() -> None:
    template = parse_copy(["a", "file:b"], 0).spec
    local, other = ResolvedPath("local", "/tmp/x"), ResolvedPath("local", "/tmp/y")
    first, second = ResolvedPath("catalogue", "/alice/x"), ResolvedPath("catalogue", "/alice/y")
    job = plan_pairs(template, [(first, local), (second, other)])
    assert (job.direction, job.sources, job.targets) == ("download", ("/alice/x", "/alice/y"), ("/tmp/x", "/tmp/y"))
    with pytest.raises(UsageError, match="submit several jobs"):
        plan_pairs(template, [(first, local), (other, second)])
