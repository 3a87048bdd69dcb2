"""Writes the figures for monitoring to the file of `[metrics] textfile`, if one is configured; otherwise only waits."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from aliend.metrics import write_textfile
from aliend.runtime import Runtime

log = logging.getLogger(__name__)

_INTERVAL = 30.0
"""Seconds between two files; Prometheus usually scrapes every 15 to 60."""


async def write_metrics(runtime: Runtime, reloaded: asyncio.Event) -> None:
    """Write the file again and again until this is cancelled; `reloaded` is set after the configuration has changed."""
    problem = ""
    while True:
        path = runtime.settings.metrics_file
        if path:
            before, problem = problem, await _write(runtime, Path(path))
            if problem and problem != before:
                log.warning("cannot write the metrics %s: %s", path, problem)
        with suppress(TimeoutError):
            async with asyncio.timeout(_INTERVAL if path else None):
                await reloaded.wait()
            reloaded.clear()


async def _write(runtime: Runtime, path: Path) -> str:
    """Write the file; return why it was not written (empty: it was)."""
    try:
        await write_textfile(runtime, path)
    except OSError as error:
        return error.strerror or str(error)
    return ""
