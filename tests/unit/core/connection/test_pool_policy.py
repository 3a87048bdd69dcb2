"""Who gets a connection next."""

from __future__ import annotations

from aliend.core.connection.pool_policy import LONG_PATIENCE, PATIENCE, Lane, choose

COLD = Lane()
WARM = Lane(warm=True)
TALKING = Lane(warm=True, work="interactive")
CONNECTING = Lane(work="interactive")
HAULING = Lane(warm=True, work="bulk")


def test_the_first_work_makes_a_login() -> None:
    assert choose([COLD, COLD], "interactive", 0.0) == 0
    assert choose([COLD, COLD], "bulk", 0.0) == 0


def test_a_warm_lane_is_better_than_a_login() -> None:
    assert choose([COLD, WARM], "interactive", 0.0) == 1
    assert choose([COLD, WARM], "bulk", 0.0) == 1


def test_interactive_work_makes_a_login_rather_than_wait_behind_bulk_work() -> None:
    assert choose([HAULING, COLD], "interactive", 0.0) == 1


def test_interactive_work_waits_for_interactive_work() -> None:
    assert choose([TALKING, COLD], "interactive", 0.0) is None


def test_a_login_in_progress_is_waited_for_however_long_it_takes() -> None:
    assert choose([CONNECTING, COLD], "interactive", 0.0) is None
    assert choose([CONNECTING, COLD], "interactive", 100.0) is None


def test_patience_ends_when_the_lane_is_only_busy() -> None:
    assert choose([TALKING, COLD], "interactive", PATIENCE) == 1
    assert choose([TALKING, COLD], "bulk", PATIENCE) == 1


def test_bulk_work_never_has_two_lanes() -> None:
    assert choose([HAULING, WARM], "bulk", 100.0) is None


def test_nobody_gets_a_busy_lane() -> None:
    assert choose([HAULING, TALKING], "interactive", 100.0) is None


def test_bulk_work_gets_a_second_login_when_its_patience_ends_but_never_the_last_lane() -> None:
    assert choose([HAULING, COLD, COLD, COLD], "bulk", 0.0) is None
    assert choose([HAULING, COLD, COLD, COLD], "bulk", PATIENCE) == 1
    assert choose([HAULING, HAULING, HAULING, COLD], "bulk", 100.0) is None
    assert choose([HAULING, HAULING, HAULING, COLD], "interactive", 0.0) == 3


def test_bulk_work_takes_a_second_warm_lane_only_where_one_stays_for_users() -> None:
    assert choose([HAULING, WARM, COLD, COLD], "bulk", 0.0) is None
    assert choose([HAULING, WARM, TALKING, COLD], "bulk", 0.0) == 1


def test_near_the_services_threshold_patience_lasts_longer() -> None:
    assert choose([TALKING, COLD], "interactive", PATIENCE, LONG_PATIENCE) is None
    assert choose([TALKING, COLD], "interactive", LONG_PATIENCE, LONG_PATIENCE) == 1
