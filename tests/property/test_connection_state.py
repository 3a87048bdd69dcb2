"""Random scripts of events: nothing is executed twice, no connection has two requests, no login comes without delay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aliend.core.connection.connection_state import (
    Abandoned,
    Answered,
    Assigned,
    Busy,
    CheckOutcome,
    Disconnected,
    Event,
    GiveUp,
    Idle,
    IdleClosed,
    LoggedIn,
    LoggingIn,
    LogIn,
    LoginFailed,
    Lost,
    RetryPolicy,
    Send,
    Session,
    step,
)

SLOTS = 4
POLICY = RetryPolicy(tries=3, first_pause=0.5, longest_pause=60.0)
CHANCES = st.floats(0.01, 1, exclude_max=True)
Draw = Callable[[st.SearchStrategy[Any]], Any]


class World:
    """A service and callers that follow the state machine, and detect wrong steps."""

    def __init__(self) -> None:
        self.session = Session(tuple(Disconnected() for _ in range(SLOTS)))
        self.now = 1000.0
        self.outstanding = [0] * SLOTS
        self.sent = [0] * SLOTS
        self.arrived = [0] * SLOTS
        self.changes = [False] * SLOTS
        self.no_login_before = 0.0

    def event(self, draw: Draw, lane: int) -> Event:
        state = self.session.slots[lane]
        chance = draw(CHANCES)
        if isinstance(state, Disconnected):
            return Assigned(lane, draw(st.booleans()), self.now)
        if isinstance(state, Idle):
            choices: list[Event] = [Assigned(lane, draw(st.booleans()), self.now)]
            choices.append(IdleClosed(lane, self.now, chance, draw(st.booleans())))
            return choices[draw(st.integers(0, 1))]
        final = draw(st.booleans())
        if isinstance(state, LoggingIn):
            self.now = max(self.now, state.not_before)
            choices = [LoggedIn(lane), LoginFailed(lane, self.now, chance, final), Abandoned(lane)]
        else:
            arrived = draw(st.booleans())
            lost = Lost(lane, self.now, chance, arrived, final)
            choices = [Answered(lane, draw(st.booleans())), lost, Abandoned(lane)]
        return choices[draw(st.integers(0, 2))]

    def play(self, event: Event) -> None:
        lane, before = event.slot, self.session
        if isinstance(event, Assigned):
            self.sent[lane] = self.arrived[lane] = 0
            self.changes[lane] = event.changes
        if isinstance(event, Answered | Lost | Abandoned):
            self.outstanding[lane] = 0
        if isinstance(event, Lost) and event.arrived:
            self.arrived[lane] += 1
        self.session, effect = step(before, event, POLICY)
        match effect:
            case Send():
                assert isinstance(self.session.slots[lane], Busy)
                assert not (self.changes[lane] and self.arrived[lane]), "a second execution"
                self.outstanding[lane] += 1
                self.sent[lane] += 1
            case LogIn(at):
                assert at >= self.now
                assert at >= self.no_login_before, "a login without delay"
            case CheckOutcome():
                assert self.changes[lane]
                assert self.arrived[lane] == 1
            case GiveUp():
                assert not (self.changes[lane] and self.arrived[lane])
        if isinstance(event, LoginFailed | Lost) or (isinstance(event, IdleClosed) and event.early):
            pause = POLICY.pause(self.session.failures, event.chance)
            self.no_login_before = max(self.no_login_before, self.now + pause)
            assert isinstance(self.session.slots[lane], Disconnected) or self.session.not_before > self.now
            assert not isinstance(effect, LogIn) or effect.at > self.now
        if isinstance(event, Answered):
            self.no_login_before = 0.0
        assert max(self.outstanding) <= 1
        assert max(self.sent) <= POLICY.tries
        assert [lane_ for n, lane_ in enumerate(self.session.slots) if n != lane] == [
            lane_ for n, lane_ in enumerate(before.slots) if n != lane
        ]


@given(st.data())
def test_no_script_of_events_breaks_a_promise(data: st.DataObject) -> None:
    world = World()
    for _ in range(data.draw(st.integers(1, 60))):
        world.now += data.draw(st.sampled_from([0.0, 0.1, 5.0]))
        world.play(world.event(data.draw, data.draw(st.integers(0, SLOTS - 1))))


@given(st.integers(1, 100), CHANCES)
def test_the_pause_after_a_failure_is_random_grows_and_has_a_ceiling(failures: int, chance: float) -> None:
    assert 0 < POLICY.pause(failures, chance) <= POLICY.longest_pause
    assert POLICY.pause(failures, chance) <= POLICY.pause(failures + 1, chance)
    assert RetryPolicy(min_pause=7.0).pause(failures, chance) >= 7.0
