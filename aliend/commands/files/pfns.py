"""`pfn` and `pfn-status`: print the PFNs of files and what their servers report about them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import resolve_lfn, resolve_lfns, session_state
from aliend.commands.invocation.results import print_results
from aliend.core.catalogue.replica_url import url_problem, without_member
from aliend.core.cli.options import Option, parse_options
from aliend.core.cli.units import format_time
from aliend.core.protocol.replies import Result, replicas_of
from aliend.core.protocol.requests import Request
from aliend.errors import UsageError
from aliend.runtime import Runtime
from aliend.storage.tasks import Probe, Probed

_VERBOSE: Mapping[str, Option] = {"-v": Option("verbose"), "-verbose": Option("verbose")}
_LIMIT = 10.0
_ERROR, _INVALID_URL = 1, 3
"""Status and code of the XRootD library for a URL that it cannot use."""
_EXECUTABLE, _DIRECTORY, _OTHER, _OFFLINE = 1, 2, 4, 8
_READABLE, _WRITABLE, _UNFINISHED, _BACKUP = 16, 32, 64, 128
"""The bits of a stat reply (XRootD protocol, kXR_stat)."""


@dataclass(frozen=True, slots=True)
class _Replica:
    """A replica by its PFN; `lfn` is empty if the user gave the PFN."""

    lfn: str
    pfn: str


async def pfn(runtime: Runtime, call: Call) -> int:
    """Print the PFNs of files, one a line; for an archive member those of the archive."""
    options = parse_options("pfn", call.args[1:], {})
    central = runtime.central_sessions.of(call.context)
    lines: list[str] = []
    results: list[Result] = []
    for lfn in await resolve_lfns(runtime, call, options.operands, "pfn"):
        request = Request("whereis", ("-r", lfn))
        found = (await central.request(request)).checked(request).results
        lines += [replica.pfn for replica in replicas_of(found)]
        results += [{"lfn": lfn, **result} for result in found if result.get("pfn")]
    if not call.as_json:
        return await print_results(call, lines, results)
    state = await session_state(runtime, call)
    return await print_results(call, lines, results, user=state.user, currentdir=state.directory)


async def pfn_status(runtime: Runtime, call: Call) -> int:
    """Print what the servers report about replicas; return 0 even if they report errors."""
    options = parse_options("pfn-status", call.args[1:], _VERBOSE)
    if not options.operands:
        raise UsageError("pfn-status requires PFNs (root://...) or LFNs (see `alienctl help pfn-status`)")
    replicas: list[_Replica] = []
    for word in options.operands:
        replicas += await _replicas(runtime, call, word)
    answers = await asyncio.gather(*(_answer(runtime, one) for one in replicas))
    lines: list[str] = []
    for replica, answer in zip(replicas, answers, strict=True):
        lines += [f"LFN: {replica.lfn}"] if replica.lfn else []
        lines.append(_line(replica, answer))
        if options.has("verbose") and answer.ok:
            lines.append(_details(answer))
    return await print_results(call, lines, [_facts(*pair) for pair in zip(replicas, answers, strict=True)])


async def _replicas(runtime: Runtime, call: Call, word: str) -> list[_Replica]:
    if word.startswith(("root://", "roots://")):
        return [_Replica("", word)]
    lfn = await resolve_lfn(runtime, call, word)
    found = await runtime.central_sessions.catalogue_of(call.context).whereis(lfn)
    return [_Replica(lfn, replica.pfn) for replica in found]


async def stat_replica(runtime: Runtime, pfn: str) -> Probed:
    """Ask the server of a replica about it; a PFN that cannot be used is an answer, too."""
    return await _answer(runtime, _Replica("", pfn))


def flags_of(answer: Probed) -> tuple[bool, bool, bool]:
    """Return whether the replica is offline, readable and writable."""
    return bool(answer.flags & _OFFLINE), bool(answer.flags & _READABLE), bool(answer.flags & _WRITABLE)


async def _answer(runtime: Runtime, replica: _Replica) -> Probed:
    if problem := url_problem(replica.pfn):
        return Probed(False, True, True, _ERROR, _INVALID_URL, 0, f"the PFN {problem}")
    return await runtime.workers.run(_probe(replica), lambda _: None)


def _probe(replica: _Replica) -> Probe:
    parts = urlsplit(without_member(replica.pfn.partition("?ZIP=")[0]))
    return Probe(0, f"{parts.scheme}://{parts.netloc}", "stat", parts.path, limit=_LIMIT)


def _line(replica: _Replica, answer: Probed) -> str:
    if not answer.ok:
        numbers = f"{answer.status}/{answer.code}/{answer.errno}"
        return f"{replica.pfn}\t\tMessage: {answer.message}\tStatus/Code/ErrNo:{numbers}"
    readable, writable = (int(bool(answer.flags & bit)) for bit in (_READABLE, _WRITABLE))
    return f"{replica.pfn}\t\tSize: {answer.size}\tR/W status:{readable}/{writable}"


def _details(answer: Probed) -> str:
    directory, other, offline, unfinished, backup = (
        int(bool(answer.flags & bit)) for bit in (_DIRECTORY, _OTHER, _OFFLINE, _UNFINISHED, _BACKUP)
    )
    return (
        f"IS DIR/OTHER/OFFLINE: {directory}/{other}/{offline}\tModified: {_moment(answer)}\t"
        f"POSC pending: {unfinished}\t\tBACKUP: {backup}"
    )


def _moment(answer: Probed) -> str:
    try:
        return format_time(answer.modified)
    except (OverflowError, ValueError, OSError):
        return str(answer.modified)


def _facts(replica: _Replica, answer: Probed) -> dict[str, Any]:
    return {
        "lfn": replica.lfn,
        "pfn": replica.pfn,
        "status": answer.status,
        "code": answer.code,
        "errno": answer.errno,
        "message": answer.message,
        "shellcode": answer.shellcode,
        "error": answer.error,
        "fatal": answer.fatal,
        "ok": answer.ok,
        "size": answer.size,
        "modtime": answer.modified,
        "modtimestr": _moment(answer) if answer.ok else "",
        "x_bit_set": bool(answer.flags & _EXECUTABLE),
        "is_dir": bool(answer.flags & _DIRECTORY),
        "other": bool(answer.flags & _OTHER),
        "offline": bool(answer.flags & _OFFLINE),
        "is_readable": bool(answer.flags & _READABLE),
        "is_writable": bool(answer.flags & _WRITABLE),
        "posc_pending": bool(answer.flags & _UNFINISHED),
        "backup_exists": bool(answer.flags & _BACKUP),
    }
