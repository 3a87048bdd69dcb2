"""The measured delay by the throttle of the central service."""

from __future__ import annotations

from aliend.central.session_counters import SessionCounters


def value(counters: SessionCounters, name: str) -> object:
    (family,) = [one for one in counters.families({}, 1, 20.0) if one.name == name]
    return dict(family.values)


def test_the_delay_is_what_a_command_takes_longer_than_usual() -> None:
    counters = SessionCounters()
    counters.record_answer("ls", 0.1, points=20)
    counters.record_answer("ls", 0.3, points=20)
    counters.record_answer("ls", 1.2, points=180)
    counters.record_answer("ls", 0.1, points=180)
    assert value(counters, "central_throttle_delay_seconds") == {(): 1.0}
    assert value(counters, "central_latency_seconds") == {("no",): (2, 0.4), ("yes",): (2, 1.3)}


def test_a_command_that_was_never_seen_without_throttle_measures_nothing() -> None:
    counters = SessionCounters()
    counters.record_answer("ls", 1.2, points=180)
    assert value(counters, "central_throttle_delay_seconds") == {(): 0.0}


def test_failures_are_counted_by_kind() -> None:
    counters = SessionCounters()
    counters.record_failure(TimeoutError())
    assert value(counters, "central_failures") == {("TimeoutError",): 1}
