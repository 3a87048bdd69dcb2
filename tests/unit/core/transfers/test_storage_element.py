"""A storage element: how many copies it has, and when it rests."""

from __future__ import annotations

from aliend.core.transfers.storage_element import (
    FIRST_REST,
    LONGEST_REST,
    START,
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

FAILED = Failed("the server did not answer")


def after(*events: Event, now: float = 0.0, element: Element = Element()) -> Element:  # noqa: B008 - frozen
    for event in events:
        element = step(element, event, now)
    return element


def test_failures_in_a_row_make_it_rest() -> None:
    assert after(FAILED, FAILED).state == Working()
    assert after(FAILED, FAILED, FAILED).state == Resting(FIRST_REST, "the server did not answer")
    assert after(FAILED, FAILED, Worked(), FAILED, FAILED).state == Working()


def test_half_of_the_last_ten_failing_makes_it_rest() -> None:
    pairs: list[Event] = [FAILED, Worked()] * 4
    flapping = after(*pairs, FAILED)
    assert flapping.state == Working()
    assert isinstance(after(FAILED, element=flapping).state, Resting)


def test_a_copy_that_just_left_tells_nothing() -> None:
    assert after(Left(), Left(), Left(), Left()) == Element()


def test_it_is_probed_by_one_copy_and_works_again() -> None:
    resting = after(FAILED, FAILED, FAILED)
    assert not has_room(resting, 0, 4, FIRST_REST - 1)
    assert after(Began(), now=FIRST_REST - 1, element=resting) == resting
    probing = after(Began(), now=FIRST_REST, element=resting)
    assert isinstance(probing.state, Probing)
    assert not has_room(probing, 1, 4, FIRST_REST)
    assert after(Left(), now=40.0, element=probing).state == Resting(40.0, FAILED.reason)
    assert limit(after(Worked(), element=probing), 4) == 1
    assert limit(after(*(4 * [Worked()]), element=probing), 4) == START


def test_it_rests_longer_each_time_but_not_for_ever() -> None:
    element, now, pauses = after(FAILED, FAILED, FAILED), 0.0, []
    for _ in range(6):
        assert isinstance(element.state, Resting)
        pauses.append(element.state.until - now)
        now = element.state.until
        element = after(Began(), FAILED, now=now, element=element)
    assert pauses == [30.0, 60.0, 120.0, 240.0, 480.0, LONGEST_REST]


def test_it_tells_until_when_it_rests() -> None:
    assert rests_until(after(FAILED, FAILED, FAILED), 1.0) == FIRST_REST
    assert rests_until(after(FAILED, FAILED, FAILED), FIRST_REST) is None
    assert rests_until(Element(), 0.0) is None


def test_copies_grow_while_throughput_does() -> None:
    element = Element()
    for turn, speed in enumerate((100.0, 200.0, 300.0)):
        element = after(Measured(speed, limit(element, 8), 8), now=20.0 * (turn + 1), element=element)
    assert limit(element, 8) == START + 3
    settled = after(Measured(element.speed, 7, 8), now=100.0, element=element)
    assert limit(settled, 8) == START + 3


def test_copies_do_not_grow_where_the_limit_is_not_used_or_is_the_users() -> None:
    assert limit(after(Measured(1e6, 2, 8), now=20.0), 8) == START
    assert limit(after(Measured(1e6, 4, 4), now=20.0), 4) == START


def test_failures_take_copies_away() -> None:
    assert limit(after(FAILED), 8) == 2
    assert after(FAILED).why == "fewer after: the server did not answer"
