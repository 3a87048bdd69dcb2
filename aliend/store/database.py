"""One SQLite connection in its own thread: runs reads, and transactions that are on disk when they return.

A function runs in the thread without interruption, so that no other one sees intermediate states. The thread
processes all queued calls together: first the changes, in one transaction that is flushed to disk once, then the
reads; and it wakes the loop once. (The future of a thread pool costs as much as the usual small transactions.) Foreign
exceptions become StoreError here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import length_hint, methodcaller
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from aliend.core.cli.escaping import is_text
from aliend.errors import NewerDatabase, StoreError
from aliend.store import damage
from aliend.store.schema import prepare

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY = 7.5
"""Seconds to wait for another program (a backup) that holds the database. A start waits once and then serves without
it; the first command that needs it waits again. Both are the 15 s that a client waits for a daemon."""
_BETWEEN_TRIES = 2.0
"""Seconds between two attempts to open a database that could not be opened."""
_HAS_BYTES = "bytes"
"""Key in `meta` of a database that has stored names that are not UTF-8."""


class _Connection(sqlite3.Connection):
    """Stores local names that are not UTF-8, which the library does not take as text, and returns them as they were.

    Both cost time, so a database without such names does not pay for them: `meta` records that it has some.
    """

    def return_bytes(self) -> None:
        """Return names that are not UTF-8 with surrogates from now on."""
        self.text_factory = methodcaller("decode", "utf-8", "surrogateescape")

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:  # noqa: ANN401
        try:
            return super().execute(sql, parameters)
        except UnicodeEncodeError:
            if self.in_transaction:
                super().execute(f"INSERT OR IGNORE INTO meta VALUES ('{_HAS_BYTES}', '1')")
                self.return_bytes()
            return super().execute(*_with_bytes(sql, parameters))

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:  # noqa: ANN401
        rows = list(rows)
        left = iter(rows)
        while True:
            try:
                return super().executemany(sql, left)
            except UnicodeEncodeError:  # the rows before this one are stored
                self.execute(sql, rows[-1 - length_hint(left)])


def _with_bytes(sql: str, parameters: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """Return the statement with names that are not UTF-8 as bytes, which SQLite casts to text."""
    is_bytes = [isinstance(value, str) and not is_text(value) for value in parameters]
    pieces = sql.split("?")
    marks = ["CAST(? AS TEXT)" if one else "?" for one in is_bytes]
    statement = "".join(piece + mark for piece, mark in zip(pieces, [*marks, ""], strict=True))
    return statement, [os.fsencode(value) if one else value for value, one in zip(parameters, is_bytes, strict=True)]


class Transaction:
    """The argument of a writing function: the connection, the time, and the revision for the next changed row."""

    def __init__(self, connection: sqlite3.Connection, now_ms: int, revision: int) -> None:
        self.connection = connection
        self.now_ms = now_ms
        self.revision = revision
        """The revision of the last change."""

    def next_revision(self) -> int:
        """Return a revision higher than that of every earlier change."""
        self.revision += 1
        return self.revision


@dataclass(slots=True, eq=False)
class _QueuedCall:
    """A call for the thread, and its caller: a change (`change`, `durable` or not), or something else (`do`)."""

    answer: asyncio.Future[Any]
    change: Callable[[Transaction], Any] | None = None
    do: Callable[[], Any] | None = None
    durable: bool = False
    result: Any = None
    error: BaseException | None = field(default=None, repr=False)

    def deliver(self) -> None:
        """Deliver the result, in the loop."""
        if self.answer.done():
            return
        if self.error:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)


class Database:
    """The database file at `path`, created if missing (mode 0600, schema: see `schema`); `clock`: POSIX seconds."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._queue: SimpleQueue[_QueuedCall | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._revision = 0
        self._next_try = 0.0
        self.patience = BUSY
        """Seconds to wait for another program that holds the database."""
        self.problem: StoreError | None = None
        """The reason why the database cannot be opened; empty while it is open."""
        self.loss = ""
        """The message about a database that was damaged or removed, until `forget_loss`."""
        self._watchers: set[asyncio.Event] = set()

    async def open(self) -> None:
        """Open and migrate. Raises NewerDatabase.

        A database that cannot be opened for another reason is a `problem`; every use tries to open it again.
        """
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, args=(loop,), name="store", daemon=True)
        self._thread.start()
        try:
            await self._submit(do=self._open)
        except BaseException as error:
            if isinstance(error, StoreError) and not isinstance(error, NewerDatabase):
                log.error("%s", error)
                return
            await self.close()
            raise

    async def close(self) -> None:
        """Wait for queued calls, then close."""
        if self._thread is None:
            return
        closed = self._submit(do=self._close)
        self._queue.put(None)
        thread, self._thread = self._thread, None
        await asyncio.shield(closed)
        thread.join()

    async def read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Return the function's result. Raises StoreError."""
        result: T = await self._submit(do=lambda: function(self._opened()))
        return result

    async def write(self, function: Callable[[Transaction], T], *, durable: bool = True) -> T:
        """Run `function` in a transaction and return its result; an exception rolls it back. Raises StoreError.

        Changes that need not be `durable` survive everything except a crash of the machine, and are visible in order.
        Cancelling the caller does not stop its transaction; watchers are notified in any case.
        """
        result: T = await self._submit(change=function, durable=durable)
        return result

    async def forget_loss(self) -> None:
        """Delete the message about a lost database. Raises StoreError."""
        self.loss = ""
        await self.write(lambda at: at.connection.execute("DELETE FROM meta WHERE key = 'loss'") and None)

    def watch(self) -> asyncio.Event:
        """Return an event that is set after every transaction; release it with `unwatch`."""
        event = asyncio.Event()
        self._watchers.add(event)
        return event

    def unwatch(self, event: asyncio.Event) -> None:
        """Release an event."""
        self._watchers.discard(event)

    def _submit(self, **call: Any) -> asyncio.Future[Any]:  # noqa: ANN401 - as `_Errand` has them
        if self._thread is None:
            raise StoreError(f"the database {self._path} is closed")
        answer = asyncio.get_running_loop().create_future()
        self._queue.put(_QueuedCall(answer, **call))
        return answer

    def _deliver(self, calls: Sequence[_QueuedCall]) -> None:
        for call in calls:
            call.deliver()
        if any(call.change for call in calls):
            for event in self._watchers:
                event.set()

    # The methods below run in the thread.

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while calls := self._next():
            changes = [call for call in calls if call.change]
            if changes:
                self._make_durable(changes)
            for call in calls:
                if call.do:
                    self._do(call, call.do)
            with suppress(RuntimeError):  # the loop has ended: nobody waits
                loop.call_soon_threadsafe(self._deliver, calls)

    def _next(self) -> list[_QueuedCall]:
        """Return all queued calls; none after the end was reached."""
        calls: list[_QueuedCall] = []
        with suppress(Empty):
            while call := self._queue.get(block=not calls):
                calls.append(call)
            self._queue.put(None)  # the end marker, for the next call
            return calls
        return calls

    def _do(self, call: _QueuedCall, function: Callable[[], Any]) -> None:
        try:
            call.result = function()
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            call.error = self._to_store_error(error)

    def _to_store_error(self, error: BaseException) -> BaseException:
        """Return the error as StoreError. The next start checks a damaged database."""
        if damage.is_damage(error):
            damage.mark_suspect(self._path)
        return _store_error(self._path, error)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    def _open(self) -> None:
        """Open the file; rename a damaged one first. Raises StoreError."""
        if self.problem and time.monotonic() < self._next_try:
            raise StoreError(str(self.problem))
        try:
            self._connect_or_recreate()
        except BaseException as error:
            self._close()
            ours = _store_error(self._path, error)
            if isinstance(ours, StoreError):
                # The first command after the start waits for the database, too.
                self._next_try = time.monotonic() + _BETWEEN_TRIES if self.problem else 0.0
                self.problem = ours
            if ours is error:
                raise
            raise ours from error
        self.problem = None

    def _connect_or_recreate(self) -> None:
        """Connect; begin a new database where the old one is removed, empty or damaged, and remember that."""
        if damage.is_missing(self._path):
            damage.set_aside(self._path, self._clock())
            self._connect()
            self._remember_loss(f"the database {self._path} was removed or emptied", "a new one was created")
            return
        try:
            self._connect()
        except sqlite3.Error as error:
            if not damage.is_damage(error):
                raise
            self._close()
            kept = damage.set_aside(self._path, self._clock())
            self._connect()
            log.error("the check of the database failed: %s", error)
            self._remember_loss("the database of aliend was damaged", f"it is kept as {kept}; a new one was created")
        damage.mark_created(self._path)

    def _connect(self) -> None:
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreError(f"cannot open the database {self._path}: {error.strerror}") from error
        self._connection = connection = sqlite3.connect(
            self._path, timeout=self.patience, isolation_level=None, factory=_Connection
        )
        damage.check(connection, self._path)
        try:
            prepare(connection, self._path)
        except OSError as error:
            raise StoreError(
                f"the database {self._path} has an older schema, and its backup before the upgrade failed: "
                f"{error.strerror}; nothing was changed"
            ) from error
        sql = "SELECT key, value FROM meta WHERE key IN ('revision', 'loss', ?)"
        meta = dict(connection.execute(sql, (_HAS_BYTES,)).fetchall())
        if _HAS_BYTES in meta:
            connection.return_bytes()
        self._revision, self.loss = int(meta["revision"]), meta.get("loss", "")

    def _remember_loss(self, what: str, result: str) -> None:
        """Store the message about the lost database until a user has read it."""
        self.loss = f"{what}; its jobs and sessions are lost.\n{result}"
        log.error("%s", self.loss)
        self._opened().execute("INSERT OR REPLACE INTO meta VALUES ('loss', ?)", (self.loss,))

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _make_durable(self, changes: Sequence[_QueuedCall]) -> None:
        """Execute changes in order."""
        try:
            self._transact(changes)
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            for change in changes:
                change.error = change.error or self._to_store_error(error)

    def _transact(self, changes: Sequence[_QueuedCall]) -> None:
        connection = self._opened()
        if not os.path.exists(self._path):  # noqa: PTH110 - twice as fast, before each transaction
            raise StoreError(f"the database {self._path} was removed; begin a new one with `alienctl daemon restart`")
        durable = any(change.durable for change in changes)
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            now_ms = int(self._clock() * 1000)
            revision = self._revision
            for change in changes:
                revision = self._carry_out(change, Transaction(connection, now_ms, revision))
            if revision != self._revision:
                connection.execute("UPDATE meta SET value = ? WHERE key = 'revision'", (str(revision),))
            connection.execute("COMMIT")
            self._revision = revision
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _carry_out(self, call: _QueuedCall, transaction: Transaction) -> int:
        """Execute one change; return the revision after it. If it raises, only its own changes are undone.

        Raises if the database has rolled back the whole transaction.
        """
        assert call.change is not None
        connection, before = transaction.connection, transaction.revision
        connection.execute("SAVEPOINT change")
        try:
            call.result = call.change(transaction)
        except Exception as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO change")
            call.error = self._to_store_error(error)
            transaction.revision = before
        connection.execute("RELEASE change")
        return transaction.revision


_RESTART = "it is damaged; `alienctl daemon restart` renames it and creates a new one"
_SENTENCES = {
    "SQLITE_FULL": "the disk is full; free some space, work resumes automatically",
    "SQLITE_READONLY": "it is read-only; make the file and its directory writable",
    "SQLITE_CORRUPT": _RESTART,
    "SQLITE_NOTADB": _RESTART,
    "SQLITE_BUSY": "another program locks it; end that program, or wait for it",
    "SQLITE_LOCKED": "another program locks it; end that program, or wait for it",
    "SQLITE_CANTOPEN": "cannot open the file; check the permissions of its directory",
    "SQLITE_IOERR": "the disk is full or reports an error; check its free space and the system's log",
}


def _store_error(path: Path, error: BaseException) -> BaseException:
    """Return SQLite's exception as StoreError; any other unchanged."""
    if not isinstance(error, sqlite3.Error):
        return error
    ours = StoreError(_message(path, error))
    ours.__cause__ = error
    return ours


def _message(path: Path, error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "") or ""
    reason = next((text for prefix, text in _SENTENCES.items() if name.startswith(prefix)), str(error))
    return f"cannot use the database {path}: {reason}"
