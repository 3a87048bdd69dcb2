"""The limits of copies and the storage elements in use, as messages."""

from __future__ import annotations

from aliend.core.cli.units import HIGHEST, LOWEST
from aliend.engine.views import ElementView, LimitsInUse
from aliend.errors import UsageError
from aliend.v1 import transfers_pb2

_STATES = {
    "working": transfers_pb2.ELEMENT_WORKING,
    "resting": transfers_pb2.ELEMENT_RESTING,
    "probing": transfers_pb2.ELEMENT_PROBING,
}


def limits_of(now: LimitsInUse) -> transfers_pb2.Limits:
    """All that is to be told of them."""
    return transfers_pb2.Limits(
        files=now.table(),
        running=now.running(),
        rates={
            name: transfers_pb2.Bandwidth(set=words, now=now.rate_now(name)) for name, words in now.rate_texts.items()
        },
        elements=[_element(one) for one in now.elements.values()],
    )


def require_rate(rate: int) -> int:
    """The same number of bytes a second, or 0. Raises UsageError."""
    if rate and not LOWEST <= rate <= HIGHEST:
        raise UsageError(f"a rate has {LOWEST} to {HIGHEST} bytes a second, or is 0 for none, not {rate}")
    return rate


def _element(one: ElementView) -> transfers_pb2.StorageElement:
    return transfers_pb2.StorageElement(
        se=one.se,
        state=_STATES[one.state],
        copies=one.copies,
        limit=one.limit,
        most=one.most,
        until_ms=int(one.until * 1000),
        why=one.why,
        bytes_per_second=int(one.speed),
    )
