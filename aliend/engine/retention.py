"""Keeps the history of jobs from growing for ever: what ended long enough ago is forgotten, slowly, beside the work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aliend.errors import StoreError
from aliend.store import Store

log = logging.getLogger(__name__)

_DAY = 86400.0
_INTERVAL = 3600.0
_PAUSE = 0.05
"""Seconds between two small transactions, for those who wait for the database."""


async def prune_history(store: Store, clock: Callable[[], float], keep_days: Callable[[], int]) -> None:
    """Forget jobs that ended more than `keep_days` days ago, until it is cancelled; 0 days: none is forgotten."""
    while True:
        rows, days = 0, keep_days()
        try:
            while days and (gone := await store.prune(int((clock() - days * _DAY) * 1000))):
                rows += gone
                await asyncio.sleep(_PAUSE)
        except StoreError as error:
            log.warning("old jobs cannot be forgotten: %s", error)
        if rows:
            log.info("jobs that ended more than %d days ago are forgotten: %d rows", days, rows)
        await asyncio.sleep(_INTERVAL)
