"""The user's sessions: each has a working directory, which is stored and survives reconnects and restarts.

A session's key in the store includes the service and the credential, because a directory of one service may not exist
at another. The key of a session named after a terminal (`sid:N`) includes the boot id, because the numbers repeat.
Sessions named `once:ID:SESSION` end with their command line, see `aliend.session_store`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from aliend.central.catalogue import Catalogue
from aliend.central.credentials.certificates import stamp_of
from aliend.core.catalogue import paths
from aliend.core.cli.session_names import is_temporary, permanent_name
from aliend.core.connection.context import Context
from aliend.errors import NotConnected, RoleRefused, ServiceError, UsageError
from aliend.session_store import AccountRecord, SessionStore
from aliend.store import IdentityRecord

NOT_A_DIRECTORY = 20
_NO_FILES = "0"
"""The stamp of credentials without any file."""
NO_SUCH_FILE = 2
_MAX_CACHED = 1000
"""Sessions whose choices are cached."""


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session: account, home, directory and the previous one (LFNs that end in `/`; empty: unknown).

    `stack` are the directories below the working directory on the stack of `pushd`.
    """

    name: str
    user: str
    home: str
    directory: str
    previous: str
    stack: tuple[str, ...] = ()


class UserSessions:
    """All sessions. `catalogue_of` returns the typed operations of a context."""

    def __init__(self, store: SessionStore, catalogue_of: Callable[[Context], Catalogue]) -> None:
        self._store = store
        self._catalogue_of = catalogue_of
        self._accounts: dict[Context, AccountRecord] = {}
        self._choices: dict[str, IdentityRecord] = {}
        self._boot = _boot_id()

    async def context_of(self, name: str, context: Context) -> Context:
        """Return `context` with the role, site and timing that the session `name` chose."""
        choice = await self._choice(name, context)
        has_role = choice.role and context.role in (choice.role, choice.role_before)
        has_site = choice.site and context.site in (choice.site, choice.site_before)
        role, site = choice.role if has_role else context.role, choice.site if has_site else context.site
        return replace(context, role=role, site=site, timing=choice.timing)

    async def switch_account(self, name: str, context: Context, role: str) -> SessionState:
        """Let the session act as another account. Raises RoleRefused if it may not."""
        choice = await self._choice(name, context)
        own = replace(context, role=choice.role_before if choice.role else context.role)
        try:
            before = await self.state(name, context)
        except RoleRefused:  # a new credential may not have the role that the session chose before
            before = await self.state(name, own)
        wanted = replace(own, role=role)
        if (await self.account(own))[0] == role:
            wanted, role = own, ""
        user, home = await self.account(wanted)
        await self._choose(name, context, replace(choice, role=role, role_before=own.role))
        state = SessionState(name, user, home, before.directory, before.previous, before.stack)
        return await self._save(state, wanted)

    async def choose_site(self, name: str, context: Context, site: str) -> None:
        """Choose storage for the session as for a client at `site`."""
        choice = await self._choice(name, context)
        before = choice.site_before if choice.site else context.site
        await self._choose(name, context, replace(choice, site=site, site_before=before))

    async def choose_timing(self, name: str, context: Context, *, is_on: bool) -> None:
        """Set whether the service reports its processing time to the session."""
        await self._choose(name, context, replace(await self._choice(name, context), timing=is_on))

    async def state(self, name: str, context: Context, *, restore: bool = False) -> SessionState:
        """Return the session `name`; a new one starts in the home, or if `restore` in the last directory used.

        Raises NotConnected if the home is needed and the service cannot be reached.
        """
        user, home = await self.account(context)
        if (state := await self.stored(name, context)) is not None:
            # who has not left the home is in the new one when the credential changes
            directory = home if state.directory == state.home else state.directory
            return replace(state, user=user, home=home, directory=directory)
        directory = home
        latest = await self._store.latest(_suffix(context)) if restore and not is_temporary(name) else None
        if latest is not None and latest.directory != latest.home:
            directory = latest.directory
        return await self._save(SessionState(name, user, home, directory, ""), context)

    async def stored(self, name: str, context: Context) -> SessionState | None:
        """Return the stored session without any request; None if it does not exist yet."""
        record = await self._store.get(self._key(name, context))
        if record is None:
            return None
        return SessionState(name, record.user, record.home, record.directory, record.previous, record.stack)

    async def change_directory(self, name: str, context: Context, destination: str) -> SessionState:
        """Change to `destination` (an LFN, `-`, or empty: home). Raises ServiceError like the service's `cd`."""
        state = await self.state(name, context)
        if destination == "-" and not state.previous:
            raise UsageError("cd -: this session has no previous directory")
        target = (
            state.previous if destination == "-" else paths.resolve(destination or "~", state.directory, state.home)
        )
        directory = await self.directory(context, target)
        return await self._save(replace(state, directory=directory, previous=state.directory), context)

    async def save_stack(self, state: SessionState, context: Context, stack: tuple[str, ...]) -> SessionState:
        """Save the whole stack of a session; its first entry becomes the directory."""
        previous = state.directory if stack[0] != state.directory else state.previous
        moved = replace(state, directory=stack[0], previous=previous, stack=stack[1:])
        return await self._save(moved, context)

    async def directory(self, context: Context, lfn: str) -> str:
        """Return the canonical name of a directory. Raises ServiceError like the service's `cd`."""
        entries, _ = await self._catalogue_of(context).stat([lfn])
        if not entries:
            raise ServiceError("cd", NO_SUCH_FILE, f"No such file or directory : {lfn}")
        if not entries[0].is_directory:
            raise ServiceError("cd", NOT_A_DIRECTORY, f"Not a directory : {lfn}")
        return entries[0].lfn

    def begin_line(self, name: str) -> bool:
        """Return whether the command line that begins now ends the session `name` (see `aliend.session_store`)."""
        return self._store.begin_line(name)

    def end_line(self, name: str) -> None:
        """End a session that lasts as long as a command line."""
        self._store.end_line(name)

    async def _choice(self, name: str, context: Context) -> IdentityRecord:
        key = self._key(name, replace(context, role=""))
        if is_temporary(name):
            return await self._store.identity(key) or IdentityRecord()
        if key not in self._choices:
            if len(self._choices) >= _MAX_CACHED:
                self._choices.clear()
            chosen = await self._store.identity(key)
            if chosen is None:
                return IdentityRecord()
            self._choices[key] = chosen
        return self._choices[key]

    async def _choose(self, name: str, context: Context, choice: IdentityRecord) -> None:
        key = self._key(name, replace(context, role=""))
        await self._store.put_identity(key, choice)
        if not is_temporary(name):
            self._choices[key] = choice

    async def account(self, context: Context) -> tuple[str, str]:
        """Return the user and home of `context`; ask the service if the credential's files have changed since.

        Without any file, the last account is returned: transfers can be queued while no credential exists.
        """
        stamp = ".".join(map(str, await asyncio.to_thread(stamp_of, context)))
        known = self._accounts.get(context) or await self._store.account(_suffix(context))
        if known is None or known.stamp != stamp:
            try:
                known = AccountRecord(*await self._catalogue_of(context).whoami(), stamp)
            except NotConnected:
                if known is None or stamp != _NO_FILES:
                    raise
                return known.user, known.home
            await self._store.put_account(_suffix(context), known)
        self._accounts[context] = known
        return known.user, known.home

    async def _save(self, state: SessionState, context: Context) -> SessionState:
        await self._store.put(
            self._key(state.name, context),
            directory=state.directory,
            previous=state.previous,
            user=state.user,
            home=state.home,
            stack=state.stack,
        )
        return state

    def _key(self, name: str, context: Context) -> str:
        boot = f"#{self._boot}" if permanent_name(name).startswith("sid:") else ""
        return f"{name}{boot}{_suffix(context)}"


def _suffix(context: Context) -> str:
    role = f" as {context.role}" if context.role else ""
    certificates = f"{context.token.certificate.fingerprint()} {context.user.certificate.fingerprint()}"
    return f" @{context.endpoint} {certificates}{role}"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
