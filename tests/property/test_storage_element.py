"""Random sequences of events keep the invariants of a storage element."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aliend.core.transfers.storage_element import (
    MAX_BACKOFF,
    OUTCOME_WINDOW,
    BackingOff,
    CopyEnded,
    CopyFailed,
    CopyStarted,
    CopySucceeded,
    Event,
    Probing,
    StorageElement,
    ThroughputMeasured,
    Working,
    effective_limit,
    has_capacity,
    step,
    unavailable_until,
)

EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.sampled_from([CopyStarted(), CopySucceeded(), CopyFailed("x"), CopyEnded()]),
    st.builds(ThroughputMeasured, st.floats(0, 1e9), st.integers(0, 20), st.integers(1, 16)),
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 1000)), max_size=80), st.integers(1, 16))
def test_invariants_hold_after_every_event(script: list[tuple[Event, float]], most: int) -> None:
    element, now = StorageElement(), 0.0
    for event, pause in script:
        now += pause
        before = element
        element = step(before, event, now)
        assert 1 <= effective_limit(element, most) <= most
        assert element.limit >= 1
        assert len(element.recent) <= OUTCOME_WINDOW
        assert element.limit <= max(16, before.limit)
        if isinstance(event, CopyFailed):
            assert element.limit <= before.limit
        if isinstance(event, CopySucceeded):
            assert isinstance(element.state, Working)
        if isinstance(element.state, Probing) and not isinstance(before.state, Probing):
            assert isinstance(event, CopyStarted)
            assert isinstance(before.state, BackingOff)
            assert before.state.until <= now
        if isinstance(element.state, BackingOff):
            assert element.state.until <= now + MAX_BACKOFF
        later = (unavailable_until(element, now) or now) + 0.001
        if not isinstance(element.state, Probing):
            assert has_capacity(element, 0, most, later)


@given(st.lists(EVENTS, max_size=40))
def test_it_works_again_after_one_successful_copy(script: list[Event]) -> None:
    element = StorageElement()
    for now, event in enumerate(script):
        element = step(element, event, float(now))
    assert has_capacity(step(element, CopySucceeded(), 1000.0), 0, 4, 1000.0)
