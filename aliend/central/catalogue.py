"""Typed operations of the catalogue: take absolute LFNs, return entries, replicas and tickets.

Names are not expanded: wildcards are left to the commands. All methods raise what `CentralSession.request` raises, and
ServiceError with the service's code and text if it reports a failure.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

from aliend.core.catalogue.entries import Entry, Member, Replica, Ticket
from aliend.core.catalogue.paths import has_wildcard, is_below, parent, without_slash
from aliend.core.grid.mirror_replies import MirrorState, QueuedMirror, mirror_state, queued_mirrors
from aliend.core.grid.quotas import FileQuota, file_quota
from aliend.core.protocol.replies import (
    Reply,
    Result,
    entries_of_listing,
    entries_of_stat,
    members_of,
    replicas_of,
    tickets_of,
)
from aliend.core.protocol.requests import Request, batches
from aliend.errors import BadReply, InvalidValue, ServiceError, UsageError

if TYPE_CHECKING:
    from aliend.central.session import CentralSession

# Inside the class, `list` is a method.
Entries = list[Entry]
Names = list[str]
Replicas = list[Replica]
Tickets = list[Ticket]
Results = list[Result]
Found = list[tuple[Entry, Result]]

_NOT_FOUND, _EXISTS, _NOT_REGISTERED = 2, 17, 53
_FIRST_LIMIT = 1_000_000_000
"""The smallest limit for `find`: more entries than any directory has, and still a 32-bit number."""
_NO_QUOTA = 61
_FIRST_SHORT_LIMIT, _SHORT_LIMITS = 1000, 3000
"""The smallest short limit, and the number of short limits before one is reused."""


class Catalogue:
    """Typed operations over one session."""

    def __init__(self, central: CentralSession, *, bulk: bool = False) -> None:
        """Create the operations; with `bulk`, all requests have the priority of bulk work."""
        self._central = central
        self._bulk = bulk
        self._limit = 0

    def expect_commands(self, count: int) -> None:
        """Announce the probable number of further commands of bulk work, so that enough connections are opened."""
        self._central.expect_bulk(count)

    async def list(self, lfn: str, all: bool = False) -> Entries:
        """Return the entries of a directory, or the entry of a file; `all` includes names that begin with a dot.

        A listing has neither md5 nor GUID. Raises ServiceError (2) if the name does not exist.
        """
        request = Request("ls", ("-nomsg", "-l", *(["-a"] if all else []), lfn))
        reply = await self._ask(request)
        with _values_of("ls"):
            entries = entries_of_listing(reply.results)
        if not has_wildcard(lfn):
            return entries
        # The service has expanded the name: keep only the requested entries.
        wanted = without_slash(lfn)
        return [e for e in entries if without_slash(e.lfn) == wanted or without_slash(parent(e.lfn)) == wanted]

    async def stat(self, lfns: Sequence[str]) -> tuple[Entries, Names]:
        """Return the entries of those `lfns` that exist, in order, and the names that do not exist."""
        results = await self._stat(("-nomsg",), lfns)
        with _values_of("stat"):
            found = entries_of_stat(results)
        by_lfn = {without_slash(entry.lfn): entry for entry in found}
        present = [by_lfn[key] for lfn in lfns if (key := without_slash(lfn)) in by_lfn]
        return present, [lfn for lfn in lfns if without_slash(lfn) not in by_lfn]

    async def members(self, lfns: Sequence[str]) -> dict[str, Member]:
        """Return the archive and name of those files that are archive members, by LFN."""
        return members_of(await self._stat(("-nomsg", "-v"), lfns))

    async def _stat(self, options: tuple[str, ...], lfns: Sequence[str]) -> Results:
        results: Results = []
        for request in batches("stat", options, lfns):
            reply = await self._central.request(request, bulk=self._bulk)
            if reply.exit_code != _NOT_FOUND:
                reply.checked(request)
            results += reply.results
        return results

    async def find_files(
        self, directory: str, *, pattern: str = "*", options: Sequence[str] = (), quick: bool = False
    ) -> AsyncGenerator[Entries, None]:
        """Yield the entries of `find_results`. Close the iterator to stop early."""
        found = self.find_results(directory, pattern=pattern, options=options, quick=quick)
        async with aclosing(found) as groups:
            async for group in groups:
                yield [entry for entry, _ in group]

    async def find_results(
        self, directory: str, *, pattern: str = "*", options: Sequence[str] = (), quick: bool = False, bulk: bool = True
    ) -> AsyncGenerator[Found, None]:
        """Yield all files below `directory` in groups as they arrive, unordered, each with the service's result.

        With `-d` in `options` directories are yielded, too.

        `pattern` and `options` (of the service's `find`) restrict them, as loosely as the service interprets them.

        The answer is never a cached one: a limit that was not used before bypasses the service's cache (2.9). The
        service matches loosely; files that are not below `directory` are dropped. Close the iterator to stop early.

        A service that lists many files takes seconds for the first of them. With `quick` it is first asked for some
        thousand files, which is usually all; if not, those are yielded twice.
        """
        base = without_slash(directory)
        types = ("file", "directory") if "-d" in options else ("file",)
        for limit in (*((self._next_short_limit(),) if quick else ()), self._next_limit()):
            args = ("-nomsg", "-f", "-a", "-s", *options, "-l", str(limit), base, pattern)
            count = 0
            async with aclosing(self._central.stream(Request("find", args), bulk=bulk)) as groups:
                async for group in groups:
                    count += len(group)
                    with _values_of("find"):
                        found = [(entry, result) for result in group for entry in entries_of_stat([result])]
                    yield [pair for pair in found if pair[0].type in types and is_below(pair[0].lfn, base)]
            if count < limit:
                return

    async def whereis(self, lfn: str) -> Replicas:
        """Return the replicas of a file, or those of its archive (`...?ZIP=member`). Up to 15 s old."""
        return replicas_of((await self._ask(Request("whereis", ("-nomsg", "-r", lfn)))).results)

    async def access_read(self, lfn: str, storage: str = "", *, strict: bool = False, http: bool = False) -> Tickets:
        """Return tickets to read a file, best replica first; `storage` names SEs to prefer or, with `!`, to exclude.

        With `strict`, only the named SEs are used, if any are named; with `http`, the URLs are for HTTP.
        """
        options = [*(["-f"] if strict else []), *(["-u"] if http else [])]
        return await self._tickets((*options, "read", lfn), storage, http=http)

    async def access_write(self, lfn: str, size: int, md5: str, storage: str) -> Tickets:
        """Return tickets to write a new file of `size` bytes as `storage` requests (`disk:2,ALICE::A::B`).

        May return fewer than requested. Books space; an uncommitted booking expires after a day.
        """
        return await self._tickets(("-s", str(size), *(["-m", md5] if md5 else []), "write", lfn), storage)

    async def commit(self, ticket: Ticket, size: int, lfn: str, md5: str) -> None:
        """Register the replica that was written with `ticket`. The service verifies nothing and does this only once."""
        args = (ticket.envelope, str(size), lfn, "644", "0", ticket.url, ticket.se, ticket.guid, md5)
        reply = await self._ask(Request("commit", ("-nomsg", *args)))
        if not any(str(result.get("lfn")) == "1" for result in reply.results):
            raise ServiceError("commit", _NOT_REGISTERED, f"{lfn} was not registered")

    async def mirror(self, lfn: str, storage: str) -> tuple[tuple[QueuedMirror, ...], str]:
        """Have the service create more replicas as `storage` requests. Return the queued copies and the service's text.

        The service always answers 0; the text reports problems. A repeated request returns the copies already queued.
        """
        reply = await self._ask(Request("mirror", ("-S", storage, lfn)))
        return queued_mirrors(reply.text()), " ".join(f"{reply.error} {reply.text()}".split())

    async def mirror_state(self, number: int) -> MirrorState:
        """Return the state of one of those copies."""
        return mirror_state((await self._ask(Request("listTransfer", ("-id", str(number))))).text(), number)

    async def touch(self, lfn: str) -> None:
        """Create an entry without content, and the directories above it. Raises UsageError for a wildcard."""
        if has_wildcard(lfn):
            raise UsageError(f"cannot touch {lfn}: the wildcard would match other names too")
        await self._ask(Request("touch", ("-nomsg", lfn)))

    async def remove(self, lfn: str) -> None:
        """Remove a file. Raises UsageError for a name with `*` or `?`: the service would remove all matches."""
        if has_wildcard(lfn):
            raise UsageError(f"cannot remove {lfn}: the wildcard would match other names too")
        await self._ask(Request("rm", (lfn,)))

    async def remove_all(self, lfns: Sequence[str]) -> None:
        """Remove files, many with one request. Raises UsageError for names with `*` or `?`.

        Check each of them afterwards: the service reports only the last failure.
        """
        if any(map(has_wildcard, lfns)):
            raise UsageError("cannot remove a name with a wildcard: it would match other names too")
        for request in batches("rm", (), lfns):
            await self._ask(request)

    async def move(self, source: str, target: str) -> None:
        """Rename `source` to `target`. Raises ServiceError 17 if the target exists.

        If the target existed, the service would rename the *source* to `<target>_backup`, hence the check.
        """
        name = without_slash(target)
        present, _ = await self.stat([name])
        if present:
            raise ServiceError("mv", _EXISTS, f"{present[0].lfn} already exists; nothing was moved")
        await self._ask(Request("mv", (without_slash(source), name)))

    async def whoami(self) -> tuple[str, str]:
        """Return the account's name and home directory (with a trailing slash)."""
        reply = await self._ask(Request("whoami", ("-nomsg",)))
        if not reply.results or not reply.results[0].get("username"):
            raise BadReply("whoami: the reply of the central service has no user name", 42)
        return str(reply.results[0]["username"]), str(reply.results[0].get("homedir") or "")

    async def file_quota(self, user: str) -> FileQuota:
        """Return the file quota of an account. Raises ServiceError if it has none."""
        reply = await self._ask(Request("fquota", ("-nomsg", "list", user)))
        found = [result for result in reply.results if result.get("username", user) == user]
        if not found:
            raise ServiceError("fquota", _NO_QUOTA, f"the service has no quota for {user}")
        return file_quota(found[0])

    async def _tickets(self, args: tuple[str, ...], storage: str, *, http: bool = False) -> Tickets:
        request = Request("access", (*(() if http else ("-nomsg",)), *args, *([storage] if storage else [])))
        reply = await self._ask(request)
        with _values_of("access"):
            return tickets_of(reply.results, http=http)

    async def _ask(self, request: Request) -> Reply:
        return (await self._central.request(request, bulk=self._bulk)).checked(request)

    def _next_short_limit(self) -> int:
        return _FIRST_SHORT_LIMIT + next(self._central.serial) % _SHORT_LIMITS

    def _next_limit(self) -> int:
        now = _FIRST_LIMIT + time.time_ns() // 1_000_000 % _FIRST_LIMIT
        self._limit = max(now, self._limit + 1)
        return self._limit


@contextmanager
def _values_of(command: str) -> Iterator[None]:
    """Name the command in the error for a value of its reply."""
    try:
        yield
    except InvalidValue as error:
        raise InvalidValue(f"{command}: {error}") from error
