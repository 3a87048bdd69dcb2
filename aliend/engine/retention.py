"""Deletes the history of jobs that ended long ago, and old sessions of Python programs, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aliend.errors import StoreError
from aliend.store import Store

log = logging.getLogger(__name__)

_DAY = 86400.0
_INTERVAL = 3600.0
_SESSION_DAYS = 30
"""Days after which an unused session is deleted; its program then starts in the home directory again."""
_PAUSE = 0.05
"""Seconds between two small transactions, so that others get the database."""


async def prune_history(store: Store, clock: Callable[[], float], keep_days: Callable[[], int]) -> None:
    """Delete jobs that ended more than `keep_days` days ago (0: keep all), and sessions, until it is cancelled."""
    while True:
        rows, days = 0, keep_days()
        try:
            while days and (deleted := await store.history.prune(int((clock() - days * _DAY) * 1000))):
                rows += deleted
                await asyncio.sleep(_PAUSE)
            await store.sessions.expire(int((clock() - _SESSION_DAYS * _DAY) * 1000))
        except StoreError as error:
            log.warning("cannot delete old jobs and sessions: %s", error)
        if rows:
            log.info("deleted jobs that ended more than %d days ago: %d rows", days, rows)
        await asyncio.sleep(_INTERVAL)
