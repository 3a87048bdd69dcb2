"""The state machine of a storage element: its limit, and when it backs off."""

from __future__ import annotations

from aliend.core.transfers.storage_element import (
    FIRST_BACKOFF,
    INITIAL_LIMIT,
    MAX_BACKOFF,
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

FAILED = CopyFailed("the server did not answer")


def after(*events: Event, now: float = 0.0, element: StorageElement = StorageElement()) -> StorageElement:  # noqa: B008 - frozen
    for event in events:
        element = step(element, event, now)
    return element


def test_consecutive_failures_make_it_back_off() -> None:
    assert after(FAILED, FAILED).state == Working()
    assert after(FAILED, FAILED, FAILED).state == BackingOff(FIRST_BACKOFF, "the server did not answer")
    assert after(FAILED, FAILED, CopySucceeded(), FAILED, FAILED).state == Working()


def test_failures_of_half_of_the_last_ten_make_it_back_off() -> None:
    pairs: list[Event] = [FAILED, CopySucceeded()] * 4
    flapping = after(*pairs, FAILED)
    assert flapping.state == Working()
    assert isinstance(after(FAILED, element=flapping).state, BackingOff)


def test_a_copy_that_has_just_ended_changes_nothing() -> None:
    assert after(CopyEnded(), CopyEnded(), CopyEnded(), CopyEnded()) == StorageElement()


def test_it_is_probed_by_one_copy_and_works_again() -> None:
    resting = after(FAILED, FAILED, FAILED)
    assert not has_capacity(resting, 0, 4, FIRST_BACKOFF - 1)
    assert after(CopyStarted(), now=FIRST_BACKOFF - 1, element=resting) == resting
    probing = after(CopyStarted(), now=FIRST_BACKOFF, element=resting)
    assert isinstance(probing.state, Probing)
    assert not has_capacity(probing, 1, 4, FIRST_BACKOFF)
    assert after(CopyEnded(), now=40.0, element=probing).state == BackingOff(40.0, FAILED.reason)
    assert effective_limit(after(CopySucceeded(), element=probing), 4) == 1
    assert effective_limit(after(*(4 * [CopySucceeded()]), element=probing), 4) == INITIAL_LIMIT


def test_its_back_off_grows_up_to_a_maximum() -> None:
    element, now, pauses = after(FAILED, FAILED, FAILED), 0.0, []
    for _ in range(6):
        assert isinstance(element.state, BackingOff)
        pauses.append(element.state.until - now)
        now = element.state.until
        element = after(CopyStarted(), FAILED, now=now, element=element)
    assert pauses == [30.0, 60.0, 120.0, 240.0, 480.0, MAX_BACKOFF]


def test_it_returns_until_when_it_is_unavailable() -> None:
    assert unavailable_until(after(FAILED, FAILED, FAILED), 1.0) == FIRST_BACKOFF
    assert unavailable_until(after(FAILED, FAILED, FAILED), FIRST_BACKOFF) is None
    assert unavailable_until(StorageElement(), 0.0) is None


def test_the_limit_grows_with_the_throughput() -> None:
    element = StorageElement()
    for turn, speed in enumerate((100.0, 200.0, 300.0)):
        element = after(
            ThroughputMeasured(speed, effective_limit(element, 8), 8), now=20.0 * (turn + 1), element=element
        )
    assert effective_limit(element, 8) == INITIAL_LIMIT + 3
    settled = after(ThroughputMeasured(element.speed, 7, 8), now=100.0, element=element)
    assert effective_limit(settled, 8) == INITIAL_LIMIT + 3


def test_the_limit_does_not_grow_if_unused_or_set_by_the_user() -> None:
    assert effective_limit(after(ThroughputMeasured(1e6, 2, 8), now=20.0), 8) == INITIAL_LIMIT
    assert effective_limit(after(ThroughputMeasured(1e6, 4, 4), now=20.0), 4) == INITIAL_LIMIT


def test_failures_lower_the_limit() -> None:
    assert effective_limit(after(FAILED), 8) == 2
    assert after(FAILED).why == "lowered after: the server did not answer"


def test_a_success_after_a_backoff_raises_the_limit_by_one() -> None:
    reduced = StorageElement(limit=1.0)
    assert after(CopyStarted(), CopySucceeded(), element=reduced).limit == 2.0
    assert after(CopyStarted(), CopySucceeded(), CopyStarted(), CopySucceeded(), element=reduced).limit == 3.0


def test_a_large_limit_grows_by_a_quarter_so_that_the_throughput_can_show_it() -> None:
    """Each of the copies adds the same throughput, up to 200 copies."""
    element, now = StorageElement(), 0.0
    while (copies := effective_limit(element, 1000)) < 200 and now < 600:
        now += 5.0
        element = after(ThroughputMeasured(copies * 1e8, copies, 1000), now=now, element=element)
    assert copies >= 200


def test_after_a_back_off_its_throughput_is_not_compared_with_that_of_before() -> None:
    busy = after(ThroughputMeasured(1e9, 4, 8), now=20.0)
    probing = after(FAILED, FAILED, FAILED, now=30.0, element=busy)
    element, now = after(CopyStarted(), now=100.0, element=probing), 100.0
    element = after(*(4 * [CopySucceeded()]), now=now, element=element)
    for copies in (4, 5, 6, 7):
        assert effective_limit(element, 8) == copies
        now += 10.0
        element = after(ThroughputMeasured(copies * 1e7, copies, 8), now=now, element=element)
