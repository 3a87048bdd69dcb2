"""`transfers list`: prints the jobs as a table of chosen columns, or as JSON, page by page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aliend.commands.copying.job_selection import SELECTION, parse_states
from aliend.commands.following.follower import job_to_json, kind_of
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.result_stream import JsonArray
from aliend.core.cli.colours import colour_states
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.options import Option, parse_options
from aliend.core.cli.units import format_duration, format_size, format_time, parse_time
from aliend.core.transfers.job import JobFilter
from aliend.engine.views import JobView
from aliend.errors import UsageError
from aliend.runtime import Runtime

OPTIONS: Mapping[str, Option] = {
    **SELECTION,
    "--since": Option("since", "a time or an age"),
    "--limit": Option("limit", "a number"),
    "--columns": Option("columns", "names of columns"),
}
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table: its width (negative: left-aligned, 0: the last one) and its text."""

    width: int
    text: Callable[[JobView], str]


def _rate(job: JobView) -> str:
    return f"{format_size(job.bytes_per_second)}/s" if job.bytes_per_second else "-"


COLUMNS: Mapping[str, _Column] = {
    "job": _Column(6, lambda job: str(job.id)),
    "state": _Column(-9, lambda job: job.state),
    "kind": _Column(-9, kind_of),
    "files": _Column(11, lambda job: f"{job.files.done}/{job.files.total}"),
    "failed": _Column(7, lambda job: str(job.files.failed)),
    "bytes": _Column(21, lambda job: f"{format_size(job.bytes_done)}/{format_size(job.bytes_total)}"),
    "rate": _Column(12, _rate),
    "eta": _Column(8, lambda job: format_duration(job.seconds_left) if job.seconds_left else "-"),
    "priority": _Column(8, lambda job: str(job.priority)),
    "label": _Column(-16, lambda job: job.label),
    "created": _Column(-19, lambda job: format_time(job.created_ms / 1000)),
    "ended": _Column(-19, lambda job: format_time(job.ended_ms / 1000) if job.ended_ms else "-"),
    "source": _Column(0, lambda job: job.sources[0]),
    "target": _Column(0, lambda job: job.target),
    "message": _Column(0, lambda job: job.message),
}
_USUAL = ("job", "state", "files", "bytes", "rate", "eta", "target")


async def list_jobs(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Print the unfinished jobs, or those that the options select, the newest first."""
    options = parse_options("transfers list", args, OPTIONS)
    if options.operands:
        raise UsageError(f"transfers list: unexpected argument {options.operands[0]}; show a job with `transfers show`")
    columns = _columns(options.last("columns"))
    most = options.number("limit", 0, least=1)
    is_open = not any(options.has(key) for key in ("all", "state", "label", "since"))
    since = parse_time(options.last("since"), time.time_ns() // 10**6, "--since") if options.has("since") else 0
    matching = JobFilter(parse_states(options.all("state")), options.last("label"), since)
    last, printed, array = 0, 0, JsonArray(call, "jobs")
    while page := await runtime.engine.jobs(_size(most, printed), last, active_only=is_open, matching=matching):
        if call.as_json:
            await array.add(map(job_to_json, page))
        else:
            head = [] if printed else [_head(columns)]
            await call.print_coloured("\n".join([*head, *(_line(columns, job) for job in page)]), colour_states)
        last, printed = page[-1].id, printed + len(page)
        if printed == most:
            break
    if call.as_json:
        await array.end()
    elif not printed:
        await call.print_error(
            "no unfinished transfer jobs; list all jobs with `alienctl transfers --all`"
            if is_open
            else "no transfer jobs"
        )
    return 0


def _size(most: int, printed: int) -> int:
    return min(_PAGE, most - printed) if most else _PAGE


def _columns(text: str) -> tuple[str, ...]:
    names = tuple(text.split(",")) if text else _USUAL
    for name in names:
        if name not in COLUMNS:
            raise UsageError(f"transfers list: no column is called {name!r}; use: {','.join(COLUMNS)}")
    return names


def _head(names: Sequence[str]) -> str:
    return _row(names, [name.upper() for name in names])


def _line(names: Sequence[str], job: JobView) -> str:
    return _row(names, [escape_newlines(COLUMNS[name].text(job)) for name in names])


def _row(names: Sequence[str], texts: Sequence[str]) -> str:
    cells = []
    for name, text in zip(names, texts, strict=True):
        width = COLUMNS[name].width
        cells.append(text.ljust(-width) if width < 0 else text.rjust(width))
    return "  ".join(cells).rstrip()
