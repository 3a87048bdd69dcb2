"""The message with limits and storage elements."""

from __future__ import annotations

import pytest

from aliend.core.transfers.bandwidth import Rates
from aliend.core.transfers.scheduler import Limits
from aliend.engine.views import ElementView, LimitsInUse
from aliend.errors import UsageError
from aliend.services.messages.limits import limits_message, require_rate
from aliend.v1 import transfers_pb2

RESTS = ElementView("A::B::C", "resting", 0, 0, 4, 1_700_000_000.5, "open: the server did not answer for 60 s", 12.7)
TRIES = ElementView("A::B::D", "probing", 1, 1, 4, 0.0, "it rested", 0.0)


def test_a_backing_off_storage_element_has_an_end_and_a_reason() -> None:
    now = LimitsInUse(Limits(), {"download": 1, "copy": 2}, {one.se: one for one in (RESTS, TRIES)}, Rates(), {})
    reported = limits_message(now)
    first, second = reported.elements
    assert (first.se, first.state, first.retry_time.ToMilliseconds()) == (
        "A::B::C",
        transfers_pb2.ELEMENT_STATE_RESTING,
        1_700_000_000_500,
    )
    assert (first.copies, first.limit, first.max_limit, first.bytes_per_second) == (0, 0, 4, 12)
    assert first.reason == RESTS.why
    assert (second.state, second.copies, second.HasField("retry_time")) == (
        transfers_pb2.ELEMENT_STATE_PROBING,
        1,
        False,
    )
    assert dict(reported.running) == {"files": 3, "down": 1, "up": 0}


def test_rates_have_their_current_value() -> None:
    words = {"rate": "22:00-07:00 unlimited, else 20M", "A::B::C.rate": "1M"}
    reported = limits_message(LimitsInUse(Limits(), {}, {}, Rates(all=20 << 20, named={"A::B::C": 1 << 20}), words))
    assert {name: (one.schedule, one.bytes_per_second) for name, one in reported.rates.items()} == {
        "rate": (words["rate"], 20 << 20),
        "A::B::C.rate": ("1M", 1 << 20),
    }


@pytest.mark.parametrize("rate", [1, 1023, 2**63])
def test_an_invalid_rate_is_refused(rate: int) -> None:
    assert require_rate(0) == 0
    with pytest.raises(UsageError, match=str(rate)):
        require_rate(rate)
