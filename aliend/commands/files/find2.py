"""`find2`: files below a directory that fulfil every filter. Each is looked at here; the service only narrows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace

from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import lfn_of
from aliend.commands.invocation.result_stream import Printer
from aliend.core.catalogue import local_paths, selection
from aliend.core.catalogue.entries import Entry
from aliend.core.catalogue.selection import Selection, Window, candidate_of
from aliend.core.cli.options import Option, ParsedOptions, parse_options
from aliend.core.protocol.replies import Result
from aliend.errors import UsageError
from aliend.runtime import Runtime

_NONE = 2
_OPTIONS: Mapping[str, Option] = {
    **selection.OPTIONS,
    "-j": Option("jobid", "a job's number"),
    "-l": Option("l", "a number"),
    "-o": Option("o", "a number"),
    "-S": Option("S", "a site's name"),
    "-e": Option("e", "a pattern"),
    **{f"-{word}": Option("ignored") for word in ("v", "a", "s", "f", "d", "w", "wh")},
}


async def find2(parts: Runtime, call: Call) -> int:
    """Print names while they arrive; 2 where there are none."""
    given = parse_options("find2", call.words[1:], _OPTIONS)
    place, pattern = _place(given)
    wanted = _selection(given, pattern)
    directory = await lfn_of(parts, call, place)
    printer, window, found = Printer(call), Window(wanted), False
    catalogue = parts.central_sessions.catalogue_of(call.context)
    files = catalogue.find_files(directory, pattern=wanted.service_pattern, options=_narrowing(wanted), bulk=False)
    async with aclosing(files) as groups:
        async for group in groups:
            chosen = [entry for entry in group if _fits(wanted, directory, entry) and window.accept()]
            if chosen:
                found = True
                await printer.results([_result(entry) for entry in chosen])
            if window.is_full:
                break
    error = "" if found else f"no file below {directory} fulfils all filters"
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    await printer.end(0 if found else _NONE, error, state.user, state.directory)
    await call.complain(f"find2: {error}" if error else "")
    return 0 if found else _NONE


def _place(given: ParsedOptions) -> tuple[str, str]:
    """The directory, and the pattern that the last word carries or the second word is (empty: none)."""
    match given.operands:
        case (word,) if "*" in word:
            directory, pattern = selection.split_pattern(word)
            return directory or ".", pattern
        case (word,):
            return word, ""
        case (word, pattern) if "*" not in word:
            return word, pattern
    raise UsageError("find2 takes filters and one directory, which may end in a pattern (see: alienctl help find2)")


def _selection(given: ParsedOptions, pattern: str) -> Selection:
    """All filters as one. Raises UsageError."""
    if pattern and (others := [f"-{key}" for key in ("glob", "select", "name") if given.has(key)]):
        raise UsageError(f"find2: {others[0]} and the pattern {pattern} exclude each other; give one of them")
    chosen = selection.selection_of(given, int(time.time() * 1000))
    return replace(
        chosen,
        glob=pattern or chosen.glob,
        patterns_out=tuple(filter(None, given.all("e"))),
        limit=given.number("l", 0, least=1),
        offset=given.number("o", 0),
        site=given.last("S"),
    )


def _narrowing(wanted: Selection) -> list[str]:
    """Options with which the service leaves out some of what is not wanted."""
    return [
        *(["-j", wanted.job] if wanted.job else []),
        *(["-S", wanted.site] if wanted.site else []),
        *(word for pattern in wanted.patterns_out for word in ("-e", pattern)),
    ]


def _fits(wanted: Selection, directory: str, entry: Entry) -> bool:
    return wanted.matches(candidate_of(entry, local_paths.relative_to(directory, entry.lfn)))


def _result(entry: Entry) -> Result:
    return {
        "lfn": entry.lfn,
        "size": str(entry.size),
        "md5": entry.md5,
        "guid": entry.guid,
        "owner": entry.owner,
        "gowner": entry.group,
        "perm": entry.permissions,
        "ctime": str(entry.changed_ms),
        "jobid": entry.job,
        "type": "f",
        "message": entry.lfn,
    }
