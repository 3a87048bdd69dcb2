"""The sessions with the central service, one for each context."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from aliend.central.catalogue import Catalogue
from aliend.core.connection.context import Context

if TYPE_CHECKING:
    from aliend.central.connection.login import ThrottleLedger
    from aliend.central.session import CentralSession


class CentralSessions:
    """One `CentralSession` for each context that was used; each opens its connections only when needed.

    The first one imports the libraries for websockets and TLS, so that the daemon starts without them.
    """

    def __init__(self) -> None:
        self._centrals: dict[Context, CentralSession] = {}
        self._watchers: set[asyncio.Event] = set()

    def of(self, context: Context) -> CentralSession:
        """Return the session of `context`."""
        if context not in self._centrals:
            from aliend.central.session import CentralSession

            self._centrals[context] = CentralSession(
                context, on_status_change=self._notify_watchers, ledger=self._ledger
            )
        return self._centrals[context]

    @cached_property
    def _ledger(self) -> ThrottleLedger:
        from aliend.central.connection.login import ThrottleLedger

        return ThrottleLedger()

    def catalogue_of(self, context: Context) -> Catalogue:
        """Return the typed operations of `context`."""
        return Catalogue(self.of(context))

    def bulk_catalogue_of(self, context: Context) -> Catalogue:
        """Return the same for background work, which must never delay what a user waits for."""
        return Catalogue(self.of(context), bulk=True)

    def all(self) -> list[CentralSession]:
        """Return every session used since the start."""
        return list(self._centrals.values())

    def contexts(self) -> list[Context]:
        """Return every context used since the start."""
        return list(self._centrals)

    def is_connected(self, context: Context) -> bool:
        """Return whether `context` has a connection."""
        return context in self._centrals and self._centrals[context].status().connections > 0

    async def changed(self, within: float) -> None:
        """Wait until the status of a session may have changed, at most `within` seconds."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await event.wait()
        finally:
            self._watchers.discard(event)

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(central.close() for central in self._centrals.values()))

    def _notify_watchers(self) -> None:
        for event in self._watchers:
            event.set()
