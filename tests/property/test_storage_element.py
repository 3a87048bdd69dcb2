"""Random scripts of events keep the invariants of a storage element."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aliend.core.transfers.storage_element import (
    LONGEST_REST,
    LOOK_BACK,
    Began,
    Element,
    Event,
    Failed,
    Left,
    Measured,
    Probing,
    Resting,
    Worked,
    Working,
    has_room,
    limit,
    rests_until,
    step,
)

EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.sampled_from([Began(), Worked(), Failed("x"), Left()]),
    st.builds(Measured, st.floats(0, 1e9), st.integers(0, 20), st.integers(1, 16)),
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 1000)), max_size=80), st.integers(1, 16))
def test_invariants_hold_after_every_event(script: list[tuple[Event, float]], most: int) -> None:
    element, now = Element(), 0.0
    for event, pause in script:
        now += pause
        before = element
        element = step(before, event, now)
        assert 1 <= limit(element, most) <= most
        assert element.copies >= 1
        assert len(element.recent) <= LOOK_BACK
        assert element.copies <= max(16, before.copies)
        if isinstance(event, Failed):
            assert element.copies <= before.copies
        if isinstance(event, Worked):
            assert isinstance(element.state, Working)
        if isinstance(element.state, Probing) and not isinstance(before.state, Probing):
            assert isinstance(event, Began)
            assert isinstance(before.state, Resting)
            assert before.state.until <= now
        if isinstance(element.state, Resting):
            assert element.state.until <= now + LONGEST_REST
        later = (rests_until(element, now) or now) + 0.001
        if not isinstance(element.state, Probing):
            assert has_room(element, 0, most, later)


@given(st.lists(EVENTS, max_size=40))
def test_it_works_again_after_one_copy_that_worked(script: list[Event]) -> None:
    element = Element()
    for now, event in enumerate(script):
        element = step(element, event, float(now))
    assert has_room(step(element, Worked(), 1000.0), 0, 4, 1000.0)
