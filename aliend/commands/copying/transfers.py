"""`transfers`: lists and controls transfer jobs; `show`, `watch`, `why` and `limit` have modules of their own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from aliend.commands.copying import transfers_limit, transfers_watch, transfers_why
from aliend.commands.copying.transfers_show import show
from aliend.commands.following.follower import SOME_ARRIVED, job_to_json
from aliend.commands.following.foreground import exit_code_of_job, follow_foreground
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.result_stream import JsonArray
from aliend.core.cli.colours import colour_states
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.options import Option, unknown_option
from aliend.core.cli.units import format_size
from aliend.engine.views import JobView
from aliend.errors import UsageError
from aliend.runtime import Runtime

TIMED_OUT = 124
PAGE = 1000


async def transfers(runtime: Runtime, call: Call) -> int:
    """Run `transfers VERB ...`."""
    verb, *words = call.args[1:] or ("list",)
    if verb.startswith("-"):
        verb, words = "list", [verb, *words]
    if verb not in _VERBS:
        raise UsageError(f"transfers: unknown subcommand {verb}; use one of: {', '.join(_VERBS)}")
    if known := _OPTIONS.get(verb):
        for strange in (word for word in words if word.startswith("--") and word not in known):
            raise UsageError(unknown_option(f"transfers {verb}", strange, known))
    return await _VERBS[verb](runtime, call, words)


async def _list(runtime: Runtime, call: Call, args: list[str]) -> int:
    if args not in ([], ["--all"]):
        raise UsageError("usage: transfers list [--all]")
    last, array = 0, JsonArray(call, "jobs")
    while page := await runtime.engine.jobs(PAGE, last, active_only=not args):
        if call.as_json:
            await array.add(map(job_to_json, page))
        else:
            head = [] if last else [f"{'JOB':>6}  {'STATE':<10}{'FILES':>13}{'BYTES':>22}  TARGET"]
            await call.print_coloured("\n".join([*head, *map(_line, page)]), colour_states)
        last = page[-1].id
    if call.as_json:
        await array.end()
    elif not last:
        await call.print_error(
            "no transfer jobs" if args else "no unfinished transfer jobs; list all jobs with `alienctl transfers --all`"
        )
    return 0


async def _attach(runtime: Runtime, call: Call, args: list[str]) -> int:
    compat_exit = any(word.lstrip("-") == "compat-exit" for word in args)
    jobs = [_job_number("attach", [word]) for word in args if not word.startswith("-")]
    return await follow_foreground(runtime, call, jobs or [_job_number("attach", [])], compat_exit=compat_exit)


async def _wait(runtime: Runtime, call: Call, args: list[str]) -> int:
    limit: float | None = None
    if "--timeout" in args:
        at = args.index("--timeout")
        limit = _seconds(args[at + 1] if at + 1 < len(args) else "")
        del args[at : at + 2]
    jobs = [_job_number("wait", [word]) for word in args or [""]]
    for job in jobs:
        await runtime.engine.job(job)
    try:
        async with asyncio.timeout(limit):
            finals = [await runtime.engine.wait(job) for job in jobs]
    except TimeoutError:
        left = [job for job in jobs if not (await runtime.engine.job(job)).ended_ms]
        named = ", ".join(map(str, left))
        message = f"job {named} has not ended after {limit:g} s; it continues"
        if len(left) != 1:
            message = f"jobs {named} have not ended after {limit:g} s; they continue"
        await call.print_error(f"transfers: {message}")
        return TIMED_OUT
    if call.as_json:
        await call.print_json(job_to_json(finals[0]) if len(finals) == 1 else {"jobs": list(map(job_to_json, finals))})
    codes = {await exit_code_of_job(runtime, final) for final in finals}
    return codes.pop() if len(codes) == 1 else SOME_ARRIVED


async def _cancel(runtime: Runtime, call: Call, args: list[str]) -> int:
    return await _print_job(call, await runtime.engine.cancel(_job_number("cancel", args)))


async def _retry(runtime: Runtime, call: Call, args: list[str]) -> int:
    return await _print_job(call, await runtime.engine.retry(_job_number("retry", args), uuid.uuid4().hex))


async def _pause(runtime: Runtime, call: Call, args: list[str]) -> int:
    return await _print_job(call, await runtime.engine.pause(_job_number("pause", args)))


async def _resume(runtime: Runtime, call: Call, args: list[str]) -> int:
    return await _print_job(call, await runtime.engine.resume(_job_number("resume", args)))


async def _print_job(call: Call, job: JobView) -> int:
    if call.as_json:
        await call.print_json(job_to_json(job))
    else:
        await call.print(f"job {job.id}: {job.state}, {job.files.done} of {job.files.total} files done")
    return 0


def _job_number(verb: str, args: list[str]) -> int:
    if len(args) != 1 or not args[0].isascii() or not args[0].isdigit():
        raise UsageError(f"transfers {verb} requires one job number (see `alienctl transfers list --all`)")
    return int(args[0])


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise UsageError(f"transfers wait: --timeout must be a number of seconds, not {text!r}") from None
    if not 0 <= seconds < 1e9:
        raise UsageError("transfers wait: --timeout must not be negative")
    return seconds


def _line(job: JobView) -> str:
    files = f"{job.files.done}/{job.files.total}"
    size = f"{format_size(job.bytes_done)}/{format_size(job.bytes_total)}"
    return f"{job.id:>6}  {job.state:<10}{files:>13}{size:>22}  {escape_newlines(job.target)}"


_OPTIONS = {
    "list": {"--all": Option("all")},
    "show": {"--failed": Option("failed"), "--attempts": Option("attempts")},
    "watch": {"--since": Option("since", "an event number")},
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
    "why": transfers_why.why,
    "limit": transfers_limit.limit,
}
