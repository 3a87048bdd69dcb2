"""The parts of a running daemon, as commands and services receive them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from aliend.central.catalogue import Catalogue
from aliend.central.connection.login import Ledger
from aliend.central.session import Central
from aliend.central.tokens import Tokens
from aliend.config import Settings
from aliend.core.connection.context import Context
from aliend.engine import Engine
from aliend.scratch_files import Scratch
from aliend.stdin_spool import StdinFiles
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.store import Store
from aliend.user_sessions import UserSessions


class CentralSessions:
    """One `Central` for each context that was used; each opens its connections only when needed."""

    def __init__(self) -> None:
        self._centrals: dict[Context, Central] = {}
        self._watchers: set[asyncio.Event] = set()
        self._ledger = Ledger()

    def of(self, context: Context) -> Central:
        """Return the session of `context`."""
        if context not in self._centrals:
            self._centrals[context] = Central(context, tell=self._tell, ledger=self._ledger)
        return self._centrals[context]

    def catalogue_of(self, context: Context) -> Catalogue:
        """Return the typed operations of `context`."""
        return Catalogue(self.of(context))

    def bulk_catalogue_of(self, context: Context) -> Catalogue:
        """Return the same for background work, which must never delay what a user waits for."""
        return Catalogue(self.of(context), bulk=True)

    def all(self) -> list[Central]:
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
                await asyncio.wait_for(event.wait(), within)
        finally:
            self._watchers.discard(event)

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(central.close() for central in self._centrals.values()))

    def _tell(self) -> None:
        for event in self._watchers:
            event.set()


class Runtime:
    """The parts of the daemon. `settings` are those of the start; `context` reads the files again."""

    def __init__(
        self, settings: Settings, store: Store, centrals: CentralSessions, engine: Engine, workers: WorkerPool
    ) -> None:
        self.settings = settings
        self.store = store
        self.central_sessions = centrals
        self.engine = engine
        self.workers = workers
        self.scratch = Scratch(Path(settings.state_directory) / "scratch")
        self.sessions = UserSessions(store, centrals.catalogue_of)
        self.stdin_files = StdinFiles(Path(settings.state_directory) / "stdin", engine)
        self.tokens = Tokens()
        self.reminded: dict[tuple[str, Context], float] = {}
        """When (monotonic seconds) a session was told that its certificate is about to end."""
        self.statuses: dict[str, int] = {}
        """The exit code of the last command of each session."""
        self.command_lists: dict[Context, frozenset[str]] = {}
        """What the service of each context lists as its commands."""
        self.started = time.time()
        self.stopping = False
        """The daemon is about to end: a foreground command that ends now leaves its job alone."""

    def context(self, environment: Mapping[str, str] | None) -> Context:
        """Return the context of a caller with this environment (None: the daemon's own). Raises ConfigurationError."""
        self.settings = self.settings.refreshed()
        return self.settings.context(environment)
