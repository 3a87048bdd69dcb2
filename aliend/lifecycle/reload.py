"""Applies a changed configuration to the running daemon, and reports the settings that need a restart."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from aliend.config import Tables, load
from aliend.core.cli import transfer_settings
from aliend.errors import ConfigurationError
from aliend.lifecycle import log_file
from aliend.runtime import Runtime

log = logging.getLogger(__name__)

_NEED_RESTART = {("transfers", key) for key in transfer_settings.NEED_RESTART}
"""Tables and keys that the daemon reads only at its start."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Descriptions of the changes: those that apply now, and those that apply after a restart."""

    applied: tuple[str, ...]
    after_restart: tuple[str, ...]


class Reloader:
    """Applies the configuration files to the parts of a running daemon."""

    def __init__(self, parts: Runtime) -> None:
        self._parts = parts
        self._started_with = parts.settings.values
        self._applied = parts.settings.values
        self.reloaded = asyncio.Event()
        """Set after each successful reload, for the idle exit; `metrics_changed` for the file with metrics."""
        self.metrics_changed = asyncio.Event()

    def reload(self) -> Reloaded:
        """Read the files, apply them and log the changes.

        Raises ConfigurationError, with nothing changed, if they are not valid.
        """
        parts = self._parts
        settings = load(parts.settings.profile, parts.settings.environment)
        settings.context()
        limits = settings.limits
        parts.settings = settings
        parts.engine.set_limits(
            files=limits.files, files_per_se=limits.files_per_se, keep_free_mib=limits.keep_free_mib
        )
        log_file.configure(settings.log)
        self.reloaded.set()
        self.metrics_changed.set()
        before, self._applied = self._applied, settings.values
        applied = [text for key, text in _changes(before, settings.values) if key not in _NEED_RESTART]
        waiting = [text for key, text in _changes(self._started_with, settings.values) if key in _NEED_RESTART]
        log.info("configuration reloaded: %s", "; ".join(applied) or "nothing has changed")
        for text in waiting:
            log.warning("this needs a restart: %s", text)
        return Reloaded(tuple(applied), tuple(waiting))

    def on_signal(self) -> None:
        """Reload, and log an error."""
        try:
            self.reload()
        except ConfigurationError as error:
            log.error("the configuration was not reloaded: %s", error)


def _changes(before: Tables, after: Tables) -> list[tuple[tuple[str, str], str]]:
    """Return each changed key with a description."""
    keys = sorted({(table, key) for tables in (before, after) for table, values in tables.items() for key in values})
    found = []
    for table, key in keys:
        old, new = (tables.get(table, {}).get(key) for tables in (before, after))
        if old != new:
            found.append(((table, key), f"[{table}] {key} is {_shown(new)} (was {_shown(old)})"))
    return found


def _shown(value: object) -> str:
    return "not set" if value is None else str(value)
