"""Stores sessions in the database, or in memory if the database fails, so that commands such as `ls` still work."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from aliend.errors import StoreError
from aliend.store import IdentityRecord, SessionRecord, Store

log = logging.getLogger(__name__)

_MOST_UNSAVED = 1000


class SessionStore:
    """Reads and writes sessions; no method raises StoreError. Sessions only in memory end with the daemon."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unsaved: dict[str, SessionRecord] = {}

    async def get(self, name: str) -> SessionRecord | None:
        """Return the session with this name; None if it does not exist."""
        if name in self._unsaved:
            return self._unsaved[name]
        try:
            return await self._store.sessions.get(name)
        except StoreError as error:
            log.warning("cannot read a session: %s", error)
            return None

    async def latest(self, suffix: str) -> SessionRecord | None:
        """Return the most recently written session whose name ends with `suffix`; None if none exists."""
        unsaved = [record for name, record in self._unsaved.items() if name.endswith(suffix)]
        if unsaved:
            return unsaved[-1]
        try:
            return await self._store.sessions.latest(suffix)
        except StoreError:
            return None

    async def put(
        self, name: str, *, directory: str, previous: str, user: str, home: str, stack: Sequence[str]
    ) -> None:
        """Write a session; keep it in memory if the database fails."""
        self._unsaved.pop(name, None)
        try:
            await self._store.sessions.put(name, directory, previous, user=user, home=home, stack=stack)
        except StoreError as error:
            log.warning("a session is only in memory: %s", error)
            self._unsaved[name] = SessionRecord(name, directory, previous, user, home, tuple(stack))
            while len(self._unsaved) > _MOST_UNSAVED:
                del self._unsaved[next(iter(self._unsaved))]

    async def identity(self, name: str) -> IdentityRecord | None:
        """Return the identity of a session; None if the database is unreadable."""
        try:
            return await self._store.identities.get(name)
        except StoreError:
            return None

    async def put_identity(self, name: str, record: IdentityRecord) -> None:
        """Write the identity of a session, if the database is writable."""
        try:
            await self._store.identities.put(name, record)
        except StoreError as error:
            log.warning("the role and site of a session are only in memory: %s", error)
