"""The steps in which a new file replaces an old one."""

from __future__ import annotations

import pytest

from aliend.core.transfers.replacement import MISSING, NamesState, Replacing, Step, next_step, temporary_names

PLAN = Replacing("/a/.f.7.new", "/a/.f.7.old", "new", "old")


@pytest.mark.parametrize(
    ("name", "temporary", "old", "expected"),
    [
        ("old", "new", MISSING, "set aside"),
        (MISSING, "new", "old", "put in place"),
        ("new", MISSING, "old", "remove old"),
        ("new", MISSING, MISSING, "finished"),
        (MISSING, MISSING, "old", "restore"),
        ("theirs", "new", MISSING, "withdraw"),
        ("theirs", "new", "old", "withdraw"),
        ("old", MISSING, MISSING, "withdraw"),
    ],
)
def test_the_next_step_depends_on_existing_names(name: str, temporary: str, old: str, expected: Step) -> None:
    assert next_step(PLAN, NamesState(name, temporary, old)) == expected


def test_from_every_state_the_new_file_gets_the_name_and_old_data_is_never_lost() -> None:
    seen = NamesState("old", "new", MISSING)
    steps = []
    while (step := next_step(PLAN, seen)) != "finished":
        steps.append(step)
        seen = {
            "set aside": NamesState(MISSING, seen.temporary, seen.name),
            "put in place": NamesState(seen.temporary, MISSING, seen.old),
            "remove old": NamesState(seen.name, seen.temporary, MISSING),
        }[step]
        assert "old" in (seen.name, seen.old) or seen.name == "new"
    assert steps == ["set aside", "put in place", "remove old"]


def test_temporary_names_fit_255_bytes_and_differ() -> None:
    for name in ("f", "x" * 255, "ü" * 127, "€" * 85):
        new, old = temporary_names(f"/a/b/{name}", 123456)
        assert new != old
        assert new.startswith("/a/b/.")
        assert all(len(one.rpartition("/")[2].encode()) <= 255 for one in (new, old))
