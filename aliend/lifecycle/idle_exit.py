"""Ends a daemon that is not used for `[daemon] idle_exit` seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from aliend.errors import StoreError
from aliend.runtime import Runtime

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 60.0
"""Longest time between two checks in seconds."""


async def stop_when_idle(parts: Runtime, stop: asyncio.Event, reloaded: asyncio.Event) -> None:
    """Set `stop` after `idle_exit` seconds without a call, a watch, an unfinished job and a bridge.

    `reloaded` is set when the configuration was read again; the next check follows at once.
    """
    last_use = time.monotonic()
    while not stop.is_set():
        limit = parts.settings.idle_exit
        with suppress(TimeoutError):
            async with asyncio.timeout(min(limit, _LONGEST_PAUSE) if limit else _LONGEST_PAUSE):
                await reloaded.wait()
        if reloaded.is_set():
            reloaded.clear()
            continue
        now = time.monotonic()
        if parts.bridge is not None or not parts.activity.is_none or await _has_jobs(parts):
            last_use = now
        last_use = max(last_use, parts.activity.last_end)
        if limit and now - last_use >= limit:
            log.info("exiting: not used for %d s (idle_exit)", limit)
            stop.set()


async def _has_jobs(parts: Runtime) -> bool:
    """Return whether an unfinished job exists; true without a database, so that the daemon stays."""
    try:
        return bool(await parts.engine.jobs(1, active_only=True))
    except StoreError:
        return True
