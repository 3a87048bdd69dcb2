"""Stores sessions in the database, or in memory if the database fails, so that commands such as `ls` still work.

A session named `once:ID:SESSION` is a copy of SESSION for one command line. Its changes stay in memory until the line
ends: scripts without a terminal do not change each other's working directory.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from aliend.core.cli.session_names import is_temporary, line_id, permanent_name
from aliend.errors import StoreError
from aliend.store import IdentityRecord, SessionRecord, Store

log = logging.getLogger(__name__)

_MOST_UNSAVED = 1000


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """The account of a context: user and home, and the stamp of the credential's files when the service reported it."""

    user: str
    home: str
    stamp: str


def _account_key(suffix: str) -> str:
    """Return the key of an account, which differs from those of sessions in its end (see `SessionStore.latest`)."""
    return f"{suffix} account"


@dataclass(slots=True)
class _Line:
    """The changes of a running command line."""

    sessions: dict[str, SessionRecord] = field(default_factory=dict)
    identities: dict[str, IdentityRecord] = field(default_factory=dict)


class SessionStore:
    """Reads and writes sessions; no method raises StoreError. Sessions only in memory end with the daemon."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unsaved: dict[str, SessionRecord] = {}
        self._lines: dict[str, _Line] = {}

    def begin_line(self, name: str) -> bool:
        """Begin the command line of a session `once:...`; return whether it is new, so that the caller must end it."""
        if not is_temporary(name) or line_id(name) in self._lines:
            return False
        self._lines[line_id(name)] = _Line()
        return True

    def end_line(self, name: str) -> None:
        """Discard the changes of the command line of a session `once:...`."""
        self._lines.pop(line_id(name), None)

    def _line(self, name: str) -> _Line:
        return self._lines.get(line_id(name)) or _Line()

    async def get(self, name: str) -> SessionRecord | None:
        """Return the session with this name; None if it does not exist."""
        if is_temporary(name):
            changed = self._line(name).sessions.get(name)
            return changed or await self.get(permanent_name(name))
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
        if is_temporary(name):
            self._line(name).sessions[name] = SessionRecord(name, directory, previous, user, home, tuple(stack))
            return
        self._unsaved.pop(name, None)
        try:
            await self._store.sessions.put(name, directory, previous, user=user, home=home, stack=stack)
        except StoreError as error:
            log.warning("cannot save a session; it is kept in memory only: %s", error)
            self._unsaved[name] = SessionRecord(name, directory, previous, user, home, tuple(stack))
            while len(self._unsaved) > _MOST_UNSAVED:
                del self._unsaved[next(iter(self._unsaved))]

    async def account(self, suffix: str) -> AccountRecord | None:
        """Return the account of a context, whose keys end in `suffix`; None if it is not known."""
        record = await self.get(_account_key(suffix))
        return AccountRecord(record.user, record.home, record.previous) if record else None

    async def put_account(self, suffix: str, account: AccountRecord) -> None:
        """Write the account of a context, as a session whose previous directory is the stamp."""
        key, home = _account_key(suffix), account.home
        await self.put(key, directory=home, previous=account.stamp, user=account.user, home=home, stack=())

    async def identity(self, name: str) -> IdentityRecord | None:
        """Return the identity of a session; None if the database is unreadable."""
        if is_temporary(name):
            return self._line(name).identities.get(name) or await self.identity(permanent_name(name))
        try:
            return await self._store.identities.get(name)
        except StoreError:
            return None

    async def put_identity(self, name: str, record: IdentityRecord) -> None:
        """Write the identity of a session, if the database is writable."""
        if is_temporary(name):
            self._line(name).identities[name] = record
            return
        try:
            await self._store.identities.put(name, record)
        except StoreError as error:
            log.warning("cannot save the role and site of a session; they are kept in memory only: %s", error)
