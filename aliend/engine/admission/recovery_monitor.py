"""Notices that the server of a storage element that backs off answers again, so that it is used within seconds.

A back-off lasts up to ten minutes. A server that did not answer a ping and then does ends it: one copy tries the
element at once. A server that always answers, although copies fail, is not used until the back-off is over.
"""

from __future__ import annotations

import asyncio
import logging

from aliend.core.cli.log_records import facts
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.ports import EngineContext
from aliend.errors import CopyError, StoreError
from aliend.storage.tasks import Probe

log = logging.getLogger(__name__)

PING_INTERVAL = 5.0
"""Seconds between two pings of a server."""
_PING_LIMIT = 3.0
"""Seconds within which a server must answer."""


class RecoveryMonitor:
    """Pings the servers of storage elements while they back off."""

    def __init__(self, context: EngineContext, limiter: StorageElementLimiter) -> None:
        self._context = context
        self._limiter = limiter
        self._task: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Start to ping, unless it does already or no element backs off."""
        if (self._task is None or self._task.done()) and self._limiter.resting_servers():
            self._task = self._context.tasks.create_task(self._run())

    async def _run(self) -> None:
        silent: set[str] = set()
        while servers := self._limiter.resting_servers():
            answers = await asyncio.gather(*(self._answers(server) for server in servers.values()))
            for se, has_answered in zip(servers, answers, strict=True):
                if not has_answered and se not in silent:
                    silent.add(se)
                    log.info("its server does not answer a ping", extra=facts(se=se))
                elif has_answered and se in silent:
                    log.info("its server answers again; one copy tries it now", extra=facts(se=se))
                    silent.discard(se)
                    await self._try(se)
            await asyncio.sleep(PING_INTERVAL)

    async def _try(self, se: str) -> None:
        """Let one copy try the element; the others wait for its result."""
        self._limiter.record_reachable(se)
        try:
            await self._context.store.end_waits(se, 1)
        except StoreError as error:
            log.warning("cannot start the waiting files yet: %s", error, extra=facts(se=se))
        self._context.wake()

    async def _answers(self, server: str) -> bool:
        try:
            probed = await self._context.workers.run(Probe(0, server, "ping", limit=_PING_LIMIT), lambda _: None)
        except CopyError:
            return False
        return probed.ok
