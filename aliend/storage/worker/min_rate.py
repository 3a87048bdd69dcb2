"""Whether a replica is fast enough: the rate is looked at over spans of time in which bytes were waited for."""

from __future__ import annotations

import time
from collections.abc import Iterator

from aliend.storage.errors import StorageError

MEASURE_INTERVAL = 10.0
"""Seconds of waiting after which the rate is judged, and again after as many."""


def require_min_rate(chunks: Iterator[bytes], least: int) -> Iterator[bytes]:
    """The chunks; StorageError `transient` when they come with less than `least` bytes a second (0: no limit).

    Only the time in which the server was waited for counts, not what becomes of the bytes here.
    """
    if not least:
        yield from chunks
        return
    waited, came, begin = 0.0, 0, time.monotonic()
    for data in chunks:
        waited += time.monotonic() - begin
        came += len(data)
        if waited >= MEASURE_INTERVAL:
            if came < least * waited:
                raise StorageError(
                    f"it gives {came / waited:.0f} bytes a second, and at least {least} were asked for",
                    "transient",
                    5.0,
                )
            waited, came = 0.0, 0
        yield data
        begin = time.monotonic()
