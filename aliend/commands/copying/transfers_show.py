"""`transfers show`: a job and its files, or only those that failed, page by page however many they are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from aliend.commands.following.follower import kind_of, summary, way_of
from aliend.commands.invocation.call import Call, encoded
from aliend.core.cli.colours import colour_states
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.units import format_size
from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.engine.views import DeletionView, JobView, TransferView
from aliend.errors import UsageError
from aliend.runtime import Runtime

_PAGE = 500


@dataclass(frozen=True, slots=True)
class _Page:
    """Some files of a job, and what was tried for each (by its number)."""

    files: Sequence[TransferView]
    tried: dict[int, list[AttemptRecord]]


async def show(parts: Runtime, call: Call, words: list[str]) -> int:
    """Show a job: its files with the reason of each failure; `--attempts` what was tried, `--failed` only failures."""
    flags = {word for word in words if word.startswith("-")}
    rest = [word for word in words if word not in flags]
    if flags - {"--attempts", "--failed"} or len(rest) != 1 or not (rest[0].isascii() and rest[0].isdigit()):
        raise UsageError("transfers show takes one job number, --failed and --attempts (see: alienctl transfers list)")
    job = await parts.engine.job(int(rest[0]))
    states = ("failed",) if "--failed" in flags else ()
    pages = _pages(parts, job.id, states, tried=call.as_json or "--attempts" in flags)
    if call.as_json:
        await _document(call, job, pages)
        deletions = [_deletion(one) async for one in deletions_of(parts, job.id)]
        if not call.by_line:
            ending = f',\n  "deletions": {json.dumps(deletions, ensure_ascii=False)}\n}}\n'
            await call.output.stdout(encoded(ending))
        return 0
    await call.say("\n".join(_head(job)))
    async for page in pages:
        await call.paint("\n".join(_lines(page)), colour_states)
    async for one in deletions_of(parts, job.id):
        if not states or one.state in states:
            await call.say(_deletion_line(one))
    return 0


async def deletions_of(parts: Runtime, job: int) -> AsyncIterator[DeletionView]:
    """What a synchronisation deletes in the end, by name; one without a name says that it may not."""
    last: str | None = None
    while page := await parts.engine.deletions(job, last):
        for one in page:
            yield one
        last = page[-1].below


async def _pages(parts: Runtime, job: int, states: Sequence[str], *, tried: bool) -> AsyncIterator[_Page]:
    last = 0
    while files := await parts.engine.transfers(job, _PAGE, last, states):
        last = files[-1].id
        history: dict[int, list[AttemptRecord]] = {}
        for record in await parts.engine.attempts([file.id for file in files]) if tried else ():
            history.setdefault(record.transfer, []).append(record)
        yield _Page(files, history)


async def _document(call: Call, job: JobView, pages: AsyncIterator[_Page]) -> None:
    """One JSON document, written as it comes: the job, and a line for each file (or those lines alone)."""
    if call.by_line:
        async for page in pages:
            await call.lines([_fields(file, page.tried.get(file.id, ())) for file in page.files])
        return
    opening = json.dumps(summary(job), ensure_ascii=False, indent=2).removesuffix("\n}") + ',\n  "transfers": ['
    async for page in pages:
        texts = [json.dumps(_fields(file, page.tried.get(file.id, ())), ensure_ascii=False) for file in page.files]
        await call.output.stdout(encoded(opening + "\n    " + ",\n    ".join(texts)))
        opening = ","
    await call.output.stdout(encoded(("" if opening == "," else opening) + "\n  ]"))


def _head(job: JobView) -> list[str]:
    failed = f", {job.files.failed} failed" if job.files.failed else ""
    return [
        f"job {job.id}: {kind_of(job)}, {job.state}, {job.files.done} of {job.files.total} files{failed},"
        f" {format_size(job.bytes_done)} of {format_size(job.bytes_total)}",
        f"submitted {_time(job.created_ms)}" + (f", ended {_time(job.ended_ms)}" if job.ended_ms else ""),
        *([job.message] if job.message else []),
    ]


def _lines(page: _Page) -> list[str]:
    lines = []
    for file in page.files:
        lines.append(f"  {file.state:<10}{format_size(file.size):>11}  {escape_newlines(way_of(file))}")
        lines += [f"             {note}" for note in _notes(file)]
        lines += map(_attempt_line, page.tried.get(file.id, ()))
    return lines


def _deletion_line(one: DeletionView) -> str:
    text = f"  {one.state:<10}{'':>11}  {escape_newlines(one.below) or 'everything that only the target has'}"
    return f"{text}\n             {one.reason}" if one.reason else text


def _deletion(one: DeletionView) -> dict[str, Any]:
    return {"name": one.below, "state": one.state, "reason": one.reason}


def _notes(file: TransferView) -> list[str]:
    notes = [file.message] if file.message else []
    if file.joined:
        notes.append(f"joined: transfer {file.joined} of another job brings it")
    if file.wanted > 1:
        notes.append(f"wanted by {file.wanted} jobs")
    return notes


def _attempt_line(one: AttemptRecord) -> str:
    where = f" {one.se}" if one.se else ""
    text = (
        f"    attempt {one.number} {_time(one.began_ms)}{where}: "
        f"{one.stage}, {format_size(one.bytes)} in {one.seconds:.1f} s"
    )
    return f"{text}: {one.error}" if one.error else text


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
        "history": [{name: value for name, value in asdict(one).items() if name != "transfer"} for one in tried],
    }


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
