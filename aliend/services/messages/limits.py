"""Builds the message with the limits, the running copies and the storage elements in use."""

from __future__ import annotations

from aliend.core.cli.units import MAX_RATE, MIN_RATE
from aliend.core.transfers.job import MAX_PRIORITY
from aliend.engine.views import ElementView, LimitsInUse
from aliend.errors import UsageError
from aliend.services.messages.times import timestamp
from aliend.v1 import transfers_pb2

_STATES = {
    "working": transfers_pb2.ELEMENT_STATE_WORKING,
    "resting": transfers_pb2.ELEMENT_STATE_RESTING,
    "probing": transfers_pb2.ELEMENT_STATE_PROBING,
}


def limits_message(limits: LimitsInUse) -> transfers_pb2.Limits:
    """Return the message for `limits`."""
    return transfers_pb2.Limits(
        files=limits.table(),
        running=limits.running(),
        rates={
            name: transfers_pb2.Bandwidth(schedule=schedule, bytes_per_second=limits.rate_now(name))
            for name, schedule in limits.rate_texts.items()
        },
        elements=[_element(element) for element in limits.elements.values()],
    )


def require_rate(rate: int) -> int:
    """Return the rate in bytes per second if it is valid or 0. Raises UsageError."""
    if rate and not MIN_RATE <= rate <= MAX_RATE:
        raise UsageError(f"a rate must be {MIN_RATE} to {MAX_RATE} bytes/s, or 0 for no limit, not {rate}")
    return rate


def require_priority(priority: int) -> None:
    """Raise UsageError for a priority out of range."""
    if abs(priority) > MAX_PRIORITY:
        raise UsageError(f"priority must be -{MAX_PRIORITY} to {MAX_PRIORITY}, not {priority}")


def _element(element: ElementView) -> transfers_pb2.ElementStatus:
    return transfers_pb2.ElementStatus(
        se=element.se,
        state=_STATES[element.state],
        copies=element.copies,
        limit=element.limit,
        max_limit=element.most,
        retry_time=timestamp(int(element.until * 1000)),
        reason=element.why,
        bytes_per_second=int(element.speed),
    )
