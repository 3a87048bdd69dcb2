"""`find2`: prints files below a directory that match all filters, which are evaluated here on the service's list."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

from aliend.central.catalogue import Catalogue, Found
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import resolve_lfn, session_state
from aliend.commands.invocation.result_stream import Printer
from aliend.core.catalogue import local_paths, selection
from aliend.core.catalogue.entries import Entry
from aliend.core.catalogue.paths import without_slash
from aliend.core.catalogue.selection import Selection, Window, candidate_of
from aliend.core.cli.options import Option, ParsedOptions, parse_options
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


async def find2(runtime: Runtime, call: Call) -> int:
    """Print matching names while they arrive; return 2 if none matches."""
    given = parse_options("find2", call.args[1:], _OPTIONS)
    place, pattern = _directory_and_pattern(given)
    wanted = _selection(given, pattern)
    directory = await resolve_lfn(runtime, call, place)
    printer, found = Printer(call), False
    catalogue = runtime.central_sessions.catalogue_of(call.context)
    async with aclosing(find_selected(catalogue, directory, wanted)) as groups:
        async for group in groups:
            found = True
            await printer.results([{**result, "message": entry.lfn} for entry, result in group])
    error = "" if found else f"no file below {directory} matches all filters"
    state = await session_state(runtime, call)
    await printer.end(0 if found else _NONE, error, state.user, state.directory)
    await call.print_error(f"find2: {error}" if error else "")
    return 0 if found else _NONE


async def find_selected(
    catalogue: Catalogue, directory: str, wanted: Selection, *, directories: bool = False
) -> AsyncGenerator[Found, None]:
    """Yield the files below `directory` that match, in groups as they arrive, each with the service's result.

    With `directories` those that match are yielded, too.
    """
    window = Window(wanted)
    options = [*(["-d"] if directories else []), *_service_options(wanted)]
    files = catalogue.find_results(directory, pattern=wanted.service_pattern, options=options, bulk=False)
    async with aclosing(files) as groups:
        async for group in groups:
            chosen = [pair for pair in group if _matches(wanted, directory, pair[0]) and window.accept()]
            if chosen:
                yield chosen
            if window.is_full:
                break


def _directory_and_pattern(given: ParsedOptions) -> tuple[str, str]:
    """Return the directory and the pattern, given in one argument or in two (empty: no pattern)."""
    match given.operands:
        case (word,) if "*" in word:
            directory, pattern = selection.split_pattern(word)
            return directory or ".", pattern
        case (word,):
            return word, ""
        case (word, pattern) if "*" not in word:
            return word, pattern
    raise UsageError("find2 requires one directory, optionally with a pattern (see `alienctl help find2`)")


def _selection(given: ParsedOptions, pattern: str) -> Selection:
    """Return all filters as one selection. Raises UsageError."""
    if pattern and (others := [f"-{key}" for key in ("glob", "select", "name") if given.has(key)]):
        raise UsageError(f"find2: use either {others[0]} or the pattern {pattern}, not both")
    chosen = selection.selection_of(given, int(time.time() * 1000))
    return replace(
        chosen,
        glob=pattern or chosen.glob,
        patterns_out=tuple(filter(None, given.all("e"))),
        limit=given.number("l", 0, least=1),
        offset=given.number("o", 0),
        site=given.last("S"),
    )


def _service_options(wanted: Selection) -> list[str]:
    """Return the options with which the service itself leaves out some files that do not match."""
    return [
        *(["-j", wanted.job] if wanted.job else []),
        *(["-S", wanted.site] if wanted.site else []),
        *(word for pattern in wanted.patterns_out for word in ("-e", pattern)),
    ]


def _matches(wanted: Selection, directory: str, entry: Entry) -> bool:
    name = local_paths.relative_to(directory, without_slash(entry.lfn))
    return wanted.matches(candidate_of(entry, name))
