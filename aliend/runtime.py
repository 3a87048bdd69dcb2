"""The parts of a running daemon, as commands and services receive them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from aliend.central.catalogue import Catalogue
from aliend.central.connection.login import ThrottleLedger
from aliend.central.session import CentralSession
from aliend.central.tokens import Tokens
from aliend.config import Settings
from aliend.core.connection.context import Context
from aliend.engine import Engine
from aliend.lifecycle.activity import Activity
from aliend.lifecycle.log_file import log_problem
from aliend.scratch_files import Scratch
from aliend.session_store import SessionStore
from aliend.stdin_spool import StdinFiles
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.store import Store
from aliend.user_sessions import UserSessions


class CentralSessions:
    """One `Central` for each context that was asked for; each opens its connections only when needed."""

    def __init__(self) -> None:
        self._centrals: dict[Context, CentralSession] = {}
        self._watchers: set[asyncio.Event] = set()
        self._ledger = ThrottleLedger()

    def of(self, context: Context) -> CentralSession:
        """The one that serves `context`."""
        if context not in self._centrals:
            self._centrals[context] = CentralSession(context, on_status_change=self._tell, ledger=self._ledger)
        return self._centrals[context]

    def catalogue_of(self, context: Context) -> Catalogue:
        """The typed operations of `context`."""
        return Catalogue(self.of(context))

    def bulk_catalogue_of(self, context: Context) -> Catalogue:
        """The same for work that must never delay what a user waits for."""
        return Catalogue(self.of(context), bulk=True)

    def all(self) -> list[CentralSession]:
        """Every one that was asked for since the start."""
        return list(self._centrals.values())

    def contexts(self) -> list[Context]:
        """Every context that was asked for since the start."""
        return list(self._centrals)

    def is_connected(self, context: Context) -> bool:
        """Whether there is a connection of `context`."""
        return context in self._centrals and self._centrals[context].status().connections > 0

    async def changed(self, within: float) -> None:
        """Return when the status of one of them may have changed, at the latest after `within` seconds."""
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
    """What the daemon is made of. `settings` are those of the start; `context` looks at the files again."""

    def __init__(
        self, settings: Settings, store: Store, centrals: CentralSessions, engine: Engine, workers: WorkerPool
    ) -> None:
        self.settings = settings
        self.socket = settings.socket
        """Where the daemon listens now."""
        self.store = store
        self.central_sessions = centrals
        self.engine = engine
        self.workers = workers
        self.scratch = Scratch(Path(settings.state_directory) / "scratch")
        self.sessions = UserSessions(SessionStore(store), centrals.catalogue_of)
        self.stdin_files = StdinFiles(Path(settings.state_directory) / "stdin", engine)
        self.tokens = Tokens()
        self.reminded: dict[tuple[str, Context], float] = {}
        """When (monotonic seconds) a session was told that its certificate is about to end."""
        self.statuses: dict[str, int] = {}
        """The exit code of the last command of each session."""
        self.command_lists: dict[Context, frozenset[str]] = {}
        """What the service of each context lists as its commands."""
        self.activity = Activity()
        self.started = time.time()
        self.stopping = False
        """The daemon is about to end: a foreground command that ends now leaves its job alone."""

    def warnings(self) -> list[str]:
        """What the user should know about this daemon, as sentences."""
        own = filter(None, [self.settings.state_note, log_problem()])
        return [*own, *self.store.warnings(), *self.tokens.warnings()]

    def context(self, environment: Mapping[str, str] | None) -> Context:
        """The context of a caller with this environment (None: the daemon's own). Raises ConfigurationError."""
        self.settings = self.settings.refreshed()
        return self.settings.context(environment)
