"""Compares the answers of the sandbox with recorded answers of a real central service."""

from __future__ import annotations

import sys

import pytest

from tests.contract.recorded_catalogue import RECORDINGS
from tests.contract.replay import COUNTS, MOST_DELIBERATE, deliberate, differences, replay, steps


@pytest.mark.parametrize(("recording", "count"), COUNTS.items())
async def test_the_sandbox_answers_as_the_recorded_service(
    recording: str, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = await replay(steps(RECORDINGS / recording))
    with capsys.disabled():
        sys.stdout.write(f"\n{recording}: {outcome}\n")
    assert outcome.reported == []
    assert outcome.asked == count


def test_few_differences_are_deliberate_and_each_has_a_reason() -> None:
    found = deliberate()
    assert len(found) <= MOST_DELIBERATE
    assert all(each.reason for each in found)


def test_a_changed_value_is_noticed() -> None:
    reply = steps()[0].reply
    changed = {**reply, "results": [{**reply["results"][0], "username": "somebody"}]}
    assert differences(reply, reply) == []
    assert len(differences(reply, changed)) == 1
