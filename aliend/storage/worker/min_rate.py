"""Enforces the minimum rate of a replica, measured over the time spent waiting for bytes."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator

from aliend.storage.errors import StorageError

MEASURE_INTERVAL = 10.0
"""Seconds of waiting over which each measurement of the rate extends."""


def require_min_rate(chunks: Iterator[bytes], min_rate: int) -> Iterator[bytes]:
    """Yield the chunks. Raises StorageError `transient` below `min_rate` bytes per second (0: no limit).

    Only the time spent waiting for the server counts, not the time to process the bytes.
    """
    if not min_rate:
        yield from chunks
        return
    waited, received, begin = 0.0, 0, time.monotonic()
    for data in chunks:
        waited += time.monotonic() - begin
        received += len(data)
        if waited >= MEASURE_INTERVAL:
            if received < min_rate * waited:
                raise StorageError(
                    f"too slow: {received / waited:.0f} bytes/s, the minimum is {min_rate} bytes/s",
                    "transient",
                    5.0,
                ).with_errno(errno.ETIMEDOUT)
            waited, received = 0.0, 0
        yield data
        begin = time.monotonic()
