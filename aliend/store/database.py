"""One SQLite connection in one thread of its own: reads, and transactions that are on the disk when they return.

What a function does with the connection is its own matter; it runs in the thread, whole, so that nothing else sees the
database in between. Changes that wait for the thread together become durable together: the disk is flushed once for
all of them. Foreign exceptions become StoreError here.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from aliend.errors import StoreError
from aliend.store.schema import prepare

T = TypeVar("T")

_BUSY = 5.0
"""Seconds to wait for another program (a backup) that holds the database."""


class Transaction:
    """What a changing function works with: the connection, the time, and the number for the next changed row."""

    def __init__(self, connection: sqlite3.Connection, now_ms: int) -> None:
        self.connection = connection
        self.now_ms = now_ms
        (text,) = connection.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
        self._first = self._revision = int(text)

    def next_revision(self) -> int:
        """A number higher than that of every change before."""
        self._revision += 1
        return self._revision

    def finish(self) -> None:
        """Keep the highest number that was given out."""
        if self._revision != self._first:
            self.connection.execute("UPDATE meta SET value = ? WHERE key = 'revision'", (str(self._revision),))


class _Change:
    """A changing function, and who waits for it."""

    def __init__(self, function: Callable[[Transaction], Any]) -> None:
        self._function = function
        self.done: Future[Any] = Future()

    def carry_out(self, connection: sqlite3.Connection, path: Path, now_ms: int) -> Any:  # noqa: ANN401 - whatever it is
        """The function's result; where it raises, that is told at once and only its own changes are undone.

        Raises where the database at `path` has given up the transaction as a whole.
        """
        connection.execute("SAVEPOINT change")
        try:
            transaction = Transaction(connection, now_ms)
            result = self._function(transaction)
            transaction.finish()
        except Exception as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO change")
            self.done.set_exception(_ours(path, error))
            result = None
        connection.execute("RELEASE change")
        return result


class Database:
    """The database file at `path`, made if it is missing (mode 0600, schema as in `schema`); `clock`: POSIX seconds."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "store")
        self._connection: sqlite3.Connection | None = None
        self._watchers: set[asyncio.Event] = set()
        self._waiting: deque[_Change] = deque()

    async def open(self) -> None:
        """Open and migrate. Raises StoreError."""
        try:
            await self._run(self._open)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Wait for what was begun and close."""
        await asyncio.shield(self._submit(self._close))
        self._thread.shutdown()

    async def read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """The function's result. Raises StoreError."""
        return await self._run(lambda: function(self._opened()))

    async def write(self, function: Callable[[Transaction], T]) -> T:
        """The function's result, its changes durable; whatever it raises undoes them. Raises StoreError.

        A cancelled caller does not stop a transaction that was begun; watchers are told in any case.
        """
        change = _Change(function)
        self._waiting.append(change)
        self._submit(self._make_durable)
        future = asyncio.wrap_future(change.done)
        future.add_done_callback(self._tell)
        result: T = await asyncio.shield(future)
        return result

    def watch(self) -> asyncio.Event:
        """An event that is set after every transaction; give it back with `unwatch`."""
        event = asyncio.Event()
        self._watchers.add(event)
        return event

    def unwatch(self, event: asyncio.Event) -> None:
        """The event is needed no more."""
        self._watchers.discard(event)

    def _tell(self, done: asyncio.Future[T]) -> None:
        if not done.cancelled():
            done.exception()  # seen here even if the caller was cancelled and nobody else looks
        for event in self._watchers:
            event.set()

    async def _run(self, function: Callable[[], T]) -> T:
        def guarded() -> T:
            with _Translated(self._path):
                return function()

        return await self._submit(guarded)

    def _submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        try:
            return asyncio.get_running_loop().run_in_executor(self._thread, function)
        except RuntimeError as error:
            raise StoreError(f"The database {self._path} is closed") from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"The database {self._path} is closed")
        return self._connection

    def _open(self) -> None:
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreError(f"The database {self._path} cannot be opened: {error.strerror}") from error
        self._connection = sqlite3.connect(self._path, timeout=_BUSY, isolation_level=None)
        try:
            prepare(self._connection, self._path)
        except OSError as error:
            raise StoreError(
                f"The database {self._path} has to be brought to a new schema, and cannot be copied beforehand: "
                f"{error.strerror}; nothing was changed"
            ) from error

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _make_durable(self) -> None:
        """Carry out the changes that wait, in their order; whoever comes after finds nothing left to do."""
        changes = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not changes:
            return
        try:
            with _Translated(self._path):
                self._transact(changes)
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            for change in changes:
                if not change.done.done():
                    change.done.set_exception(error)

    def _transact(self, changes: Sequence[_Change]) -> None:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            now_ms = int(self._clock() * 1000)
            results = [(change, change.carry_out(connection, self._path, now_ms)) for change in changes]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        for change, result in results:
            if not change.done.done():
                change.done.set_result(result)


class _Translated:
    """Turns SQLite's exceptions into ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise _ours(self._path, error)


_SENTENCES = {
    "SQLITE_FULL": "the disk is full: free some space, everything goes on by itself",
    "SQLITE_READONLY": "it is read-only: make the file and its directory writable",
    "SQLITE_CORRUPT": "it is damaged: move the file away, aliend begins a new one",
    "SQLITE_NOTADB": "it is not a database: move the file away, aliend begins a new one",
    "SQLITE_BUSY": "another program holds it",
    "SQLITE_LOCKED": "another program holds it",
    "SQLITE_CANTOPEN": "the file cannot be opened: look at the permissions of its directory",
    "SQLITE_IOERR": "the disk reports an error",
}


def _ours(path: Path, error: Exception) -> Exception:
    """SQLite's exception as ours; any other as it is."""
    if not isinstance(error, sqlite3.Error):
        return error
    ours = StoreError(_sentence(path, error))
    ours.__cause__ = error
    return ours


def _sentence(path: Path, error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "") or ""
    reason = next((text for prefix, text in _SENTENCES.items() if name.startswith(prefix)), str(error))
    return f"The database {path} could not be used: {reason}"
