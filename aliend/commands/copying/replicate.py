"""`replicate`: creates more replicas of catalogue files, as a transfer job."""

from __future__ import annotations

from collections.abc import Mapping

from aliend.commands.following.submit import submit_and_follow
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import path_context
from aliend.core.cli.options import Option, parse_options
from aliend.core.copying.locations import parse_storage_spec, resolve_path
from aliend.core.transfers.job import MAX_PRIORITY, JobSpec
from aliend.errors import UsageError
from aliend.runtime import Runtime

JOB_OPTIONS: Mapping[str, Option] = {
    "-T": Option("T", "a number"),
    "--priority": Option("priority", "a number"),
    "--label": Option("label", "a label"),
    "--detach": Option("detach"),
}
"""Options of all commands that submit a job."""
_OPTIONS = {**JOB_OPTIONS, "--to": Option("to", "a storage"), "--mirror": Option("mirror")}


async def replicate(runtime: Runtime, call: Call) -> int:
    """Submit the job, then follow it, or with `--detach` print its number."""
    options = parse_options("replicate", call.args[1:], _OPTIONS)
    storage = options.last("to")
    if not options.operands or not storage:
        raise UsageError(
            "replicate requires LFNs and a target: `replicate LFN... --to disk:1` (see `alienctl help replicate`)"
        )
    paths = await path_context(runtime, call)
    sources = [resolve_path(word, paths) for word in options.operands]
    if any(source.side == "local" or source.storage for source in sources):
        raise UsageError("replicate takes LFNs only; choose the storage with --to")
    spec = JobSpec(
        direction="copy",
        sources=tuple(source.name for source in sources),
        target=sources[0].name,
        storage=parse_storage_spec(storage),
        purpose="mirror" if options.has("mirror") else "replicate",
        parallel=options.number("T", 0, least=1),
        priority=options.number("priority", 0, least=-MAX_PRIORITY),
        label=options.last("label"),
    )
    return await submit_and_follow(runtime, call, spec, detach=options.has("detach"))
