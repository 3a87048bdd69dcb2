"""Submits the one job of a command, then follows it, or prints its number and leaves it to the daemon."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aliend.commands.following.follower import ALL_ARRIVED, kind_of
from aliend.commands.following.foreground import follow_foreground
from aliend.commands.invocation.call import Call
from aliend.core.cli.environment import xrootd_settings
from aliend.core.transfers.job import JobSpec
from aliend.runtime import Runtime

Then = Callable[[Runtime, Call, int], Awaitable[None]]


async def _nothing(_parts: Runtime, _call: Call, _job: int) -> None:
    """There is no more to tell."""


async def submit_and_follow(parts: Runtime, call: Call, spec: JobSpec, *, detach: bool, then: Then = _nothing) -> int:
    """The exit code is that of `cp`; `then` tells more of a job that was followed to its end. Raises UsageError."""
    spec = replace(
        spec,
        umask=call.umask,
        context=call.context,
        settings=xrootd_settings(call.environment),
        interactive=not detach and (call.terminal.stdout or call.terminal.stderr),
    )
    job = await parts.engine.submit(spec, uuid.uuid4().hex)
    if not detach:
        code = await follow_foreground(parts, call, [job.id])
        await then(parts, call, job.id)
        return code
    if call.as_json:
        await call.document(
            {"job": job.id, "direction": job.direction, "sources": list(job.sources), "target": job.target}
        )
        return ALL_ARRIVED
    await call.say(str(job.id))
    await call.complain(f"job {job.id}: {kind_of(job)} of {job.sources[0]}; see: alienctl transfers watch {job.id}")
    return ALL_ARRIVED
