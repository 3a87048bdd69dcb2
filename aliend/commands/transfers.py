"""`transfers`: list, show, watch, wait, cancel, retry, pause and resume jobs; why they wait and how many run."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from aliend.commands import events, waiting
from aliend.commands.call import Call
from aliend.commands.copy import follow_foreground
from aliend.commands.follow import exit_code, human, kind_of, summary
from aliend.core.record import AttemptRecord
from aliend.engine.views import DeletionView, JobView, TransferView
from aliend.errors import UsageError
from aliend.parts import Parts

TIMED_OUT = 124
PAGE = 1000
_ENDED = ("done", "partial", "failed", "cancelled")


async def transfers(parts: Parts, call: Call) -> int:
    """Run `transfers VERB ...`."""
    verb = call.words[1] if len(call.words) > 1 else "list"
    if verb not in _VERBS:
        raise UsageError(f"transfers: there is no {verb}; there are: {', '.join(_VERBS)}")
    return await _VERBS[verb](parts, call, list(call.words[2:]))


async def _list(parts: Parts, call: Call, words: list[str]) -> int:
    if words not in ([], ["--all"]):
        raise UsageError("transfers list takes no other word than --all")
    jobs: list[JobView] = []
    while page := await parts.engine.jobs(PAGE, jobs[-1].id if jobs else 0, active_only=not words):
        jobs += page
    if call.as_json:
        await call.document({"jobs": [summary(job) for job in jobs]})
    elif jobs:
        await call.say("\n".join([f"{'JOB':>6}  {'STATE':<10}{'FILES':>13}{'BYTES':>22}  TARGET", *map(_line, jobs)]))
    else:
        await call.complain("no transfer jobs" if words else "no transfer jobs that have not ended (see: --all)")
    return 0


async def _show(parts: Parts, call: Call, words: list[str]) -> int:
    with_attempts = "--attempts" in words
    words = [word for word in words if word != "--attempts"]
    job = await parts.engine.job(_only_job("show", words))
    files: list[TransferView] = []
    history: dict[int, list[AttemptRecord]] = {}
    while page := await parts.engine.transfers(job.id, PAGE, files[-1].id if files else 0):
        files += page
        if with_attempts or call.as_json:
            for record in await parts.engine.attempts([file.id for file in page]):
                history.setdefault(record.transfer, []).append(record)
    if call.as_json:
        await call.document(
            {
                **summary(job),
                "transfers": [_transfer(file, history.get(file.id, [])) for file in files],
                "deletions": [_deletion(one) async for one in deletions_of(parts, job.id)],
            }
        )
        return 0
    lines = [
        f"job {job.id}: {kind_of(job)}, {job.state}, {job.files.done} of {job.files.total} files,"
        f" {human(job.bytes_done)} of {human(job.bytes_total)}",
        f"submitted {_time(job.created_ms)}" + (f", ended {_time(job.ended_ms)}" if job.ended_ms else ""),
        *([job.message] if job.message else []),
        *("\n".join([_transfer_line(file), *map(_attempt_line, history.get(file.id, []))]) for file in files),
        *[_deletion_line(one) async for one in deletions_of(parts, job.id)],
    ]
    await call.say("\n".join(lines))
    return 0


async def deletions_of(parts: Parts, job: int) -> AsyncIterator[DeletionView]:
    """What a synchronisation deletes in the end, by name; one without a name says that it may not."""
    last: str | None = None
    while page := await parts.engine.deletions(job, last):
        for one in page:
            yield one
        last = page[-1].below


def _deletion_line(one: DeletionView) -> str:
    text = f"  {one.state:<10}{'':>11}  {one.below or 'everything that only the target has'}"
    return f"{text}\n             {one.reason}" if one.reason else text


def _deletion(one: DeletionView) -> dict[str, Any]:
    return {"name": one.below, "state": one.state, "reason": one.reason}


async def _attach(parts: Parts, call: Call, words: list[str]) -> int:
    return await follow_foreground(parts, call, [_only_job("attach", [word]) for word in words or [""]])


async def _wait(parts: Parts, call: Call, words: list[str]) -> int:
    limit: float | None = None
    if "--timeout" in words:
        at = words.index("--timeout")
        limit = _seconds(words[at + 1] if at + 1 < len(words) else "")
        del words[at : at + 2]
    job = _only_job("wait", words)
    try:
        final = await asyncio.wait_for(parts.engine.wait(job), limit)
    except TimeoutError:
        await call.complain(f"transfers: job {job} has not ended within {limit:g} s; it goes on")
        return TIMED_OUT
    if call.as_json:
        await call.document(summary(final))
    return exit_code(final)


async def _cancel(parts: Parts, call: Call, words: list[str]) -> int:
    return await _changed(call, await parts.engine.cancel(_only_job("cancel", words)))


async def _retry(parts: Parts, call: Call, words: list[str]) -> int:
    return await _changed(call, await parts.engine.retry(_only_job("retry", words), uuid.uuid4().hex))


async def _pause(parts: Parts, call: Call, words: list[str]) -> int:
    return await _changed(call, await parts.engine.pause(_only_job("pause", words)))


async def _resume(parts: Parts, call: Call, words: list[str]) -> int:
    return await _changed(call, await parts.engine.resume(_only_job("resume", words)))


async def _changed(call: Call, job: JobView) -> int:
    if call.as_json:
        await call.document(summary(job))
    else:
        await call.say(f"job {job.id}: {job.state}, {job.files.done} of {job.files.total} files done")
    return 0


def _only_job(verb: str, words: list[str]) -> int:
    if len(words) != 1 or not words[0].isascii() or not words[0].isdigit():
        raise UsageError(f"transfers {verb} takes one job number (see: alienctl transfers list --all)")
    return int(words[0])


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise UsageError(f"transfers wait: --timeout needs seconds, not {text!r}") from None
    if not 0 <= seconds < 1e9:
        raise UsageError("transfers wait: --timeout needs a number of seconds that is not negative")
    return seconds


def _line(job: JobView) -> str:
    files = f"{job.files.done}/{job.files.total}"
    size = f"{human(job.bytes_done)}/{human(job.bytes_total)}"
    return f"{job.id:>6}  {job.state:<10}{files:>13}{size:>22}  {job.target}"


def _transfer_line(file: TransferView) -> str:
    text = f"  {file.state:<10}{human(file.size):>11}  {file.source} -> {file.target}"
    notes = [file.message] if file.message else []
    if file.joined:
        notes.append(f"joined: transfer {file.joined} of another job brings it")
    if file.wanted > 1:
        notes.append(f"wanted by {file.wanted} jobs")
    return "\n             ".join([text, *notes])


def _attempt_line(one: AttemptRecord) -> str:
    where = f" {one.se}" if one.se else ""
    text = (
        f"    attempt {one.number} {_time(one.began_ms)}{where}: {one.stage}, {human(one.bytes)} in {one.seconds:.1f} s"
    )
    return f"{text}: {one.error}" if one.error else text


def _attempt(one: AttemptRecord) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "transfer"}


def _transfer(file: TransferView, history: list[AttemptRecord]) -> dict[str, Any]:
    return {
        "id": file.id,
        "state": file.state,
        "source": file.source,
        "target": file.target,
        "size": file.size,
        "attempts": file.attempts,
        "message": file.message,
        "retry_ms": file.retry_ms,
        "joined": file.joined,
        "wanted": file.wanted,
        "history": [_attempt(one) for one in history],
    }


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


_VERBS: dict[str, Callable[[Parts, Call, list[str]], Awaitable[int]]] = {
    "list": _list,
    "show": _show,
    "watch": events.watch,
    "wait": _wait,
    "cancel": _cancel,
    "retry": _retry,
    "pause": _pause,
    "resume": _resume,
    "attach": _attach,
    "why": waiting.why,
    "limit": waiting.limit,
}
