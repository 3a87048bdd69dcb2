"""Faults of the service, its settings, throttle and answer cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from aliend.sandbox.errors import SandboxError
from aliend.sandbox.protocol import faults
from aliend.sandbox.protocol.answer_cache import AnswerCache
from aliend.sandbox.protocol.faults import Faults, parse
from aliend.sandbox.protocol.settings import Settings
from aliend.sandbox.protocol.throttle import COMMAND, LOGIN, Throttle


def test_a_fault_affects_only_the_next_command() -> None:
    active = Faults()
    active.add(parse("empty"))
    assert active.take(("empty",), "ls") == parse("empty")
    assert active.take(("empty",), "ls") is None


def test_a_fault_affects_the_given_number_of_its_commands() -> None:
    active = Faults()
    active.add(parse("drop-after", command="commit", times=2))
    assert active.take(("drop-after",), "ls") is None
    assert [active.take(("drop-after",), "commit") is not None for _ in range(3)] == [True, True, False]


def test_a_delay_lasts_until_it_is_cleared() -> None:
    active = Faults()
    active.add(parse("delay", "0.5"))
    active.add(parse("delay", "2"))
    assert [fault.value for fault in active.active] == [2.0]
    assert active.take(("delay",), "ls") is not None
    assert active.has("delay")
    active.clear()
    assert not active.has("delay")


@pytest.mark.parametrize(
    ("kind", "value"),
    [("nonsense", ""), ("close", ""), ("close", "1006"), ("delay", "soon"), ("hang", "5"), ("delay", "nan")],
)
def test_invalid_faults_are_refused(kind: str, value: str) -> None:
    with pytest.raises(SandboxError):
        parse(kind, value)


def test_the_sandbox_page_lists_every_fault() -> None:
    page = (Path(__file__).parents[4] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    chapter = page.partition("## Faults")[2]
    every = [*faults.ONCE, *faults.LASTING, *faults.IMMEDIATE, *faults.STORAGE]
    assert [kind for kind in every if f"`{kind}" not in chapter] == []


def test_settings_are_updated_by_assignments() -> None:
    settings = Settings().updated(["idle-limit=3", "throttle=on"])
    assert (settings.idle_limit, settings.throttle) == (3.0, True)
    assert Settings().updated(settings.assignments()) == settings


@pytest.mark.parametrize("word", ["nonsense=1", "idle_limit=soon", "idle_limit=-1", "poison=1", "idle_limit"])
def test_invalid_settings_are_refused(word: str) -> None:
    with pytest.raises(SandboxError):
        Settings().updated([word])


def test_more_than_a_hundred_points_delay_commands() -> None:
    throttle = Throttle(0.0)
    throttle.count("CN=alice", LOGIN)
    for _ in range(90):
        throttle.count("CN=alice", COMMAND)
    assert throttle.delay("CN=alice", 1.0) == 0.0
    for _ in range(50):
        throttle.count("CN=alice", COMMAND)
    assert throttle.delay("CN=alice", 1.0) == pytest.approx(0.05)
    assert throttle.delay("CN=bob", 1.0) == 0.0
    assert throttle.delay("CN=alice", 301.0) == 0.0


def test_hyperloop_is_exempt() -> None:
    throttle = Throttle(0.0, initial_points=1000)
    assert throttle.delay("CN=alice", 0.0) == pytest.approx(0.9)
    assert throttle.delay("OU=alihyperloop, CN=x", 0.0) == 0.0


def test_long_answers_are_cached_for_a_fifth_of_the_time() -> None:
    now = 0
    cache: AnswerCache[list[int]] = AnswerCache(lambda: now, favours_short=True)
    cache.put("unused", [1])
    assert cache.get("unused") is None
    cache.lifetime = 300.0
    cache.put("short", [1] * 499)
    cache.put("long", [1] * 500)
    now = 60_000
    assert cache.get("short") is not None
    assert cache.get("long") is None
    now = 300_000
    assert cache.get("short") is None
