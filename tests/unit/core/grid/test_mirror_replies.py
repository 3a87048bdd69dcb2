"""Replies about copies of the central service."""

from __future__ import annotations

import pytest

from aliend.core.grid.mirror_replies import QueuedMirror, mirror_state, queued_mirrors

TABLE = """\
TransferId  Status        User        Destination                             Size  Source
        41  WAITING       alice       ALICE::X::DONE                        10 KiB  /alice/a
         4  TRANSFERRING  alice       ALICE::X::SE2                         10 KiB  /alice/b
        43  DONE          alice       ALICE::X::SE2                         10 KiB  /alice/WAITING
        44  FAILED        alice       ALICE::X::SE2                         10 KiB  /alice/d
"""


def test_queued_copies_are_parsed_and_problems_are_not() -> None:
    words = ("queued transfer ID 41", "file already exists on SE", "queued transfer ID 7")
    text = "\n".join(
        f"{se}: {said}" for se, said in zip(("ALICE::X::SE2", "ALICE::X::SE1", "alice::y::se3"), words, strict=True)
    )
    assert queued_mirrors(text) == (QueuedMirror("ALICE::X::SE2", 41), QueuedMirror("ALICE::Y::SE3", 7))


@pytest.mark.parametrize(
    ("number", "state"),
    [(41, "waiting"), (4, "waiting"), (43, "done"), (44, "failed"), (45, "unknown"), (1, "unknown")],
)
def test_the_state_of_a_copy_is_that_of_its_line(number: int, state: str) -> None:
    assert mirror_state(TABLE, number) == state
