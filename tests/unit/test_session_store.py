"""Sessions that end with their command line."""

from __future__ import annotations

from typing import cast

from aliend.core.cli.session_names import is_temporary, permanent_name
from aliend.session_store import AccountRecord, SessionStore
from aliend.store import IdentityRecord, SessionRecord, Store

KEY = "sid:7#boot @wss://localhost:1 a b"
HOME, DATA = "/alice/", "/alice/data/"


class Rows:
    """The rows of a table, in memory."""

    def __init__(self) -> None:
        self.sessions: dict[str, SessionRecord] = {}
        self.identities: dict[str, IdentityRecord] = {}

    async def get(self, name: str) -> SessionRecord | None:
        return self.sessions.get(name)

    async def put(
        self, name: str, directory: str, previous: str, *, user: str, home: str, stack: tuple[str, ...]
    ) -> None:
        self.sessions[name] = SessionRecord(name, directory, previous, user, home, tuple(stack))


class Identities:
    """Identities, in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, IdentityRecord] = {}

    async def get(self, name: str) -> IdentityRecord:
        return self.rows.get(name, IdentityRecord())

    async def put(self, name: str, record: IdentityRecord) -> None:
        self.rows[name] = record


class Tables:
    """The tables that sessions use."""

    def __init__(self) -> None:
        self.sessions, self.identities = Rows(), Identities()


async def put(store: SessionStore, name: str, directory: str) -> None:
    await store.put(name, directory=directory, previous=HOME, user="alice", home=HOME, stack=())


async def directory(store: SessionStore, name: str) -> str:
    record = await store.get(name)
    return record.directory if record else ""


def test_the_name_says_how_a_session_starts() -> None:
    assert (is_temporary("once:a1:sid:7"), permanent_name("once:a1:sid:7")) == (True, "sid:7")
    assert [is_temporary(name) for name in ("sid:7", "once", "once:mine")] == [False] * 3
    assert permanent_name("sid:7") == "sid:7"


async def test_a_change_ends_with_the_command_line() -> None:
    store = SessionStore(cast(Store, Tables()))
    await put(store, KEY, HOME)
    once = f"once:a1:{KEY}"
    assert store.begin_line(once)
    assert not store.begin_line(once), "a program that the line starts does not end it"
    await put(store, once, DATA)
    await store.put_identity(once, IdentityRecord(role="bob"))
    assert (await directory(store, once), await directory(store, f"once:b2:{KEY}")) == (DATA, HOME)
    assert await store.identity(once) == IdentityRecord(role="bob")
    assert await directory(store, KEY) == HOME
    store.end_line(once)
    assert (await directory(store, once), await directory(store, KEY)) == (HOME, HOME)
    assert await store.identity(once) == IdentityRecord()


async def test_the_account_of_a_context_is_kept() -> None:
    tables, suffix = Tables(), KEY[len("sid:7#boot") :]
    account = AccountRecord("alice", HOME, "1.2.3")
    assert await SessionStore(cast(Store, tables)).account(suffix) is None
    await SessionStore(cast(Store, tables)).put_account(suffix, account)
    assert await SessionStore(cast(Store, tables)).account(suffix) == account
