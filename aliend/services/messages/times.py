"""Converts times between POSIX milliseconds or seconds and the messages `Timestamp` and `Duration`."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from aliend.errors import UsageError


def timestamp(milliseconds: int) -> Timestamp | None:
    """Return the message for POSIX milliseconds; None, which leaves a field unset, for 0."""
    if not milliseconds:
        return None
    seconds, rest = divmod(milliseconds, 1000)
    return Timestamp(seconds=seconds, nanos=rest * 1_000_000)


def milliseconds_of(time: Timestamp) -> int:
    """Return POSIX milliseconds; 0 for an unset field."""
    return time.seconds * 1000 + time.nanos // 1_000_000


def duration(seconds: float) -> Duration | None:
    """Return the message for seconds; None, which leaves a field unset, for 0."""
    if not seconds:
        return None
    whole, nanos = divmod(round(seconds * 1_000_000_000), 1_000_000_000)
    return Duration(seconds=whole, nanos=nanos)


def seconds_of(length: Duration, name: str, most: float) -> float:
    """Return the seconds of a field; 0 for an unset one. Raises UsageError if it is negative or longer than `most`."""
    seconds = length.seconds + length.nanos / 1_000_000_000
    if not 0 <= seconds <= most:
        raise UsageError(f"{name} must be 0 to {most:g} s, not {seconds:g} s")
    return seconds
