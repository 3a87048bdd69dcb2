"""`lfn2uri`: URLs that open a file on its storage elements with other programs, or a metafile with all of them."""

from __future__ import annotations

import asyncio
import posixpath
from dataclasses import dataclass
from pathlib import Path

from aliend.commands.following.metafiles import write
from aliend.commands.grid.elements import told
from aliend.commands.invocation.call import Call
from aliend.core.catalogue import metalink
from aliend.core.catalogue.entries import Ticket
from aliend.core.catalogue.replica_url import member_of, open_url
from aliend.core.catalogue.storage_spec import DEFAULT
from aliend.core.cli.options import parse_options
from aliend.core.copying.locations import PathContext, resolve_path
from aliend.errors import CopyError, UsageError
from aliend.runtime import Runtime
from aliend.storage.tasks import Checksum

_KEYWORDS = {"meta": "meta", "write": "write", "upload": "write", "strict": "strict", "http": "http"}


@dataclass(frozen=True, slots=True)
class _Wish:
    """Absolute LFN, storage wish, local file (absolute; empty: none), keywords."""

    lfn: str
    storage: str
    local: str
    keywords: frozenset[str]


async def lfn2uri(parts: Runtime, call: Call) -> int:
    """One quoted URL a replica, with the right to read (or write) it; with `meta` the path of a metafile."""
    wish = await _wish(parts, call)
    tickets = await (_to_write(parts, call, wish) if "write" in wish.keywords else _to_read(parts, call, wish))
    if not tickets:
        raise CopyError(f"{wish.lfn}: the service gave no replica", "permanent")
    if "meta" not in wish.keywords:
        uris = [open_url(ticket.url, ticket.envelope) for ticket in tickets]
        results = [{"uri": uri, "se": ticket.se} for uri, ticket in zip(uris, tickets, strict=True)]
        return await told(call, [repr(uri) for uri in uris], results)
    path = Path(call.local) / metalink.file_name(wish.lfn)
    try:
        await asyncio.to_thread(write, path, metalink.document(wish.lfn, wish.local, tickets))
    except OSError as error:
        raise CopyError(f"{path} cannot be written: {error.strerror}", "local") from error
    member = member_of(tickets[0].url)
    source = f"{path}?xrdcl.unzip={member}" if member else str(path)
    return await told(call, [source], [{"meta": source}])


async def _wish(parts: Runtime, call: Call) -> _Wish:
    given = parse_options("lfn2uri", call.words[1:], {})
    keywords = frozenset(_KEYWORDS[word] for word in given.operands[1:] if word in _KEYWORDS)
    others = [word for word in given.operands[1:] if word not in _KEYWORDS]
    if not given.operands or len(others) > 1:
        raise UsageError("lfn2uri takes an LFN, one local file and keywords (see: alienctl help lfn2uri)")
    if others and not {"meta", "write"} & keywords:
        raise UsageError(f"lfn2uri: {others[0]} is no keyword; there are meta, write, strict and http")
    if "write" in keywords and not others:
        raise UsageError("lfn2uri: write needs the local file that shall be written")
    for one in {"meta", "http", "strict"} & keywords if "write" in keywords else ():
        raise UsageError(f"lfn2uri: write and {one} exclude each other; give one of them")
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    found = resolve_path(given.operands[0], PathContext(state.directory, state.home, call.local))
    if found.side == "local":
        raise UsageError(f"lfn2uri: {given.operands[0]} is local; a name of the catalogue is wanted")
    local = posixpath.join(call.local, others[0].removeprefix("file:")) if others else ""
    return _Wish(found.name, found.storage, local, keywords)


async def _to_read(parts: Runtime, call: Call, wish: _Wish) -> list[Ticket]:
    strict, http = "strict" in wish.keywords, "http" in wish.keywords
    tickets = await parts.central_sessions.catalogue_of(call.context).access_read(
        wish.lfn, wish.storage, strict=strict, http=http
    )
    if http and not tickets:
        raise CopyError(f"{wish.lfn}: none of its storage elements speaks HTTP", "permanent")
    return tickets


async def _to_write(parts: Runtime, call: Call, wish: _Wish) -> list[Ticket]:
    known = await parts.workers.run(Checksum(0, wish.local), lambda _: None)
    catalogue = parts.central_sessions.catalogue_of(call.context)
    return await catalogue.access_write(wish.lfn, known.size, known.md5, wish.storage or DEFAULT)
