"""`lfn2uri`: prints URLs with which other programs open a file's replicas, or writes a metafile of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from aliend.commands.following.metafiles import write_private
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import session_state
from aliend.commands.invocation.results import print_results
from aliend.core.catalogue import metalink
from aliend.core.catalogue.entries import Ticket
from aliend.core.catalogue.replica_url import member_of, printed_url
from aliend.core.catalogue.storage_spec import DEFAULT
from aliend.core.cli.options import parse_options
from aliend.core.copying.locations import PathContext, resolve_path
from aliend.errors import CopyError, UsageError
from aliend.runtime import Runtime
from aliend.storage.tasks import Checksum

_KEYWORDS = {"meta": "meta", "write": "write", "upload": "write", "strict": "strict", "http": "http"}


@dataclass(frozen=True, slots=True)
class _UriRequest:
    """The parsed arguments: absolute LFN, storage spec, local file (absolute; empty: none), keywords."""

    lfn: str
    storage: str
    local: str
    keywords: frozenset[str]


async def lfn2uri(runtime: Runtime, call: Call) -> int:
    """Print one quoted URL per replica, with its access envelope; with `meta` the path of a metafile."""
    request = await _parse(runtime, call)
    tickets = await (
        _to_write(runtime, call, request) if "write" in request.keywords else _to_read(runtime, call, request)
    )
    if not tickets:
        raise CopyError(f"the service returned no replica of {request.lfn}", "permanent")
    if "meta" not in request.keywords:
        uris = [printed_url(ticket.url, ticket.envelope) for ticket in tickets]
        results = [{"uri": uri, "se": ticket.se} for uri, ticket in zip(uris, tickets, strict=True)]
        return await print_results(call, [repr(uri) for uri in uris], results)
    path = Path(call.directory) / metalink.file_name(request.lfn)
    try:
        await asyncio.to_thread(write_private, path, metalink.document(request.lfn, request.local, tickets))
    except OSError as error:
        raise CopyError(f"cannot write {path}: {error.strerror}", "local") from error
    member = member_of(tickets[0].url)
    source = f"{path}?xrdcl.unzip={member}" if member else str(path)
    return await print_results(call, [source], [{"meta": source}])


async def _parse(runtime: Runtime, call: Call) -> _UriRequest:
    options = parse_options("lfn2uri", call.args[1:], {})
    keywords = frozenset(_KEYWORDS[word] for word in options.operands[1:] if word in _KEYWORDS)
    others = [word for word in options.operands[1:] if word not in _KEYWORDS]
    if not options.operands or len(others) > 1:
        raise UsageError("lfn2uri requires one LFN (see `alienctl help lfn2uri`)")
    if others and not {"meta", "write"} & keywords:
        raise UsageError(f"lfn2uri: unknown keyword {others[0]}; use meta, write, strict or http")
    if "write" in keywords and not others:
        raise UsageError("lfn2uri: write requires a local file")
    for one in {"meta", "http", "strict"} & keywords if "write" in keywords else ():
        raise UsageError(f"lfn2uri: use either write or {one}, not both")
    state = await session_state(runtime, call)
    found = resolve_path(options.operands[0], PathContext(state.directory, state.home, call.directory))
    if found.side == "local":
        raise UsageError(f"lfn2uri: {options.operands[0]} is a local file; give an LFN")
    local = call.local_path(others[0]) if others else ""
    return _UriRequest(found.name, found.storage, local, keywords)


async def _to_read(runtime: Runtime, call: Call, request: _UriRequest) -> list[Ticket]:
    strict, http = "strict" in request.keywords, "http" in request.keywords
    catalogue = runtime.central_sessions.catalogue_of(call.context)
    tickets = await catalogue.access_read(request.lfn, request.storage, strict=strict, http=http)
    if tickets or not http:
        return tickets
    if strict or call.stop_on_error:
        raise CopyError(f"{request.lfn}: none of its storage elements supports HTTP", "permanent")
    await call.print_error(f"lfn2uri: warning: no storage element of {request.lfn} supports HTTP; these are root URLs")
    return await catalogue.access_read(request.lfn, request.storage)


async def _to_write(runtime: Runtime, call: Call, request: _UriRequest) -> list[Ticket]:
    checksum = await runtime.workers.run(Checksum(0, request.local), lambda _: None)
    catalogue = runtime.central_sessions.catalogue_of(call.context)
    return await catalogue.access_write(request.lfn, checksum.size, checksum.md5, request.storage or DEFAULT)
