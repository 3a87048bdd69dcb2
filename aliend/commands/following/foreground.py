"""Runs transfer jobs in the foreground: the command ends with its jobs, and cancelling it cancels them.

If the user interrupts the command or the client dies, the jobs are cancelled, also those that are being stored;
downloads keep what arrived. If the user detaches the command (with Ctrl-\\, or `transfers detach` elsewhere), it ends
and they continue. If the daemon ends, they continue after its next start, and the client follows them again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aliend.commands.following import metafiles
from aliend.commands.following.deletions import obstructions
from aliend.commands.following.follower import (
    ALL_ARRIVED,
    NONE_ARRIVED,
    SOME_ARRIVED,
    Follower,
    Tally,
    exit_code,
    style_of,
)
from aliend.commands.following.json_report import print_report, report_document
from aliend.commands.invocation.call import Call
from aliend.core.catalogue.storage_spec import is_incomplete
from aliend.core.cli.units import format_size
from aliend.core.transfers.attempt_record import KeptFiles
from aliend.engine.views import JobView
from aliend.errors import NoSuchFile
from aliend.runtime import Runtime

Submission = Callable[[], Coroutine[Any, Any, JobView]]


class Detached(Exception):
    """The user detached the command from its jobs, which continue."""


async def submit_in_foreground(runtime: Runtime, *submissions: Submission) -> list[JobView]:
    """Submit jobs one after the other; if the command is cancelled or one fails, cancel those that were stored.

    If the daemon stops, they continue, as in `cancel_with_command`. Raises what a submission raises.
    """
    submitting: list[asyncio.Task[JobView]] = []
    try:
        for submit in submissions:
            submitting.append(asyncio.create_task(submit()))
            await asyncio.shield(submitting[-1])
    except BaseException:
        if not runtime.stopping:
            await asyncio.shield(_cancel_stored(runtime, submitting))
        raise
    return [task.result() for task in submitting]


async def _cancel_stored(runtime: Runtime, submitting: Sequence[asyncio.Task[JobView]]) -> None:
    """Wait for submissions, and cancel the jobs that they stored."""
    results = await asyncio.gather(*submitting, return_exceptions=True)
    await _cancel(runtime, [job.id for job in results if not isinstance(job, BaseException)])


async def follow_foreground(
    runtime: Runtime,
    call: Call,
    jobs: Sequence[int],
    *,
    compat_exit: bool = False,
    progress: str = "",
    problems: Sequence[str] = (),
) -> int:
    """Follow jobs to their end and return the exit code; `problems` are invalid lines of an input file."""
    follower = Follower(runtime, call, style_of(call, progress), is_copy=call.args[0] != "transfers")
    try:
        finals = await follow_all(runtime, call, follower, jobs)
    except Detached:
        return await _report_detached(runtime, call, jobs)
    await follower.report_end(finals)
    await metafiles.write_metafiles(runtime, call, finals)
    code = exit_code_of(follower.tally, len(problems), compat_exit=compat_exit)
    is_empty = not follower.tally.total and not problems
    for final in finals:
        if final.purpose == "sync":
            code = await exit_code_of_job(runtime, final)
        elif final.purpose != "copy" and is_empty:
            code = exit_code(final)
    if call.as_json:
        await print_report(runtime, call, finals, code, problems)
    elif is_empty and code not in (ALL_ARRIVED, SOME_ARRIVED):
        await call.print_error(f"{call.args[0]}: no files to copy: nothing matches")
    return code


async def exit_code_of_job(runtime: Runtime, job: JobView) -> int:
    """Return 0 if everything was done, 3 if only a part, 4 if nothing.

    A file that was kept with too few replicas is a part. So are the files of a synchronisation that are the same on
    both sides, which are not files of its job: if only directories could not be listed, 3.
    """
    code = exit_code(job)
    if not job.files.total and code == SOME_ARRIVED:
        refusal = await runtime.engine.deletions(job.id)
        return NONE_ARRIVED if refusal and not refusal[0].below else code
    if code != NONE_ARRIVED or not job.files.failed:
        return code
    failed = await runtime.engine.transfers(job.id, states=("failed",))
    is_listed = not any(file.target or file.source in job.sources for file in failed)
    is_kept = any(is_incomplete(file.message) for file in failed)
    if job.purpose == "sync" and (is_listed or await obstructions(runtime, job)):
        return SOME_ARRIVED
    return SOME_ARRIVED if is_kept else code


async def _report_detached(runtime: Runtime, call: Call, jobs: Sequence[int]) -> int:
    """Print that the jobs continue; the exit code is that of `--detach`."""
    for job in jobs:
        await call.print_error(
            f"job {job} continues in the background; follow it with `alienctl transfers follow {job}`"
        )
    if call.as_json:
        views = [await runtime.engine.job(job) for job in jobs]
        await call.print_json(report_document(ALL_ARRIVED, jobs=views))
    return ALL_ARRIVED


async def follow_all(runtime: Runtime, call: Call, follower: Follower, jobs: Sequence[int]) -> list[JobView]:
    """Follow jobs one after the other and return their final states; cancel them if the command is cancelled."""
    try:
        async with cancel_with_command(runtime, *jobs):
            if jobs:
                await call.output.announce_jobs(*jobs)
            return await _follow_until_detached(runtime, call, follower, jobs)
    except asyncio.CancelledError:
        if call.interrupted.is_set():
            kept = await runtime.engine.kept_files(jobs)
            lines = [f"job {job} cancelled" + (f"; {kept_text(job, kept[job])}" if job in kept else "") for job in jobs]
            await call.print_error("\n".join(lines))
        raise


async def _follow_until_detached(
    runtime: Runtime, call: Call, follower: Follower, jobs: Sequence[int]
) -> list[JobView]:
    """Follow jobs to their end. Raises Detached when the user detaches the command; the jobs continue."""

    async def follow() -> list[JobView]:
        numbered = enumerate(jobs, 1)
        return [await follower.follow(job, until_held=True, later=jobs[index:]) for index, job in numbered]

    with runtime.foreground.following(jobs, call.detached):
        following, detached = asyncio.create_task(follow()), asyncio.create_task(call.detached.wait())
        try:
            await asyncio.wait({following, detached}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                raise Detached
            return following.result()
        finally:
            detached.cancel()
            if not following.done():
                following.cancel()
                await asyncio.wait({following})


@asynccontextmanager
async def cancel_with_command(runtime: Runtime, *jobs: int) -> AsyncIterator[None]:
    """Cancel the jobs if the command is cancelled in the block, but not if the daemon stops: then they continue."""
    try:
        yield
    except asyncio.CancelledError:
        if not runtime.stopping:
            await asyncio.shield(_cancel(runtime, jobs))
        raise


def kept_text(job: int, kept: KeptFiles) -> str:
    """Return what is kept of the downloads of a cancelled job, until when, and the commands that use or discard it."""
    until = datetime.fromtimestamp(kept.until_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
    return (
        f"{format_size(kept.bytes)} are kept until {until}\n"
        f"continue with the same command or `alienctl transfers retry {job}`;\n"
        f"discard what is kept with `alienctl transfers clean {job}`"
    )


async def _cancel(runtime: Runtime, jobs: Sequence[int]) -> None:
    for job in jobs:
        await runtime.engine.cancel(job)


def exit_code_of(tally: Tally, problems: int, *, compat_exit: bool) -> int:
    """Return 0 if all files arrived, 3 if some did, 4 if none did, 2 if no source exists or nothing matches."""
    wanted = tally.total + problems
    if compat_exit:
        return 0 if tally.arrived or not wanted else 1
    if tally.arrived or tally.incomplete:
        return ALL_ARRIVED if tally.arrived == wanted else SOME_ARRIVED
    return NoSuchFile.exit_code if tally.missing == wanted else NONE_ARRIVED
