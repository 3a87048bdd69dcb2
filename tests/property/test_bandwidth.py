"""In any sequence of copies, requests and rates no bucket exceeds its rate, and no copy waits for ever."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from aliend.core.transfers.bandwidth import BURST, LEASE, Flow, RateLimiter, Rates
from tests.quick import examples

RATE = st.sampled_from([0, 10_000, 1_000_000, 50_000_000])
RATES = st.builds(Rates, RATE, RATE, RATE, RATE, st.dictionaries(st.sampled_from(["A", "B"]), RATE, max_size=2))
FLOWS = st.builds(
    Flow,
    st.sampled_from(["download", "upload"]),
    st.sampled_from([("A",), ("B",), ("A", "B"), ()]),
    st.integers(0, 2),
    st.just(0),
)


@dataclass(frozen=True)
class Join:
    flow: Flow


@dataclass(frozen=True)
class Leave:
    at: int


@dataclass(frozen=True)
class Ask:
    at: int
    owed: int


@dataclass(frozen=True)
class Change:
    rates: Rates


@dataclass(frozen=True)
class Pass:
    seconds: float


EVENTS = st.one_of(
    st.builds(Join, FLOWS),
    st.builds(Leave, st.integers(0, 5)),
    st.builds(Ask, st.integers(0, 5), st.integers(1, 1_000_000)),
    st.builds(Change, RATES),
    st.builds(Pass, st.floats(0, 3)),
)


@given(RATES, st.lists(EVENTS, max_size=60))
def test_every_copy_gets_a_grant_and_removed_copies_leave_nothing(rates: Rates, script: list[object]) -> None:
    meter, now, count = RateLimiter(rates), 0.0, 0
    for event in script:
        flows = tuple(meter._flows)
        match event:
            case Join(flow):
                count += 1
                meter.add(count, flow, now)
            case Leave(at) if flows:
                meter.remove(flows[at % len(flows)], 0, now)
            case Ask(at, owed) if flows:
                meter.request(flows[at % len(flows)], owed)
            case Change(other):
                meter.change_rates(other, now)
            case Pass(seconds):
                now += seconds
        for grant in meter.grants(now):
            assert grant.size > 0
        pause = meter.next_grant(now)
        assert (pause is None) == (not meter.waiting)
        if pause is not None:
            now += pause + 0.001
            assert meter.grants(now)
    for number in tuple(meter._flows):
        meter.remove(number, 0, now)
    assert not meter.waiting
    assert not meter._flows


@settings(max_examples=examples(40))
@given(
    st.integers(1, 16),
    st.integers(1_000_000, 100_000_000),
    st.sampled_from([("A",), ("A", "B")]),
    st.integers(1, 64),
)
def test_copies_that_always_request_get_their_rate_and_equal_shares(
    count: int, rate: int, ses: tuple[str, ...], chunks: int
) -> None:
    """Over five seconds: within 5 % of the rate (and what one grant may be ahead), no copy far from another."""
    meter, now, end = RateLimiter(Rates(all=rate)), 0.0, 5.0
    for number in range(count):
        meter.add(number, Flow("upload", ses), now)
    share = meter.share(0)
    chunk = max(1, int(share * 0.1 * chunks / 64))
    allowed = [0] * count
    moved = [0] * count
    while now < end:
        for number in range(count):
            while allowed[number] >= 0:
                allowed[number] -= chunk
                moved[number] += chunk
            meter.request(number, -allowed[number])
        for grant in meter.grants(now):
            allowed[grant.number] += grant.size
        now += max(0.0005, meter.next_grant(now) or 0.0)
    wire = sum(moved) * len(ses)
    ahead = rate * (BURST + LEASE / count) + len(ses) * count * chunk
    assert wire <= rate * end + ahead
    assert wire >= 0.95 * rate * end - ahead
    assert max(moved) - min(moved) <= 2 * (share * LEASE + 2 * chunk + 4096)
