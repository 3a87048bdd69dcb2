"""Holds the parts of a running daemon, which commands and services use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aliend.central.sessions import CentralSessions
from aliend.central.tokens import Tokens
from aliend.config import Settings
from aliend.core.connection.context import Context
from aliend.engine import Engine
from aliend.errors import ConfigurationError
from aliend.lifecycle.activity import Activity, ForegroundJobs
from aliend.lifecycle.log_file import log_problem
from aliend.scratch_files import Scratch
from aliend.session_store import SessionStore
from aliend.stdin_spool import StdinSpool
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.store import Store
from aliend.user_sessions import UserSessions

if TYPE_CHECKING:
    from aliend.bridge.server import Bridge


class Runtime:
    """The parts of the daemon. `settings` are the last valid ones; `context` first reads changed files again."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        centrals: CentralSessions,
        engine: Engine,
        workers: WorkerPool,
        umask: int = 0o077,
    ) -> None:
        self.settings = settings
        self._configuration_problem = ""
        self.socket = settings.socket
        """The path on which the daemon listens now."""
        self.umask = umask
        """The umask of the process that started the daemon, for callers without one; the daemon itself uses 077."""
        self.store = store
        self.central_sessions = centrals
        self.engine = engine
        self.workers = workers
        self.scratch = Scratch(Path(settings.state_directory) / "scratch")
        self.sessions = UserSessions(SessionStore(store), centrals.catalogue_of)
        self.stdin_files = StdinSpool(Path(settings.state_directory) / "stdin", engine)
        self.tokens = Tokens()
        self.reminded: dict[tuple[str, Context], float] = {}
        """The time (monotonic seconds) of the last warning to a session that its certificate expires soon."""
        self.statuses: dict[str, int] = {}
        """The exit code of the last command of each session."""
        self.command_lists: dict[tuple[Context, tuple[int, ...]], frozenset[str]] = {}
        """The commands that the service lists, for each context and stamp of its credential's files."""
        self.activity = Activity()
        self.foreground = ForegroundJobs()
        self.bridge_lock = asyncio.Lock()
        """Held while the bridge is turned on or off."""
        self.bridge: Bridge | None = None
        """The websocket for other programs; None: it is off (see `aliend.commands.grid.bridge`)."""
        self.started = time.time()
        self.stopping = False
        """The daemon is about to exit: a foreground command that ends now does not cancel its job."""

    def warnings(self) -> list[str]:
        """Return the warnings about this daemon, as sentences."""
        self._refresh()
        own = filter(None, [self.settings.state_note, self._configuration_problem, log_problem()])
        return [*own, *self.store.warnings(), *self.tokens.warnings()]

    def context(self, environment: Mapping[str, str] | None, directory: str = "") -> Context:
        """Return the context of a caller with this environment (None: the daemon's own) and current directory.

        Raises ConfigurationError.
        """
        self._refresh()
        return self.settings.context(environment, directory)

    def _refresh(self) -> None:
        """Read changed configuration files again; keep the last valid settings where they are not valid."""
        try:
            self.settings, self._configuration_problem = self.settings.refreshed(), ""
        except ConfigurationError as error:
            advice = "aliend uses the last valid settings; check the file with `alienctl daemon check`"
            self._configuration_problem = f"{error}; {advice}"
