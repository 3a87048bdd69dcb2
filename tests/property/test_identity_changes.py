"""Random sequences of identity changes: user, home and directory are always those of the credential in use."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from aliend.central.catalogue import Catalogue
from aliend.core.catalogue.entries import Entry
from aliend.core.connection.context import Context, CredentialFiles, Endpoint
from aliend.core.connection.pem import PemFile
from aliend.errors import RoleRefused
from aliend.session_store import SessionStore
from aliend.store import Store
from aliend.user_sessions import UserSessions
from tests.quick import examples
from tests.unit.test_session_store import Tables

USERS = ("alice", "bob22", "carol4444")
"""Names of different lengths, so that files of different users differ in size."""
BOSS = USERS[0]
"""The only user that may act as another."""
ABSENT = ""

STEPS = st.one_of(
    st.tuples(st.sampled_from(["token", "certificate"]), st.sampled_from([*USERS, ABSENT])),
    st.tuples(st.sampled_from(["role", "user"]), st.sampled_from([*USERS, ABSENT])),
    st.tuples(st.just("service"), st.sampled_from(["one", "two"])),
    st.tuples(st.sampled_from(["cd", "home", "restart"]), st.just("")),
)


class Service:
    """Two central services; each knows who presents the files of a context."""

    def __init__(self, directory: Path) -> None:
        self.files = {name: directory / name for name in ("token", "certificate")}
        self.write("certificate", USERS[0])

    def write(self, name: str, user: str) -> None:
        """Replace or remove a credential."""
        if user:
            fresh = self.files[name].with_suffix(".new")
            fresh.write_text(user, encoding="utf-8")
            fresh.replace(self.files[name])
        else:
            self.files[name].unlink(missing_ok=True)

    def own(self) -> str:
        """Return whom the credentials name; the token counts first."""
        found = [path.read_text(encoding="utf-8") for path in self.files.values() if path.exists()]
        return found[0] if found else "nobody"

    def account(self, context: Context) -> tuple[str, str]:
        """Return the account. Raises RoleRefused."""
        own = self.own()
        if context.role and context.role != own and own != BOSS:
            raise RoleRefused(f"{own} may not act as {context.role}", 1)
        user = context.role or own
        return user, f"/{context.endpoint.host}/{user}/"


class Names:
    """The catalogue as one context sees it."""

    def __init__(self, service: Service, context: Context) -> None:
        self._service, self._context = service, context

    async def whoami(self) -> tuple[str, str]:
        """Return the account."""
        return self._service.account(self._context)

    async def stat(self, lfns: list[str]) -> tuple[list[Entry], list[str]]:
        """Return a directory for each name."""
        return [Entry(lfn.rstrip("/") + "/", "directory") for lfn in lfns], []


async def walk(directory: Path, steps: list[tuple[str, str]]) -> None:
    service, tables = Service(directory), Tables()

    def restart() -> UserSessions:
        return UserSessions(SessionStore(cast(Store, tables)), lambda context: cast(Catalogue, Names(service, context)))

    sessions, moved = restart(), False
    files = {name: CredentialFiles(PemFile(str(path)), PemFile(str(path))) for name, path in service.files.items()}
    context = Context(Endpoint("one"), token=files["token"], user=files["certificate"])
    for kind, value in steps:
        acting = await sessions.context_of("s", context)
        try:
            match kind:
                case "token" | "certificate":
                    service.write(kind, value)
                case "role":
                    context = replace(context, role=value)
                case "service":
                    context = replace(context, endpoint=Endpoint(value))
                case "user":
                    await sessions.switch_account("s", acting, value or USERS[0])
                case "cd":
                    await sessions.change_directory("s", acting, "/data")
                case "home":
                    await sessions.change_directory("s", acting, "~")
                case "restart":
                    sessions = restart()
        except RoleRefused:
            continue
        moved = moved or kind in ("cd", "user")
        acting = await sessions.context_of("s", context)
        try:
            wanted = service.account(acting)
        except RoleRefused:
            continue
        state = await sessions.state("s", acting)
        assert (state.user, state.home) == wanted
        assert moved or state.directory == state.home


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_facts_of_an_old_identity_are_forgotten(steps: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(walk(Path(directory), steps))
