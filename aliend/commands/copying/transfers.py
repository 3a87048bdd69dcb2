"""`transfers`: controls transfer jobs; `list`, `show`, `watch`, `why` and `limit` have modules of their own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aliend.commands.copying import transfers_limit, transfers_list, transfers_show, transfers_watch, transfers_why
from aliend.commands.copying.job_selection import SELECTION, is_selected_by_option, selected_jobs
from aliend.commands.copying.job_selection import parse_ranges as parse_jobs
from aliend.commands.following.follower import SOME_ARRIVED, job_to_json
from aliend.commands.following.foreground import exit_code_of_job, follow_foreground, kept_text
from aliend.commands.invocation.call import Call
from aliend.core.cli.numbers import parse_whole
from aliend.core.cli.options import Option, ParsedOptions, parse_options, unknown_option
from aliend.core.transfers.job import MAX_PRIORITY
from aliend.engine.views import JobView
from aliend.errors import UsageError
from aliend.runtime import Runtime

TIMED_OUT = 124
_JOBS_AT_A_TIME = 500
_NOTIFY = ("sh", "-c", 'exec notify-send "$@" 2>/dev/null', "sh", "aliend")
"""A desktop notification; it fails without the program or without a desktop."""

Change = Callable[[Runtime, JobView], Awaitable[JobView]]


async def transfers(runtime: Runtime, call: Call) -> int:
    """Run `transfers VERB ...`."""
    verb, *arguments = call.args[1:] or ("list",)
    if verb.startswith("-"):
        verb, arguments = "list", [verb, *arguments]
    if verb not in VERBS:
        raise UsageError(f"transfers: unknown subcommand {verb}; use one of: {', '.join(VERBS)}")
    if known := OPTIONS.get(verb):
        spelled = {name.lstrip("-") for name in known}
        for strange in (
            word for word in arguments if word.startswith("--") and word[2:].partition("=")[0] not in spelled
        ):
            raise UsageError(unknown_option(f"transfers {verb}", strange, known))
    return await VERBS[verb](runtime, call, arguments)


async def _attach(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Follow jobs again after the daemon was lost; like the command that submitted them, it owns them."""
    compat_exit = any(word.lstrip("-") == "compat-exit" for word in args)
    ranges = parse_jobs("attach", tuple(word for word in args if not word.startswith("-")))
    jobs = [one.first for one in ranges]
    return await follow_foreground(runtime, call, jobs, compat_exit=compat_exit)


async def _detach(runtime: Runtime, call: Call, args: list[str]) -> int:
    """End the commands that follow these jobs in the foreground; the jobs continue."""
    options = parse_options("transfers detach", args, SELECTION)
    jobs = await selected_jobs(runtime, "detach", options)
    detached = [job for job in jobs if runtime.foreground.detach(job.id)]
    for job in jobs:
        outcome = "detached; it continues in the background" if job in detached else "no command follows it"
        await call.print_error(f"job {job.id}: {outcome}")
    if call.as_json:
        await _print_views(call, detached, one=False)
    return 0


