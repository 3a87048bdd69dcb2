"""`transfers`: list, show, watch, wait, cancel, retry, pause and resume jobs; why they wait and how many run."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable

from aliend.commands.copying import transfers_limit, transfers_watch
from aliend.commands.copying.transfers_show import show
from aliend.commands.following.follower import SOME_ARRIVED, exit_code, summary
from aliend.commands.following.foreground import follow_foreground
from aliend.commands.invocation.call import Call, encoded
from aliend.core.cli.colours import colour_states
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.options import Option, unknown_option
from aliend.core.cli.units import format_size
from aliend.engine.views import JobView
from aliend.errors import UsageError
from aliend.runtime import Runtime

TIMED_OUT = 124
PAGE = 1000
_ENDED = ("done", "partial", "failed", "cancelled")


async def transfers(parts: Runtime, call: Call) -> int:
    """Run `transfers VERB ...`."""
    verb = call.words[1] if len(call.words) > 1 else "list"
    if verb not in _VERBS:
        raise UsageError(f"transfers: there is no {verb}; there are: {', '.join(_VERBS)}")
    words = list(call.words[2:])
    if known := _OPTIONS.get(verb):
        for strange in (word for word in words if word.startswith("--") and word not in known):
            raise UsageError(unknown_option(f"transfers {verb}", strange, known))
    return await _VERBS[verb](parts, call, words)


async def _list(parts: Runtime, call: Call, words: list[str]) -> int:
    if words not in ([], ["--all"]):
        raise UsageError("transfers list takes no other word than --all")
    last, opening, separator = 0, '{\n  "jobs": [', ""
    while page := await parts.engine.jobs(PAGE, last, active_only=not words):
        if call.by_line:
            await call.lines(map(summary, page))
        elif call.as_json:
            texts = ",\n    ".join(json.dumps(summary(job), ensure_ascii=False) for job in page)
            await call.output.stdout(encoded(f"{'' if last else opening}{separator}\n    {texts}"))
        else:
            head = [] if last else [f"{'JOB':>6}  {'STATE':<10}{'FILES':>13}{'BYTES':>22}  TARGET"]
            await call.paint("\n".join([*head, *map(_line, page)]), colour_states)
        last, separator = page[-1].id, ","
    if call.by_line:
        return 0
    if call.as_json:
        await call.output.stdout(encoded(f"{'' if last else opening}\n  ]\n}}\n"))
    elif not last:
        await call.complain("no transfer jobs" if words else "no transfer jobs that have not ended (see: --all)")
    return 0


async def _attach(parts: Runtime, call: Call, words: list[str]) -> int:
    compat_exit = any(word.lstrip("-") == "compat-exit" for word in words)
    jobs = [_only_job("attach", [word]) for word in words if not word.startswith("-")]
    return await follow_foreground(parts, call, jobs or [_only_job("attach", [])], compat_exit=compat_exit)


async def _wait(parts: Runtime, call: Call, words: list[str]) -> int:
    limit: float | None = None
    if "--timeout" in words:
        at = words.index("--timeout")
        limit = _seconds(words[at + 1] if at + 1 < len(words) else "")
        del words[at : at + 2]
    jobs = [_only_job("wait", [word]) for word in words or [""]]
    for job in jobs:
        await parts.engine.job(job)
    try:
        async with asyncio.timeout(limit):
            finals = [await parts.engine.wait(job) for job in jobs]
    except TimeoutError:
        left = [job for job in jobs if not (await parts.engine.job(job)).ended_ms]
        named = ", ".join(map(str, left))
        told = f"job {named} has not ended within {limit:g} s; it goes on"
        if len(left) != 1:
            told = f"jobs {named} have not ended within {limit:g} s; they go on"
        await call.complain(f"transfers: {told}")
        return TIMED_OUT
    if call.as_json:
        await call.document(summary(finals[0]) if len(finals) == 1 else {"jobs": list(map(summary, finals))})
    codes = {exit_code(final) for final in finals}
    return codes.pop() if len(codes) == 1 else SOME_ARRIVED


async def _cancel(parts: Runtime, call: Call, words: list[str]) -> int:
    return await _changed(call, await parts.engine.cancel(_only_job("cancel", words)))


async def _retry(parts: Runtime, call: Call, words: list[str]) -> int:
    return await _changed(call, await parts.engine.retry(_only_job("retry", words), uuid.uuid4().hex))


async def _pause(parts: Runtime, call: Call, words: list[str]) -> int:
    return await _changed(call, await parts.engine.pause(_only_job("pause", words)))


async def _resume(parts: Runtime, call: Call, words: list[str]) -> int:
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
    size = f"{format_size(job.bytes_done)}/{format_size(job.bytes_total)}"
    return f"{job.id:>6}  {job.state:<10}{files:>13}{size:>22}  {escape_newlines(job.target)}"


_OPTIONS = {
    "list": {"--all": Option("all")},
    "show": {"--failed": Option("failed"), "--attempts": Option("attempts")},
    "watch": {"--since": Option("since", "the number of an event")},
    "wait": {"--timeout": Option("timeout", "seconds")},
    "limit": {"--job": Option("job", "a job's number")},
}
_VERBS: dict[str, Callable[[Runtime, Call, list[str]], Awaitable[int]]] = {
    "list": _list,
    "show": show,
    "watch": transfers_watch.watch,
    "wait": _wait,
    "cancel": _cancel,
    "retry": _retry,
    "pause": _pause,
    "resume": _resume,
    "attach": _attach,
    "why": transfers_limit.why,
    "limit": transfers_limit.limit,
}
