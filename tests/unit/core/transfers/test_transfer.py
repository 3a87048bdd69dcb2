"""The state machine of a transfer: given events, expect states and effects."""

from __future__ import annotations

import itertools

import pytest

from aliend.core.transfers.effects import Effect, HoldJob, StartCopy, StopCopy
from aliend.core.transfers.transfer import (
    MAX_FAILURES,
    MAX_LOSSES,
    AttemptFailed,
    Cancel,
    Cancelled,
    Crashed,
    Done,
    Event,
    Failed,
    IntentSaved,
    Interrupted,
    NoIntent,
    PartialKept,
    Queued,
    ReplicasBooked,
    Retry,
    Running,
    Started,
    State,
    Succeeded,
    Transfer,
    Waiting,
    after_restart,
    message_of,
    step,
)
from aliend.errors import ErrorKind

NOW = 1000.0
FRESH = Transfer(7, 3, "/a/f", "/tmp/f")
ARRIVED = Succeeded(5, "abc")
START, STOP = StartCopy(7), StopCopy(7)


def broke(kind: ErrorKind = "transient", retry_after: float = 0.0) -> AttemptFailed:
    return AttemptFailed(kind, "the reason", retry_after, chance=0.5)


def play(transfer: Transfer, *events: Event) -> tuple[Transfer, list[Effect]]:
    effects: list[Effect] = []
    for event in events:
        transfer, more = step(transfer, event, NOW)
        effects += more
    return transfer, effects


def failures(count: int, kind: ErrorKind = "transient") -> list[Event]:
    return [event for _ in range(count) for event in (Started(), broke(kind))]


def test_a_granted_slot_starts_the_copy() -> None:
    transfer, effects = play(FRESH, Started())
    assert (transfer.state, transfer.attempts, effects) == (Running(), 1, [START])


def test_a_successful_copy_is_done_with_its_size_and_md5() -> None:
    transfer, _ = play(FRESH, Started(), IntentSaved(ReplicasBooked("/a/f", ("g",), 2)), ARRIVED)
    assert (transfer.state, transfer.size, transfer.md5, transfer.intent) == (Done(), 5, "abc", NoIntent())


def test_a_failed_copy_waits_and_is_retried() -> None:
    transfer, effects = play(FRESH, Started(), broke(), Started())
    assert (transfer.state, transfer.attempts, transfer.failures, effects) == (Running(), 2, 1, [START, START])


def test_the_pause_grows_with_chance_and_is_never_shorter_than_requested() -> None:
    assert play(FRESH, Started(), broke())[0].state == Waiting(NOW + 1, "the reason")
    assert play(FRESH, Started(), broke(), Started(), broke())[0].state == Waiting(NOW + 2, "the reason")
    assert play(FRESH, Started(), broke(retry_after=30))[0].state == Waiting(NOW + 30, "the reason")


def test_transient_failures_are_bounded() -> None:
    transfer, _ = play(FRESH, *failures(MAX_FAILURES))
    assert transfer.state == Failed(f"gave up after {MAX_FAILURES} attempts: the reason")


def test_waiting_for_a_credential_is_not_counted_as_a_failure() -> None:
    transfer, _ = play(FRESH, *failures(50, "credential"))
    assert isinstance(transfer.state, Waiting)
    assert transfer.failures == 0


def test_a_wait_for_a_resting_storage_element_is_no_attempt() -> None:
    transfer, _ = play(FRESH, Started(), broke("resting", 30.0))
    assert (transfer.state, transfer.attempts, transfer.failures) == (Waiting(NOW + 33.75, "the reason"), 0, 0)
    assert play(transfer, Cancel())[1] == []


def test_a_copy_that_is_lost_with_its_worker_is_not_counted_as_a_failure() -> None:
    transfer, _ = play(FRESH, *failures(3, "lost"), Started(), broke())
    assert (transfer.attempts, transfer.losses, transfer.failures) == (4, 3, 1)


def test_a_file_whose_workers_are_lost_each_time_fails_with_that_reason() -> None:
    transfer, _ = play(FRESH, *failures(MAX_LOSSES - 1, "lost"))
    assert isinstance(transfer.state, Waiting)
    transfer, _ = play(transfer, *failures(1, "lost"))
    assert transfer.state == Failed(f"gave up after {MAX_LOSSES} lost workers of the cluster: the reason")
    assert play(transfer, Retry(), *failures(1, "lost"))[0].losses == 1


