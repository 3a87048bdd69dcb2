"""Submits the job of a command, then follows it, or with --detach prints its number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from aliend.commands.following.follower import ALL_ARRIVED, kind_of
from aliend.commands.following.foreground import follow_foreground, submit_in_foreground
from aliend.commands.following.json_report import report_document
from aliend.commands.invocation.call import Call
from aliend.core.cli.environment import xrootd_settings
from aliend.core.transfers.job import JobSpec
from aliend.runtime import Runtime

After = Callable[[Runtime, Call, int], Awaitable[None]]


async def _nothing(_runtime: Runtime, _call: Call, _job: int) -> None:
    """Print nothing more."""


async def submit_and_follow(
    runtime: Runtime, call: Call, spec: JobSpec, *, detach: bool, after: After = _nothing
) -> int:
    """Submit and follow a job, call `after` at its end, and return the exit code of `cp`. Raises UsageError."""
    spec = replace(
        spec,
        umask=call.umask,
        context=call.context,
        settings=xrootd_settings(call.environment),
        interactive=not detach and (call.terminal.stdout or call.terminal.stderr),
    )
    request_id = call.new_request_id()
    if not detach:
        (job,) = await submit_in_foreground(runtime, partial(runtime.engine.submit, spec, request_id))
        code = await follow_foreground(runtime, call, [job.id])
        await after(runtime, call, job.id)
        return code
    job = await runtime.engine.submit(spec, request_id)
    if call.as_json:
        await call.print_json(report_document(ALL_ARRIVED, jobs=[job]))
        return ALL_ARRIVED
    await call.print(str(job.id))
    await call.print_error(
        f"job {job.id}: {kind_of(job)} of {job.sources[0]}; follow it with `alienctl transfers watch {job.id}`"
    )
    return ALL_ARRIVED
