"""Random sequences of events keep the invariants of a transfer, and of the counters of its job."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aliend.core.transfers.effects import HoldJob, StartCopy, StopCopy
from aliend.core.transfers.replacement import Replacing
from aliend.core.transfers.transfer import (
    MAX_FAILURES,
    AttemptFailed,
    Cancel,
    Cancelled,
    Crashed,
    Done,
    Event,
    IntentSaved,
    Interrupted,
    NoIntent,
    PartialKept,
    Queued,
    Retry,
    Running,
    Started,
    Succeeded,
    Transfer,
    Waiting,
    after_restart,
    step,
)

EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.sampled_from(
        [
            Started(),
            Interrupted(),
            Cancel(),
            Cancel(keep_until_ms=9),
            IntentSaved(PartialKept(9, 5)),
            Retry(),
            Crashed("x"),
            IntentSaved(Replacing("t", "o", "g", "h")),
            Succeeded(1, ""),
        ]
    ),
    st.builds(
        AttemptFailed,
        st.sampled_from(["permanent", "transient", "local", "credential"]),
        st.just("why"),
        st.floats(0, 100),
        st.floats(0, 1, exclude_max=True),
    ),
)


@given(st.lists(EVENTS, max_size=60))
def test_invariants_hold_after_every_event(script: list[Event]) -> None:
    transfer = Transfer(1, 2, "/a/f", "/t")
    for now, event in enumerate(script):
        before = transfer
        transfer, effects = step(before, event, float(now))
        assert (StartCopy(1) in effects) == (isinstance(transfer.state, Running) and before.state != Running())
        if StopCopy(1) in effects or HoldJob(2, "why") in effects:
            assert before.state == Running()
            assert transfer.state != Running()
        if isinstance(before.state, Done):
            assert transfer == before
        if isinstance(transfer.state, Waiting):
            assert transfer.failures < MAX_FAILURES
        if isinstance(transfer.state, Done):
            assert transfer.intent == NoIntent()
        if isinstance(transfer.intent, PartialKept):
            assert transfer.state == Cancelled()
        assert transfer.attempts >= before.attempts
        assert after_restart(after_restart(transfer)) == after_restart(transfer)
        assert after_restart(transfer).state != Running()
        if transfer.state == Running():
            assert after_restart(transfer).state == Queued()
