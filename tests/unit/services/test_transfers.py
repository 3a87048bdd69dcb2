"""The message of a transfer that several jobs share."""

from __future__ import annotations

from typing import get_args

from aliend.core.transfers.attempt_record import EventRecord
from aliend.core.transfers.job import JobState
from aliend.core.transfers.transfer import Phase, Transfer
from aliend.core.transfers.wait_reason import Kind, Reason
from aliend.engine.views import WaitGroup, view_of_transfer
from aliend.services.messages.transfers import event_message, transfer_message, wait_message
from aliend.v1.transfers_pb2 import WAIT_KIND_UNSPECIFIED, EventType, WaitKind


def test_a_transfer_message_has_its_leader_and_number_of_jobs() -> None:
    view = view_of_transfer(Transfer(7, 2, "/a", "/t", joined=5), "download", 0, wanted=3)
    reported = transfer_message(view)
    assert (reported.id, reported.joined, reported.wanted) == (7, 5, 3)


def test_every_state_that_an_event_stores_has_a_type() -> None:
    states = [(0, state) for state in (*JobState, "cancelling")] + [(1, phase) for phase in Phase]
    for transfer, state in states:
        message = event_message(EventRecord(1, 2, 3, transfer, state, ""))
        assert EventType.Name(message.type).endswith(f"_{state.upper()}")


def test_every_wait_reason_has_a_kind() -> None:
    kinds = [wait_message(WaitGroup(1, Reason(kind, ""), 1, "")).kind for kind in get_args(Kind)]
    assert sorted(kinds) == sorted(set(WaitKind.values()) - {WAIT_KIND_UNSPECIFIED})
