"""`transfers watch`: follows a job on the terminal, or prints the events of one or all jobs, resumable by number."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from aliend.commands.copying.job_selection import selected_jobs
from aliend.commands.following.follower import (
    SOME_ARRIVED,
    Follower,
    follow,
    job_to_json,
    route_of,
    style_of,
)
from aliend.commands.following.foreground import exit_code_of_job
from aliend.commands.invocation.call import Call, encode, json_text
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.numbers import parse_whole
from aliend.core.cli.options import parse_options
from aliend.core.cli.units import format_time
from aliend.core.transfers.attempt_record import EventRecord
from aliend.engine.views import Changes
from aliend.errors import UsageError
from aliend.runtime import Runtime

_LINES = 100
"""Lines written together; after each such piece a client that loses the daemon can resume."""


@dataclass(frozen=True, slots=True)
class _Selection:
    """The job to watch (0: all), and the event after which to start (None: now)."""

    job: int
    since: int | None


async def watch(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Print events until the job ends; for all jobs, until the user interrupts the command."""
    selection = _parse(args)
    if selection.job and selection.since is None and not call.as_json:
        return await exit_code_of_job(runtime, await follow(runtime, call, selection.job))
    async for changes in runtime.engine.changes(selection.job, since=selection.since):
        await _print_events(call, selection.job, changes)
    return await exit_code_of_job(runtime, await runtime.engine.job(selection.job))


async def follow_jobs(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Show the progress of jobs, one after the other, until they end; interrupting the command does not stop them."""
    options = parse_options("transfers follow", args, {})
    jobs = await selected_jobs(runtime, "follow", options)
    follower = Follower(runtime, call, style_of(call))
    finals = [await follower.follow(job.id) for job in jobs]
    await follower.report_end(finals)
    if call.as_json:
        await call.print_json({"jobs": list(map(job_to_json, finals))})
    codes = {await exit_code_of_job(runtime, final) for final in finals}
    return codes.pop() if len(codes) == 1 else SOME_ARRIVED


async def _print_events(call: Call, job: int, changes: Changes) -> None:
    """Print the events as lines; each part carries the arguments with which the client resumes after it."""
    events = changes.events
    for begin in range(0, max(len(events), 1), _LINES):
        piece = events[begin : begin + _LINES]
        last = changes.number if begin + _LINES >= len(events) else piece[-1].number
        resume_args = ["transfers", "watch", *([str(job)] if job else []), "--since", str(last)]
        lines = "".join(f"{_line(one, as_json=call.as_json)}\n" for one in piece)
        await call.output.stdout_resumable(encode(lines), [*resume_args, "--json"] if call.as_json else resume_args)


def _line(event: EventRecord, *, as_json: bool) -> str:
    if as_json:
        fields = asdict(event)
        return json_text({"event": fields.pop("number"), **fields})
    when = format_time(event.time_ms / 1000)
    what = route_of(event) if event.transfer else "the job"
    reason = f": {event.reason}" if event.reason else ""
    return escape_newlines(f"{event.number} {when} job {event.job} {event.state:<10} {what}{reason}")


def _parse(args: list[str]) -> _Selection:
    rest, since = list(args), None
    if "--since" in rest:
        at = rest.index("--since")
        since = _number(rest[at + 1] if at + 1 < len(rest) else "", "--since requires an event number")
        del rest[at : at + 2]
    if len(rest) > 1:
        raise UsageError("usage: transfers watch [--since NUMBER] [JOB]")
    job = _number(rest[0], "the job must be a number (see `alienctl transfers list --all`)") if rest else 0
    return _Selection(job, since)


def _number(text: str, problem: str) -> int:
    number = parse_whole(text)
    if number is None:
        raise UsageError(f"transfers watch: {problem}, not {text!r}")
    return number
