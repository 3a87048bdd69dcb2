"""Storage specifications."""

from __future__ import annotations

import pytest

from aliend.core.catalogue.storage_spec import default_spec, replica_count, spec_for_missing


@pytest.mark.parametrize(
    ("spec", "count"), [("", 2), ("disk:3", 3), ("disk=1,tape:1", 2), ("A::B::C,!D::E::F,disk:2", 3), ("A::B::C", 1)]
)
def test_the_number_of_requested_replicas_is_counted(spec: str, count: int) -> None:
    assert replica_count(spec) == count


@pytest.mark.parametrize(
    ("spec", "missing", "have", "failed", "expected"),
    [
        ("disk:2", 1, {"A::B::C"}, {"D::E::F"}, "disk:1,!A::B::C,!D::E::F"),
        ("disk:2", 2, (), (), "disk:2"),
        ("A::B::C", 1, (), {"A::B::C"}, ""),
        ("A::B::C,disk:1,!X::Y::Z", 1, (), {"A::B::C"}, "disk:1,!X::Y::Z,!A::B::C"),
        ("a::b::c,disk:1", 1, {"D::E::F"}, (), "a::b::c,!D::E::F"),
    ],
)
def test_missing_replicas_are_requested_by_the_same_specification(
    spec: str, missing: int, have: set[str], failed: set[str], expected: str
) -> None:
    """F206"""
    assert spec_for_missing(spec, missing, have, failed) == expected


@pytest.mark.parametrize(
    ("lfn", "size", "wished"),
    [
        ("/a/run.sh", 100, "disk:4"),
        ("/a/x.C", 100, "disk:4"),
        ("/a/x.jdl", (1 << 20) - 1, "disk:4"),
        ("/a/x.xml", 1 << 20, "disk:2"),
        ("/a/x.root", 100, "disk:2"),
    ],
)
def test_small_text_files_get_more_replicas(lfn: str, size: int, wished: str) -> None:
    """F195"""
    assert default_spec(lfn, size) == wished


def test_a_quality_of_service_without_a_number_means_one_replica() -> None:
    assert replica_count("disk") == 1
    assert replica_count("disk,tape:2") == 3
    assert replica_count("A::B::C,disk") == 2
