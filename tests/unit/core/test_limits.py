"""Limits that are set while the daemon runs."""

from __future__ import annotations

import pytest

from aliend.core.limits import applied, merged, parse
from aliend.core.scheduler import Limits
from aliend.errors import UsageError


def test_each_kind_of_limit_is_understood_and_holds() -> None:
    kept = merged({}, parse(["files=16", "down=8", "up=4", "se=3", "alice::x::se=2"]))
    limits = applied(Limits(), kept)
    assert limits == Limits(16, 3, 8, 4, (("ALICE::X::SE", 2),))
    assert (limits.of_se("ALICE::X::SE"), limits.of_se("alice::x::se"), limits.of_se("ALICE::Y::SE")) == (2, 2, 3)
    assert (limits.of_direction("download"), limits.of_direction("upload")) == (8, 4)


def test_without_a_limit_a_direction_has_that_of_all_files() -> None:
    assert Limits(files=5).of_direction("upload") == 5


def test_default_goes_back_to_what_is_configured() -> None:
    kept = merged({"files": 16, "A::B::C": 1}, parse(["files=default", "A::B::C=default"]))
    assert applied(Limits(files=5), kept) == Limits(files=5)


@pytest.mark.parametrize(
    "word", ["files", "files=", "files=0", "files=-1", "files=x", "all=3", "A::B=3", "se=1001", "=1"]
)
def test_what_makes_no_sense_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="transfers limit"):
        parse([word])
