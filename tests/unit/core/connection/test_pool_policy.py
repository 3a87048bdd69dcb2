"""Who gets a connection next."""

from __future__ import annotations

from aliend.core.connection.pool_policy import NEW_LOGIN_AFTER, NEW_LOGIN_AFTER_THROTTLED, SlotState, choose_slot

COLD = SlotState()
WARM = SlotState(connected=True)
TALKING = SlotState(connected=True, work="interactive")
CONNECTING = SlotState(work="interactive")
HAULING = SlotState(connected=True, work="bulk")


def test_the_first_work_makes_a_login() -> None:
    assert choose_slot([COLD, COLD], "interactive", 0.0) == 0
    assert choose_slot([COLD, COLD], "bulk", 0.0) == 0


def test_a_warm_lane_is_better_than_a_login() -> None:
    assert choose_slot([COLD, WARM], "interactive", 0.0) == 1
    assert choose_slot([COLD, WARM], "bulk", 0.0) == 1


def test_interactive_work_makes_a_login_rather_than_wait_behind_bulk_work() -> None:
    assert choose_slot([HAULING, COLD], "interactive", 0.0) == 1


def test_interactive_work_waits_for_interactive_work() -> None:
    assert choose_slot([TALKING, COLD], "interactive", 0.0) is None


def test_a_login_in_progress_is_waited_for_however_long_it_takes() -> None:
    assert choose_slot([CONNECTING, COLD], "interactive", 0.0) is None
    assert choose_slot([CONNECTING, COLD], "interactive", 100.0) is None


def test_patience_ends_when_the_lane_is_only_busy() -> None:
    assert choose_slot([TALKING, COLD], "interactive", NEW_LOGIN_AFTER) == 1
    assert choose_slot([TALKING, COLD], "bulk", NEW_LOGIN_AFTER) == 1


def test_bulk_work_never_has_two_lanes() -> None:
    assert choose_slot([HAULING, WARM], "bulk", 100.0) is None


def test_nobody_gets_a_busy_lane() -> None:
    assert choose_slot([HAULING, TALKING], "interactive", 100.0) is None


def test_bulk_work_gets_a_second_login_when_its_patience_ends_but_never_the_last_lane() -> None:
    assert choose_slot([HAULING, COLD, COLD, COLD], "bulk", 0.0) is None
    assert choose_slot([HAULING, COLD, COLD, COLD], "bulk", NEW_LOGIN_AFTER) == 1
    assert choose_slot([HAULING, HAULING, HAULING, COLD], "bulk", 100.0) is None
    assert choose_slot([HAULING, HAULING, HAULING, COLD], "interactive", 0.0) == 3


def test_bulk_work_takes_a_second_warm_lane_only_where_one_stays_for_users() -> None:
    assert choose_slot([HAULING, WARM, COLD, COLD], "bulk", 0.0) is None
    assert choose_slot([HAULING, WARM, TALKING, COLD], "bulk", 0.0) == 1


def test_near_the_services_threshold_patience_lasts_longer() -> None:
    assert choose_slot([TALKING, COLD], "interactive", NEW_LOGIN_AFTER, NEW_LOGIN_AFTER_THROTTLED) is None
    assert choose_slot([TALKING, COLD], "interactive", NEW_LOGIN_AFTER_THROTTLED, NEW_LOGIN_AFTER_THROTTLED) == 1
