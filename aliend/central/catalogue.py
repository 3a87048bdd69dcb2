"""The catalogue's operations in types: absolute LFNs in, entries, replicas and tickets out.

Names are never expanded: wildcards are the business of the commands. All methods raise what `Central.request` raises,
and ServiceError with the service's code and words where it reports a failure.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from aliend.central.session import CentralSession
from aliend.core.catalogue.entries import Entry, Member, Replica, Ticket
from aliend.core.catalogue.paths import has_wildcard, is_below, parent, without_slash
from aliend.core.grid.mirror_replies import MirrorState, QueuedMirror, mirror_state, queued_mirrors
from aliend.core.protocol.replies import (
    Reply,
    entries_of_find,
    entries_of_listing,
    entries_of_stat,
    members_of,
    replicas_of,
    tickets_of,
)
from aliend.core.protocol.requests import Request, batches
from aliend.errors import BadReply, ServiceError, UsageError

# Inside the class, `list` is its method.
Entries = list[Entry]
Names = list[str]
Replicas = list[Replica]
Tickets = list[Ticket]

_NOT_FOUND, _EXISTS, _NOT_REGISTERED = 2, 17, 53
_FIRST_LIMIT = 1_000_000_000
"""Limits for `find` start here: more entries than any directory has, and still a 32-bit number."""
_FIRST_SHORT_LIMIT, _SHORT_LIMITS = 1000, 3000
"""The short ones: where they start, and how many there are before one is used again."""


class Catalogue:
    """Typed operations over one session."""

    def __init__(self, central: CentralSession, *, bulk: bool = False) -> None:
        """With `bulk`, everything but interactive work goes first."""
        self._central = central
        self._bulk = bulk
        self._limit = 0

    async def list(self, lfn: str, all: bool = False) -> Entries:
        """The entries of a directory by name, or the entry of a file; `all` includes names that begin with a dot.

        A listing tells neither md5 nor GUID. ServiceError (2) where there is no such name.
        """
        request = Request("ls", ("-nomsg", "-l", *(["-a"] if all else []), lfn))
        entries = entries_of_listing((await self._ask(request)).results)
        if not has_wildcard(lfn):
            return entries
        # The service has expanded the name: only what was really asked for is kept.
        wanted = without_slash(lfn)
        return [e for e in entries if without_slash(e.lfn) == wanted or without_slash(parent(e.lfn)) == wanted]

    async def stat(self, lfns: Sequence[str]) -> tuple[Entries, Names]:
        """Everything about each of `lfns` that exists, in that order, and the names that do not exist."""
        by_lfn: dict[str, Entry] = {}
        for request in batches("stat", ("-nomsg",), lfns):
            reply = await self._central.request(request, bulk=self._bulk)
            if reply.exit_code != _NOT_FOUND:
                reply.checked(request)
            by_lfn |= {without_slash(entry.lfn): entry for entry in entries_of_stat(reply.results)}
        present = [by_lfn[key] for lfn in lfns if (key := without_slash(lfn)) in by_lfn]
        return present, [lfn for lfn in lfns if without_slash(lfn) not in by_lfn]

    async def members(self, lfns: Sequence[str]) -> dict[str, Member]:
        """Those of the files that lie in an archive, and where."""
        by_lfn: dict[str, Member] = {}
        for request in batches("stat", ("-nomsg", "-v"), lfns):
            reply = await self._central.request(request, bulk=self._bulk)
            if reply.exit_code != _NOT_FOUND:
                reply.checked(request)
            by_lfn |= members_of(reply.results)
        return by_lfn

    async def find_files(
        self, directory: str, *, pattern: str = "*", options: Sequence[str] = (), quick: bool = False, bulk: bool = True
    ) -> AsyncGenerator[Entries, None]:
        """All files below `directory`, in groups while they arrive, in no particular order, with size, md5 and GUID.

        `pattern` and `options` (of the service's `find`) narrow that, as loosely as the service understands them.

        The answer is never an old one: a limit that was not used before keeps it out of the service's cache (2.9). The
        service matches loosely; what is not below `directory` is left out here. Close the iterator when stopping early.

        A service that lists many files needs seconds for the first of them. With `quick` it is asked for some thousand
        first, which mostly is all; where it is not, those come a second time.
        """
        base = without_slash(directory)
        for limit in (*((self._next_short_limit(),) if quick else ()), self._next_limit()):
            words = ("-nomsg", "-f", "-a", "-s", *options, "-l", str(limit), base, pattern)
            count = 0
            async with aclosing(self._central.stream(Request("find", words), bulk=bulk)) as groups:
                async for group in groups:
                    count += len(group)
                    entries = entries_of_find(group)
                    yield [entry for entry in entries if entry.type == "file" and is_below(entry.lfn, base)]
            if count < limit:
                return

    async def whereis(self, lfn: str) -> Replicas:
        """The replicas of a file; those of the archive (`...?ZIP=member`) for an archive member. Up to 15 s old."""
        return replicas_of((await self._ask(Request("whereis", ("-nomsg", "-r", lfn)))).results)

    async def access_read(self, lfn: str, storage: str = "", *, strict: bool = False, http: bool = False) -> Tickets:
        """Tickets to read a file, best replica first; `storage` names SEs to prefer or, with `!`, to leave out.

        With `strict` no others are given than those that are named, if any are; with `http` their URLs are for HTTP.
        """
        options = [*(["-f"] if strict else []), *(["-u"] if http else [])]
        return await self._tickets((*options, "read", lfn), storage, http=http)

    async def access_write(self, lfn: str, size: int, md5: str, storage: str) -> Tickets:
        """Tickets to write a new file of `size` bytes to the places that `storage` asks for (`disk:2,ALICE::A::B`).

        There may be fewer than asked for. Books space; a booking that is not committed ends by itself after a day.
        """
        return await self._tickets(("-s", str(size), *(["-m", md5] if md5 else []), "write", lfn), storage)

    async def commit(self, ticket: Ticket, size: int, lfn: str, md5: str) -> None:
        """Register the replica that was written with `ticket`. The service verifies nothing and does it only once."""
        words = (ticket.envelope, str(size), lfn, "644", "0", ticket.url, ticket.se, ticket.guid, md5)
        reply = await self._ask(Request("commit", ("-nomsg", *words)))
        if not any(str(result.get("lfn")) == "1" for result in reply.results):
            raise ServiceError("commit", _NOT_REGISTERED, f"{lfn} was not registered")

    async def mirror(self, lfn: str, storage: str) -> tuple[tuple[QueuedMirror, ...], str]:
        """Have the service make more replicas, where `storage` says: what it queued, and what it said.

        It answers 0 whatever happens; problems are in its words. The same wish gives the copies that wait already.
        """
        reply = await self._ask(Request("mirror", ("-S", storage, lfn)))
        return queued_mirrors(reply.text()), " ".join(f"{reply.error} {reply.text()}".split())

    async def mirror_state(self, number: int) -> MirrorState:
        """How one of those copies stands."""
        return mirror_state((await self._ask(Request("listTransfer", ("-id", str(number))))).text(), number)

    async def make_directory(self, lfn: str, parents: bool = False) -> None:
        """Make a directory, with `parents` those above it too. One that exists is no failure."""
        await self._ask(Request("mkdir", (*(["-p"] if parents else []), lfn)))

    async def touch(self, lfn: str) -> None:
        """Make an entry without content, and the directories above it. UsageError for a name with `*` or `?`."""
        if has_wildcard(lfn):
            raise UsageError(f"{lfn} is not touched: its wildcard would match other names too")
        await self._ask(Request("touch", ("-nomsg", lfn)))

    async def remove(self, lfn: str, recursive: bool = False) -> None:
        """Remove a file, an empty directory, or with `recursive` everything below.

        UsageError for a name with `*` or `?`: the service would remove whatever matches.
        """
        if has_wildcard(lfn):
            raise UsageError(f"{lfn} is not removed: its wildcard would match other names too")
        await self._ask(Request("rm", (*(["-r"] if recursive else []), lfn)))

    async def remove_all(self, lfns: Sequence[str]) -> None:
        """Remove files, many with one request. UsageError for names with `*` or `?`.

        Look at what has become of each: the service's code is that of the last failure only.
        """
        if any(map(has_wildcard, lfns)):
            raise UsageError("a name with a wildcard is not removed: it would match other names too")
        for request in batches("rm", (), lfns):
            await self._ask(request)

    async def move(self, source: str, target: str) -> None:
        """Rename `source` to `target`, a name that must be free (ServiceError 17 otherwise).

        Onto an existing file the service would rename the *source* to `<target>_backup`, hence the look beforehand.
        """
        name = without_slash(target)
        present, _ = await self.stat([name])
        if present:
            raise ServiceError("mv", _EXISTS, f"{present[0].lfn} exists already; nothing was moved")
        await self._ask(Request("mv", (without_slash(source), name)))

    async def whoami(self) -> tuple[str, str]:
        """The account's name and its home directory (with a trailing slash)."""
        reply = await self._ask(Request("whoami", ("-nomsg",)))
        if not reply.results or not reply.results[0].get("username"):
            raise BadReply("whoami: the central service does not tell who we are", 42)
        return str(reply.results[0]["username"]), str(reply.results[0].get("homedir") or "")

    async def _tickets(self, words: tuple[str, ...], storage: str, *, http: bool = False) -> Tickets:
        request = Request("access", (*(() if http else ("-nomsg",)), *words, *([storage] if storage else [])))
        return tickets_of((await self._ask(request)).results, http=http)

    async def _ask(self, request: Request) -> Reply:
        return (await self._central.request(request, bulk=self._bulk)).checked(request)

    def _next_short_limit(self) -> int:
        return _FIRST_SHORT_LIMIT + next(self._central.serial) % _SHORT_LIMITS

    def _next_limit(self) -> int:
        now = _FIRST_LIMIT + time.time_ns() // 1_000_000 % _FIRST_LIMIT
        self._limit = max(now, self._limit + 1)
        return self._limit
