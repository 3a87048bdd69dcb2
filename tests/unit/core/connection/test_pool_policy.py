"""The assignment of connections to work."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from aliend.core.connection.pool_policy import (
    MAX_CONNECTIONS,
    NEW_LOGIN_AFTER,
    NEW_LOGIN_AFTER_THROTTLED,
    BulkLimits,
    Work,
    bulk_limits,
    choose_slot,
)


@dataclass(frozen=True)
class Slot:
    connected: bool = False
    work: Work | None = None


COLD = Slot()
WARM = Slot(connected=True)
TALKING = Slot(connected=True, work="interactive")
CONNECTING = Slot(work="interactive")
HAULING = Slot(connected=True, work="bulk")


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


@pytest.mark.parametrize(
    ("expected", "since_user", "limits"),
    [
        (0, math.inf, BulkLimits(8, 3, patient=True)),
        (150, math.inf, BulkLimits(8, 3, patient=False)),
        (604, math.inf, BulkLimits(8, 8, patient=False)),
        (604, 10.0, BulkLimits(4, 4, patient=False)),
        (60_000, math.inf, BulkLimits(4, 4, patient=False)),
    ],
)
def test_bulk_work_has_more_connections_the_more_and_the_shorter_it_is(
    expected: int, since_user: float, limits: BulkLimits
) -> None:
    assert bulk_limits(expected, since_user) == limits


def test_much_bulk_work_logs_in_at_once_but_one_at_a_time_and_up_to_its_limit() -> None:
    limits, cold = bulk_limits(604, math.inf), [COLD] * (MAX_CONNECTIONS - 1)
    assert choose_slot([HAULING, *cold], "bulk", 0.0, bulk=limits) == 1
    assert choose_slot([HAULING, Slot(work="bulk"), *cold[1:]], "bulk", 9.0, bulk=limits) is None
    assert choose_slot([HAULING] * 8 + [COLD], "bulk", 9.0, bulk=limits) is None
    assert choose_slot([HAULING] * 8 + [COLD], "interactive", 0.0, bulk=limits) == 8


def test_users_open_four_connections_at_most() -> None:
    assert choose_slot([TALKING] * 3 + [COLD] * 6, "interactive", 9.0) == 3
    assert choose_slot([TALKING] * 4 + [COLD] * 5, "interactive", 9.0) is None
