"""`replicate`: more replicas of files that are in the catalogue, as a transfer job like that of `cp`."""

from __future__ import annotations

from collections.abc import Mapping

from aliend.commands.following.submit import submit_and_follow
from aliend.commands.invocation.call import Call
from aliend.core.cli.options import Option, parse_options
from aliend.core.copying.locations import PathContext, parse_storage_spec, resolve_path
from aliend.core.transfers.job import JobSpec
from aliend.errors import UsageError
from aliend.runtime import Runtime

JOB_OPTIONS: Mapping[str, Option] = {
    "-T": Option("T", "a number"),
    "--priority": Option("priority", "a number"),
    "-priority": Option("priority", "a number"),
    "--detach": Option("detach"),
    "-detach": Option("detach"),
}
"""Those of every command that submits a job."""
_OPTIONS = {**JOB_OPTIONS, "--to": Option("to", "a storage"), "--mirror": Option("mirror")}
_LOWEST = -(10**6)


async def replicate(parts: Runtime, call: Call) -> int:
    """Submit the job, then follow it, or print its number with `--detach`."""
    given = parse_options("replicate", call.words[1:], _OPTIONS)
    wish = given.last("to")
    if not given.operands or not wish:
        raise UsageError("replicate needs files and where to: replicate LFN... --to disk:1 (see: help replicate)")
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    place = PathContext(state.directory, state.home, call.local, call.environment.get("HOME", ""))
    sources = [resolve_path(word, place) for word in given.operands]
    if any(source.side == "local" or source.storage for source in sources):
        raise UsageError("replicate takes LFNs only; where the replicas shall be is said with --to")
    spec = JobSpec(
        direction="copy",
        sources=tuple(source.name for source in sources),
        target=sources[0].name,
        storage=parse_storage_spec(wish),
        purpose="mirror" if given.has("mirror") else "replicate",
        parallel=given.number("T", 0, least=1),
        priority=given.number("priority", 0, least=_LOWEST),
    )
    return await submit_and_follow(parts, call, spec, detach=given.has("detach"))
