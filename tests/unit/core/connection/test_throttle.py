"""Throttle points of a certificate."""

from __future__ import annotations

from aliend.core.connection.throttle import COMMAND, HALVING, LOGIN, ThrottlePoints


def test_points_are_halved_every_five_minutes() -> None:
    points = ThrottlePoints(0.0, 1000.0).plus(LOGIN, 1000.0).plus(COMMAND, 1001.0)
    assert points.at(1000.0 + HALVING - 1).count == 11
    assert points.at(1000.0 + HALVING).count == 5.5
    assert points.at(1000.0 + 3 * HALVING + 1).count == 11 / 8


def test_points_are_halved_from_the_last_halving_down_to_zero() -> None:
    points = ThrottlePoints(80.0, 0.0).at(HALVING * 1.5)
    assert (points.count, points.since) == (40.0, HALVING)
    assert points.at(1e12).count < 1e-9


def test_each_point_above_a_hundred_costs_a_millisecond() -> None:
    assert ThrottlePoints(100.0).delay == 0.0
    assert ThrottlePoints(350.0).delay == 0.25


def test_a_login_is_avoided_near_the_threshold() -> None:
    assert ThrottlePoints(89.0).allow_login
    assert not ThrottlePoints(90.0).allow_login
