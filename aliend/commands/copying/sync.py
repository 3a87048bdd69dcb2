"""`sync`: copies what is missing or differs, and on request deletes what only the target has, as a transfer job."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aliend.commands.copying.replicate import JOB_OPTIONS
from aliend.commands.copying.transfers_show import deletions_of
from aliend.commands.following.follower import way_of
from aliend.commands.following.submit import submit_and_follow
from aliend.commands.invocation.call import Call
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.options import Option, parse_options
from aliend.core.cli.units import format_size
from aliend.core.copying.locations import PathContext, require_explicit_target, resolve_path
from aliend.core.copying.sync import PlannedFile, sync_job
from aliend.core.transfers.job import JobSpec
from aliend.errors import NoSuchFile, UsageError
from aliend.runtime import Runtime

_OPTIONS = {
    **JOB_OPTIONS,
    "--delete": Option("delete"),
    "--dry-run": Option("dry-run"),
    "-dryrun": Option("dry-run"),
    "--exclude": Option("exclude", "a pattern"),
}
_LOWEST = -(10**6)


async def sync(parts: Runtime, call: Call) -> int:
    """Submit the job, then follow it, or tell what it would do with `--dry-run`."""
    given = parse_options("sync", call.words[1:], _OPTIONS)
    if len(given.operands) != 2:
        raise UsageError("sync needs a source and a target: sync [OPTIONS] SOURCE TARGET (see: help sync)")
    template = JobSpec(
        "copy",
        (),
        "",
        parallel=given.number("T", 0, least=1),
        priority=given.number("priority", 0, least=_LOWEST),
        umask=call.umask,
        context=call.context,
    )
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    place = PathContext(state.directory, state.home, call.local, call.environment.get("HOME", ""))
    source, target = (resolve_path(word, place) for word in given.operands)
    if source.side == target.side == "catalogue":
        require_explicit_target(given.operands[1])
    spec = sync_job(template, source, target, delete=given.has("delete"), exclude=given.all("exclude"))
    if not given.has("detach"):
        await _require_source(parts, call, spec)
    if given.has("dry-run"):
        return await _foresee(parts, call, spec)
    if spec.delete and not given.has("detach") and not call.as_json:
        return await submit_and_follow(parts, call, spec, detach=False, then=_tell_deletions)
    return await submit_and_follow(parts, call, spec, detach=given.has("detach"))


async def _require_source(parts: Runtime, call: Call, spec: JobSpec) -> None:
    """Told before anything is stored. Raises NoSuchFile, UsageError."""
    name = spec.sources[0].rstrip("/") or "/"
    if spec.direction == "upload":
        there, is_directory = await asyncio.to_thread(_is_there, name)
    else:
        entries, _ = await parts.central_sessions.catalogue_of(call.context).stat([name])
        there, is_directory = bool(entries), bool(entries) and entries[0].is_directory
    if not there:
        where = "is no local directory" if spec.direction == "upload" else "does not exist in the catalogue"
        raise NoSuchFile(f"{name} {where}; nothing was done")
    if not is_directory:
        raise UsageError(f"{name} is not a directory; single files are copied with cp")


def _is_there(name: str) -> tuple[bool, bool]:
    """Whether there is such a local name, and whether it is a directory; what may not be read is told by the job."""
    try:
        return Path(name).exists(), Path(name).is_dir()
    except PermissionError:
        return True, True


async def _tell_deletions(parts: Runtime, call: Call, job: int) -> None:
    async for one in deletions_of(parts, job):
        if one.state == "deleted":
            await call.say(f"deleted {one.below}")
        elif one.below and one.reason:
            await call.complain(f"{one.below}: not deleted: {one.reason}")


async def _foresee(parts: Runtime, call: Call, spec: JobSpec) -> int:
    """Tell what would be copied and deleted, and why, in the order of the job."""
    told: list[PlannedFile] = []
    failing = 0
    async with parts.engine.plan(spec) as plan:
        async for page in plan.copies():
            failing += sum(one.action == "fail" for one in page)
            await _tell(call, page, told)
        objection = await plan.why_no_deletion() if spec.delete else ""
        if spec.delete and failing and not objection:
            objection = "not every file can be copied"
        if not objection:
            async for page in plan.deletions():
                await _tell(call, page, told)
    message = f"nothing would be deleted: {objection}" if objection else ""
    if call.as_json:
        await call.document({"sync": [_as_json(one) for one in told], "message": message})
    elif message:
        await call.complain(f"sync: {message}")
    return 0


async def _tell(call: Call, page: Sequence[PlannedFile], told: list[PlannedFile]) -> None:
    """Write lines, or keep the files for the document."""
    if call.as_json:
        told += page
        return
    for one in page:
        match one.action:
            case "copy":
                await call.say(f"copy {escape_newlines(way_of(one))} {format_size(one.size)} ({one.reason})")
            case "delete":
                await call.say(f"delete {escape_newlines(one.target)} ({one.reason})")
            case "fail":
                await call.complain(f"{escape_newlines(one.source)}: {one.reason}")


def _as_json(one: PlannedFile) -> dict[str, Any]:
    names = {"source": one.source} if one.source else {}
    return {"do": one.action, **names, "target": one.target, "size": one.size, "reason": one.reason}
