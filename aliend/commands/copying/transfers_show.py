"""`transfers show`: prints a job and its files, or only the failed ones, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aliend.commands.copying.job_selection import parse_ranges
from aliend.commands.following.deletions import deletions_of
from aliend.commands.following.follower import job_to_json, kind_of, route_of
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.result_stream import JsonArray
from aliend.core.cli.colours import colour_states
from aliend.core.cli.escaping import escape_names, escape_newlines
from aliend.core.cli.options import Option, parse_options
from aliend.core.cli.units import format_duration, format_size, format_time
from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.engine.views import DeletionView, JobView, TransferView
from aliend.errors import UsageError
from aliend.runtime import Runtime

_PAGE, _EVERY = 500, 2**62
OPTIONS: Mapping[str, Option] = {
    "--failed": Option("failed"),
    "--attempts": Option("attempts"),
    "--limit": Option("limit", "a number"),
}


@dataclass(frozen=True, slots=True)
class _Page:
    """Some files of a job, and the attempts of each by transfer number."""

    files: Sequence[TransferView]
    tried: dict[int, list[AttemptRecord]]


async def show(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Print a job and its files with their errors; `--attempts`: each attempt, `--failed`: only failed files."""
    options = parse_options("transfers show", args, OPTIONS)
    if len(parse_ranges("show", options.operands)) != 1 or not options.operands[0].isdigit():
        raise UsageError(
            "usage: transfers show [--failed] [--attempts] [--limit N] JOB; list jobs with `transfers list`"
        )
    job = await runtime.engine.job(int(options.operands[0]))
    states = ("failed",) if options.has("failed") else ()
    most = options.number("limit", 0, least=1)
    pages = _pages(runtime, job.id, states, most, tried=call.as_json or options.has("attempts"))
    if call.as_json:
        array = JsonArray(call, "transfers", job_to_json(job))
        async for page in pages:
            await array.add([_fields(file, page.tried.get(file.id, ())) for file in page.files])
        await array.end({"deletions": [_deletion(deletion) async for deletion in deletions_of(runtime, job.id)]})
        return 0
    await call.print("\n".join(_head(job)))
    async for page in pages:
        await call.print_coloured("\n".join(_lines(page)), colour_states)
    async for one in deletions_of(runtime, job.id):
        if not states or one.state in states:
            await call.print(_deletion_line(one))
    return 0


async def _pages(runtime: Runtime, job: int, states: Sequence[str], most: int, *, tried: bool) -> AsyncIterator[_Page]:
    last, left = 0, most or _EVERY
    while left and (files := await runtime.engine.transfers(job, min(_PAGE, left), last, states)):
        last, left = files[-1].id, left - len(files)
        history: dict[int, list[AttemptRecord]] = {}
        for record in await runtime.engine.attempts([file.id for file in files]) if tried else ():
            history.setdefault(record.transfer, []).append(record)
        yield _Page(files, history)


def _head(job: JobView) -> list[str]:
    failed = f", {job.files.failed} failed" if job.files.failed else ""
    return [
        f"job {job.id}: {kind_of(job)}, {job.state}, {job.files.done} of {job.files.total} files{failed},"
        f" {format_size(job.bytes_done)} of {format_size(job.bytes_total)}",
        f"submitted {format_time(job.created_ms / 1000)}"
        + (f", ended {format_time(job.ended_ms / 1000)}" if job.ended_ms else ""),
        *([f"label {job.label}"] if job.label else []),
        *([f"executor {job.executor}"] if job.executor else []),
        *([_speed(job)] if job.bytes_per_second or job.files_per_second else []),
        *([job.message] if job.message else []),
    ]


def _speed(job: JobView) -> str:
    rate = f"{format_size(job.bytes_per_second)}/s, {job.files_per_second:.1f} files/s"
    return f"{rate}, {format_duration(job.seconds_left)} left" if job.seconds_left else rate


def _lines(page: _Page) -> list[str]:
    lines = []
    for file in page.files:
        moving = f", {format_size(file.bytes_done)} copied" if file.state == "running" and file.bytes_done else ""
        lines.append(f"  {file.state:<10}{format_size(file.size):>11}  {escape_newlines(route_of(file))}{moving}")
        below = [f"             {note}" for note in _notes(file)]
        below += map(_attempt_line, page.tried.get(file.id, ()))
        lines += [escape_names(line, (file.source, file.target)) for line in below]
    return lines


def _deletion_line(deletion: DeletionView) -> str:
    name = escape_newlines(deletion.below) or "all files that exist only in the target"
    text = f"  {deletion.state:<10}{'':>11}  {name}"
    return f"{text}\n             {escape_names(deletion.reason, (deletion.below,))}" if deletion.reason else text


def _deletion(deletion: DeletionView) -> dict[str, Any]:
    return {"name": deletion.below, "state": deletion.state, "reason": deletion.reason}


def _notes(file: TransferView) -> list[str]:
    notes = [file.message] if file.message else []
    if file.kept_until_ms:
        notes.append(
            f"{format_size(file.bytes_done)} are kept until {format_time(file.kept_until_ms / 1000)}; "
            f"continue with `alienctl transfers retry {file.job}`"
        )
    if file.retry_ms:
        notes.append(f"next try at {format_time(file.retry_ms / 1000)}")
    if file.joined:
        notes.append(f"joined: transfer {file.joined} of another job copies it")
    if file.wanted > 1:
        notes.append(f"requested by {file.wanted} jobs")
    return notes


def _attempt_line(attempt: AttemptRecord) -> str:
    where = f" {attempt.se}" if attempt.se else ""
    text = (
        f"    attempt {attempt.number} {format_time(attempt.began_ms / 1000)}{where}: "
        f"{attempt.stage}, {format_size(attempt.bytes)} in {attempt.seconds:.1f} s"
    )
    return f"{text}: {attempt.error}" if attempt.error else text


def _fields(file: TransferView, tried: Sequence[AttemptRecord]) -> dict[str, Any]:
    return {
        "id": file.id,
        "state": file.state,
        "source": file.source,
        "target": file.target,
        "size": file.size,
        "bytes_done": file.bytes_done,
        "attempts": file.attempts,
        "message": file.message,
        "retry_ms": file.retry_ms,
        "joined": file.joined,
        "wanted": file.wanted,
        "kept_until_ms": file.kept_until_ms,
        "history": [{name: value for name, value in asdict(one).items() if name != "transfer"} for one in tried],
    }