def test_a_permanent_error_fails_immediately() -> None:
    assert play(FRESH, Started(), broke("permanent"))[0].state == Failed("the reason")


def test_a_local_error_queues_the_transfer_and_holds_its_job() -> None:
    transfer, effects = play(FRESH, Started(), broke("local"))
    assert (transfer.state, transfer.failures, effects[1:]) == (Queued(), 0, [HoldJob(3, "the reason")])


def test_cancelling_a_running_copy_ends_it_and_its_late_events_are_ignored() -> None:
    transfer, effects = play(FRESH, Started(), Cancel(), ARRIVED, broke())
    assert (transfer.state, effects) == (Cancelled(), [START, STOP])


def test_a_started_download_that_is_cancelled_keeps_its_partial_file_until_it_is_retried() -> None:
    cancelled, _ = play(FRESH, Started(), Cancel(keep_until_ms=5000))
    assert cancelled.intent == PartialKept(5000)
    stopped, _ = play(cancelled, IntentSaved(PartialKept(5000, 10)))
    assert stopped.intent == PartialKept(5000, 10)
    again, _ = play(stopped, Retry())
    assert (again.state, again.intent) == (Queued(), NoIntent())
    late, _ = play(again, IntentSaved(PartialKept(5000, 10)))
    assert late.intent == NoIntent()


def test_a_download_that_never_started_keeps_nothing() -> None:
    assert play(FRESH, Cancel(keep_until_ms=5000))[0].intent == NoIntent()


def test_an_interrupted_copy_is_queued_without_a_failure() -> None:
    transfer, effects = play(FRESH, Started(), Interrupted())
    assert (transfer.state, transfer.failures, effects) == (Queued(), 0, [START, STOP])


def test_a_file_that_arrived_while_its_copy_was_stopped_counts() -> None:
    assert play(FRESH, Started(), Interrupted(), ARRIVED)[0].state == Done()


def test_a_retry_resets_the_failures() -> None:
    transfer, _ = play(FRESH, *failures(MAX_FAILURES), Retry())
    assert (transfer.state, transfer.failures) == (Queued(), 0)


def test_a_refused_name_is_never_tried_again() -> None:
    refused = Transfer(7, 3, "/a/..", "", Failed("refused"))
    assert play(refused, Retry())[0] == refused


def test_an_internal_error_fails_every_unfinished_transfer() -> None:
    assert play(FRESH, Started(), Crashed("oops"))[0].state == Failed("oops")
    assert play(FRESH, Started(), ARRIVED, Crashed("oops"))[0].state == Done()


def test_a_restart_queues_running_transfers_only() -> None:
    running, _ = play(FRESH, Started())
    assert after_restart(running).state == Queued()
    done, _ = play(running, ARRIVED)
    assert after_restart(done) == done


STATES: list[State] = [Queued(), Running(), Waiting(5.0, "why"), Done("note"), Failed("why"), Cancelled()]
EVENTS: list[Event] = [
    Started(),
    IntentSaved(NoIntent()),
    ARRIVED,
    broke(),
    broke("permanent"),
    broke("local"),
    broke("credential"),
    Interrupted(),
    Cancel(),
    Retry(),
    Crashed("oops"),
]


@pytest.mark.parametrize(("state", "event"), list(itertools.product(STATES, EVENTS)))
def test_every_state_accepts_every_event(state: State, event: Event) -> None:
    transfer, _ = step(Transfer(7, 3, "/a/f", "/tmp/f", state), event, NOW)
    assert message_of(transfer.state) in ("", "why", "note", "the reason", "oops")
    if isinstance(state, Done):
        assert transfer.state == state


def test_the_last_failure_states_the_number_of_attempts() -> None:
    once = AttemptFailed("transient", "the reason", 0.0, chance=0.5, max_failures=1)
    twice = AttemptFailed("transient", "the reason", 0.0, chance=0.5, max_failures=2)
    assert play(FRESH, Started(), once)[0].state == Failed("gave up after one attempt: the reason")
    assert play(FRESH, Started(), twice, Started(), twice)[0].state == Failed("gave up after 2 attempts: the reason")
