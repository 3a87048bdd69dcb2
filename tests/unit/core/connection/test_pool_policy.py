"""The assignment of connections to work."""

from __future__ import annotations

from aliend.core.connection.pool_policy import NEW_LOGIN_AFTER, NEW_LOGIN_AFTER_THROTTLED, SlotState, choose_slot

COLD = SlotState()
WARM = SlotState(connected=True)
TALKING = SlotState(connected=True, work="interactive")
CONNECTING = SlotState(work="interactive")
HAULING = SlotState(connected=True, work="bulk")


def test_the_first_work_logs_in() -> None:
    assert choose_slot([COLD, COLD], "interactive", 0.0) == 0
    assert choose_slot([COLD, COLD], "bulk", 0.0) == 0


def test_a_connected_slot_is_preferred_to_a_login() -> None:
    assert choose_slot([COLD, WARM], "interactive", 0.0) == 1
    assert choose_slot([COLD, WARM], "bulk", 0.0) == 1


def test_interactive_work_logs_in_instead_of_waiting_behind_bulk_work() -> None:
    assert choose_slot([HAULING, COLD], "interactive", 0.0) == 1


def test_interactive_work_waits_for_interactive_work() -> None:
    assert choose_slot([TALKING, COLD], "interactive", 0.0) is None


def test_work_waits_for_a_login_in_progress() -> None:
    assert choose_slot([CONNECTING, COLD], "interactive", 0.0) is None
    assert choose_slot([CONNECTING, COLD], "interactive", 100.0) is None


def test_a_long_wait_for_a_busy_slot_causes_a_login() -> None:
    assert choose_slot([TALKING, COLD], "interactive", NEW_LOGIN_AFTER) == 1
    assert choose_slot([TALKING, COLD], "bulk", NEW_LOGIN_AFTER) == 1


def test_bulk_work_never_uses_two_slots() -> None:
    assert choose_slot([HAULING, WARM], "bulk", 100.0) is None


def test_a_busy_slot_is_never_assigned() -> None:
    assert choose_slot([HAULING, TALKING], "interactive", 100.0) is None


def test_bulk_work_logs_in_again_after_a_long_wait_but_never_in_the_last_slot() -> None:
    assert choose_slot([HAULING, COLD, COLD, COLD], "bulk", 0.0) is None
    assert choose_slot([HAULING, COLD, COLD, COLD], "bulk", NEW_LOGIN_AFTER) == 1
    assert choose_slot([HAULING, HAULING, HAULING, COLD], "bulk", 100.0) is None
    assert choose_slot([HAULING, HAULING, HAULING, COLD], "interactive", 0.0) == 3


def test_bulk_work_uses_a_second_connection_only_if_one_remains_for_users() -> None:
    assert choose_slot([HAULING, WARM, COLD, COLD], "bulk", 0.0) is None
    assert choose_slot([HAULING, WARM, TALKING, COLD], "bulk", 0.0) == 1


def test_work_waits_longer_near_the_throttle_threshold() -> None:
    assert choose_slot([TALKING, COLD], "interactive", NEW_LOGIN_AFTER, NEW_LOGIN_AFTER_THROTTLED) is None
    assert choose_slot([TALKING, COLD], "interactive", NEW_LOGIN_AFTER_THROTTLED, NEW_LOGIN_AFTER_THROTTLED) == 1