async def _wait(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Wait without output; `--notify` notifies the user at the end."""
    options = parse_options("transfers wait", args, OPTIONS["wait"])
    limit = _seconds(options.last("timeout")) if options.has("timeout") else None
    jobs = await selected_jobs(runtime, "wait", options)
    try:
        async with asyncio.timeout(limit):
            finals = [await runtime.engine.wait(job.id) for job in jobs]
    except TimeoutError:
        left = [job.id for job in jobs if not (await runtime.engine.job(job.id)).ended_ms]
        named = ", ".join(map(str, left))
        message = f"job {named} has not ended after {limit:g} s; it continues"
        if len(left) != 1:
            message = f"jobs {named} have not ended after {limit:g} s; they continue"
        await call.print_error(f"transfers: {message}")
        return TIMED_OUT
    if call.as_json:
        await _print_views(call, finals, one=_names_one(options))
    if options.has("notify"):
        await _notify(call, finals)
    codes = {await exit_code_of_job(runtime, final) for final in finals} or {0}
    return codes.pop() if len(codes) == 1 else SOME_ARRIVED


async def _notify(call: Call, jobs: Sequence[JobView]) -> None:
    """Show a notification on the user's desktop, or ring the bell of the terminal."""
    lines = [f"job {job.id} {job.state}: {job.files.done} of {job.files.total} files" for job in jobs]
    if not await call.run_on_client((*_NOTIFY, "\n".join(lines[:10])), may_be_missing=True):
        return
    if call.terminal.stdout:
        await call.output.stdout_coloured(b"\a")


async def _change(runtime: Runtime, call: Call, args: list[str], verb: str, change: Change) -> int:
    """Apply a change to the selected jobs, and print each."""
    options = parse_options(f"transfers {verb}", args, SELECTION)
    selected, jobs = await selected_jobs(runtime, verb, options), list[JobView]()
    for first in range(0, len(selected), _JOBS_AT_A_TIME):  # the database saves their changes in few transactions
        chunk = selected[first : first + _JOBS_AT_A_TIME]
        jobs += await asyncio.gather(*(change(runtime, job) for job in chunk))
    if call.as_json:
        await _print_views(call, jobs, one=_names_one(options))
        return 0
    lines = [f"job {job.id}: {job.state}, {job.files.done} of {job.files.total} files done" for job in jobs]
    await call.print("\n".join(lines))
    if verb == "cancel":
        kept = await runtime.engine.kept_files({job.id for job in jobs})
        await call.print_error("\n".join(f"job {job}: {kept_text(job, kept[job])}" for job in sorted(kept)))
    if not jobs:
        await call.print_error(f"transfers {verb}: no job matches")
    return 0


def _changing(verb: str, change: Change) -> Callable[[Runtime, Call, list[str]], Awaitable[int]]:
    return lambda runtime, call, args: _change(runtime, call, args, verb, change)


async def _priority(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Set the priority of jobs: `priority N JOB...`."""
    text = args[0] if args else ""
    if parse_whole(text, -MAX_PRIORITY, MAX_PRIORITY) is None:
        raise UsageError("usage: transfers priority N JOB...; N is a whole number, 0 is normal, higher starts first")
    return await _change(
        runtime, call, args[1:], "priority", lambda runtime, job: runtime.engine.change_priority(job.id, int(text))
    )


async def _clean(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Remove ended jobs from the list: those that the arguments select, or all."""
    options = parse_options("transfers clean", args or ["--all"], SELECTION)
    jobs = await selected_jobs(runtime, "clean", options)
    removed = await runtime.engine.clean([job.id for job in jobs])
    if call.as_json:
        await call.print_json({"removed": removed})
    else:
        await call.print(f"{removed} job{'' if removed == 1 else 's'} removed from the list; copied files stay")
    return 0


async def _top(_runtime: Runtime, call: Call, args: list[str]) -> int:
    """Show the live view, which runs in the client."""
    return await call.run_on_client(("alienctl", "transfers", "top", *args))


async def _print_views(call: Call, jobs: Sequence[JobView], *, one: bool) -> None:
    await call.print_json(job_to_json(jobs[0]) if one else {"jobs": list(map(job_to_json, jobs))})


def _names_one(options: ParsedOptions) -> bool:
    """Return whether the argument is the number of one job, which JSON output then prints without a list."""
    return not is_selected_by_option(options) and len(options.operands) == 1 and options.operands[0].isdigit()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise UsageError(f"transfers wait: --timeout must be a number of seconds, not {text!r}") from None
    if not 0 <= seconds < 1e9:
        raise UsageError("transfers wait: --timeout must not be negative")
    return seconds


OPTIONS: dict[str, Mapping[str, Option]] = {
    "list": transfers_list.OPTIONS,
    "show": transfers_show.OPTIONS,
    "watch": {"--since": Option("since", "an event number")},
    "follow": {},
    "wait": {**SELECTION, "--timeout": Option("timeout", "seconds"), "--notify": Option("notify")},
    "limit": {"--job": Option("job", "a job's number")},
    **dict.fromkeys(("cancel", "retry", "pause", "resume", "priority", "detach", "clean"), SELECTION),
}
VERBS: dict[str, Callable[[Runtime, Call, list[str]], Awaitable[int]]] = {
    "list": transfers_list.list_jobs,
    "show": transfers_show.show,
    "top": _top,
    "follow": transfers_watch.follow_jobs,
    "watch": transfers_watch.watch,
    "wait": _wait,
    "cancel": _changing("cancel", lambda runtime, job: runtime.engine.cancel(job.id)),
    "retry": _changing("retry", lambda runtime, job: runtime.engine.retry(job.id, uuid.uuid4().hex)),
    "pause": _changing("pause", lambda runtime, job: runtime.engine.pause(job.id)),
    "resume": _changing("resume", lambda runtime, job: runtime.engine.resume(job.id)),
    "priority": _priority,
    "attach": _attach,
    "detach": _detach,
    "clean": _clean,
    "why": transfers_why.why,
    "limit": transfers_limit.limit,
}
