"""What a real central service answered, asked of the sandbox's."""

from __future__ import annotations

import sys

import pytest

from aliend.sandbox.commands import COMMANDS
from tests.contract.replay import Replay, Step, differences, steps

DELIBERATE = {
    ("find", "-S"): "among replicas at the same distance the service's order is a random one",
}
ALSO_ANSWERED = frozenset(("cp", "nosuchcommand", "quota"))
"""Commands that are answered though nothing runs: they are refused."""


def is_deliberate(step: Step) -> bool:
    return any(
        step.request["command"] == command and option in step.request["options"] for command, option in DELIBERATE
    )


async def test_the_sandbox_answers_as_the_recorded_service(capsys: pytest.CaptureFixture[str]) -> None:
    replay, alike, excused, told = Replay(), 0, 0, []
    played = steps()
    try:
        for step in played:
            reply = await replay.play(step)
            if step.request["command"] not in COMMANDS.keys() | ALSO_ANSWERED:
                continue
            found = differences(step, reply)
            alike += not found
            if found and is_deliberate(step):
                excused += 1
                continue
            told += [f"{step.scenario}: {step.request['command']} {step.request['options']}: {line}" for line in found]
    finally:
        replay.close()
    asked = sum(step.request["command"] in COMMANDS.keys() | ALSO_ANSWERED for step in played)
    with capsys.disabled():
        told_text = "\n".join([f"{alike} of {asked}, {excused} different on purpose ({len(played)} recorded)", *told])
        sys.stdout.write(f"\n{told_text}\n")
    assert not told
    assert asked > 180


def test_a_changed_value_is_noticed() -> None:
    step = steps()[0]
    changed = {**step.reply, "results": [{**step.reply["results"][0], "username": "somebody"}]}
    assert differences(step, step.reply) == []
    assert len(differences(step, changed)) == 1
