"""The rate limiter for bandwidth."""

from __future__ import annotations

from aliend.core.transfers.bandwidth import BURST, Flow, RateLimiter, Rates

DOWN = Flow("download", ("A::B::C",))
MIB = 1 << 20


def test_without_a_limit_nothing_is_throttled() -> None:
    meter = RateLimiter(Rates())
    meter.add(1, DOWN, 0.0)
    assert meter.share(1) == 0


def test_the_narrowest_bucket_decides_and_is_shared_by_its_copies() -> None:
    meter = RateLimiter(Rates(all=40 * MIB, down=30 * MIB, named={"A::B::C": 10 * MIB}))
    for number in (1, 2):
        meter.add(number, DOWN, 0.0)
    meter.add(3, Flow("download", ("X::Y::Z",)), 0.0)
    assert [meter.share(number) for number in (1, 2, 3)] == [5 * MIB, 5 * MIB, 10 * MIB]


def test_an_upload_to_two_storage_elements_counts_twice() -> None:
    meter = RateLimiter(Rates(up=10 * MIB))
    meter.add(1, Flow("upload", ("A", "B")), 0.0)
    assert meter.share(1) == 5 * MIB


def test_a_job_may_have_its_own_rate() -> None:
    meter = RateLimiter(Rates())
    meter.add(1, Flow("download", ("A",), job=7, rate=MIB), 0.0)
    meter.add(2, Flow("download", ("A",), job=8), 0.0)
    assert (meter.share(1), meter.share(2)) == (MIB, 0)
    meter.change_job_rate(8, 2 * MIB, 0.0)
    assert (meter.share(1), meter.share(2)) == (MIB, 2 * MIB)


def test_time_pays_debts_and_the_longest_waiting_copy_is_first() -> None:
    meter = RateLimiter(Rates(all=1000 * 1000))
    for number in (1, 2):
        meter.add(number, DOWN, 0.0)
        meter.request(number, 100_000)
    assert [grant.number for grant in meter.grants(0.0)] == [1]
    pause = meter.next_grant(0.0)
    assert pause is not None
    assert pause > 0.1
    assert meter.grants(pause / 2) == []
    assert [grant.number for grant in meter.grants(pause + 0.001)] == [2]


def test_unused_bytes_are_returned() -> None:
    meter = RateLimiter(Rates(all=MIB))
    meter.add(1, DOWN, 0.0)
    meter.request(1, 1000)
    (grant,) = meter.grants(0.0)
    meter.remove(1, grant.size - 1000, 0.0)
    assert meter.balance(("all", ""), 0.0) == -1000


def test_a_pause_is_not_followed_by_a_burst() -> None:
    meter = RateLimiter(Rates(all=MIB))
    meter.add(1, DOWN, 0.0)
    assert meter.balance(("all", ""), 3600.0) == MIB * BURST


def test_a_rate_change_keeps_the_time_to_pay_a_debt() -> None:
    """After a lower limit, no copy waits for the old lease at the new rate."""
    meter = RateLimiter(Rates(all=100 * MIB))
    meter.add(1, DOWN, 0.0)
    meter.request(1, MIB)
    meter.grants(0.0)
    meter.change_rates(Rates(all=MIB), 0.0)
    meter.request(1, 1)
    assert 0.2 < (meter.next_grant(0.0) or 0) < 0.3


def test_a_copy_that_changes_its_storage_element_changes_its_bucket() -> None:
    meter = RateLimiter(Rates(named={"X::Y::Z": MIB}))
    meter.add(1, DOWN, 0.0)
    assert meter.share(1) == 0
    meter.change_elements(1, ("x::y::z",), 0.0)
    assert meter.share(1) == MIB


def test_a_copy_assigned_to_another_job_leaves_the_limit_of_the_first() -> None:
    meter = RateLimiter(Rates())
    meter.add(1, Flow("download", ("A",), job=7, rate=MIB), 0.0)
    meter.change_job(1, 8, 0, 0.0)
    assert meter.share(1) == 0
    meter.change_job_rate(8, 2 * MIB, 0.0)
    assert meter.share(1) == 2 * MIB
