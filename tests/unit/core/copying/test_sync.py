"""The copies of a synchronisation, and the conditions for deletions."""

from __future__ import annotations

import pytest

from aliend.core.copying.locations import ResolvedPath
from aliend.core.copying.sync import FileFacts, difference, is_temporary_name, overlap, sync_job, why_no_deletion
from aliend.core.transfers.job import JobSpec
from aliend.errors import UsageError

ONE, OTHER = "a" * 32, "b" * 32
BLANK = JobSpec("copy", (), "")


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (FileFacts(5, ONE), None, "missing"),
        (FileFacts(5, ONE), FileFacts(4, ONE), "4 bytes there, 5 here"),
        (FileFacts(5, ONE), FileFacts(5, OTHER), "same size, different content"),
        (FileFacts(5, ONE), FileFacts(5, ONE), ""),
        (FileFacts(5, ""), FileFacts(5, OTHER), ""),
        (FileFacts(0, ONE), FileFacts(0, OTHER), ""),
    ],
)
def test_a_file_is_copied_if_it_is_missing_or_differs(source: FileFacts, target: FileFacts | None, reason: str) -> None:
    assert difference(source, target) == reason


def test_an_incomplete_or_empty_listing_deletes_nothing() -> None:
    assert why_no_deletion(5, 0, "") == ""
    assert "no right" in why_no_deletion(5, 1, "no right")
    assert "the source has no files" in why_no_deletion(0, 0, "")


@pytest.mark.parametrize(
    ("below", "ours"),
    [(".f.root.12.part", True), ("d/.f.12.new", True), (".f.12.old", True), ("f.12.part", False), (".f.part", False)],
)
def test_temporary_names_are_recognised(below: str, ours: bool) -> None:
    assert is_temporary_name(below) is ours


def test_directories_overlap_if_one_is_or_contains_the_other() -> None:
    assert overlap("/a/b/", "/a/b")
    assert overlap("/a/", "/a/b")
    assert overlap("/a/b", "/a")
    assert not overlap("/a/b", "/a/bc")


def test_the_contents_of_one_directory_go_into_the_other_with_or_without_a_slash() -> None:
    here, there = ResolvedPath("local", "/tmp/d"), ResolvedPath("catalogue", "/a/d/", "disk:1")
    job = sync_job(BLANK, here, there, delete=True, exclude=["*.log"])
    assert (job.direction, job.sources, job.target, job.storage) == ("upload", ("/tmp/d/",), "/a/d/", "disk:1")
    assert (job.purpose, job.overwrite, job.delete, job.selection.patterns_out) == ("sync", "changed", True, ("*.log",))
    with pytest.raises(UsageError, match="empty pattern"):
        sync_job(BLANK, here, there, exclude=[""])
    with pytest.raises(UsageError, match="both local"):
        sync_job(BLANK, here, here)
