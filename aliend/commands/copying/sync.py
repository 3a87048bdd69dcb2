"""`sync`: copies missing and changed files, and with --delete deletes files that only the target has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aliend.commands.copying.replicate import JOB_OPTIONS
from aliend.commands.following.deletions import deletions_of, obstructions
from aliend.commands.following.follower import route_of
from aliend.commands.following.submit import submit_and_follow
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import path_context
from aliend.core.catalogue.paths import ancestors
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.executor import parse_executor
from aliend.core.cli.options import Option, parse_options
from aliend.core.cli.units import format_size
from aliend.core.copying.locations import require_explicit_target, resolve_path
from aliend.core.copying.sync import PlannedFile, sync_job
from aliend.core.transfers.job import MAX_PRIORITY, JobSpec
from aliend.errors import NoSuchFile, UsageError
from aliend.runtime import Runtime

_OPTIONS = {
    **JOB_OPTIONS,
    "--delete": Option("delete"),
    "--dry-run": Option("dry-run"),
    "--dryrun": Option("dry-run"),
    "--exclude": Option("exclude", "a pattern"),
    "--executor": Option("executor", "local or dask:ADDRESS"),
}


async def sync(runtime: Runtime, call: Call) -> int:
    """Submit the job, then follow it, or with `--dry-run` print what it would do."""
    options = parse_options("sync", call.args[1:], _OPTIONS)
    if len(options.operands) != 2:
        raise UsageError(
            "sync requires a source and a target: `sync [OPTIONS] SOURCE TARGET` (see `alienctl help sync`)"
        )
    template = JobSpec(
        "copy",
        (),
        "",
        parallel=options.number("T", 0, least=1),
        priority=options.number("priority", 0, least=-MAX_PRIORITY),
        label=options.last("label"),
        executor=parse_executor(options.last("executor"), call.directory),
        umask=call.umask,
        context=call.context,
    )
    paths = await path_context(runtime, call)
    source, target = (resolve_path(word, paths) for word in options.operands)
    if source.side == target.side == "catalogue":
        require_explicit_target(options.operands[1])
    spec = sync_job(template, source, target, delete=options.has("delete"), exclude=options.all("exclude"))
    if not options.has("detach"):
        await _require_source(runtime, call, spec)
        await _require_target(runtime, call, spec)
    if options.has("dry-run"):
        return await _print_plan(runtime, call, spec)
    if spec.delete and not options.has("detach") and not call.as_json:
        return await submit_and_follow(runtime, call, spec, detach=False, after=_print_deletions)
    return await submit_and_follow(runtime, call, spec, detach=options.has("detach"))


async def _require_source(runtime: Runtime, call: Call, spec: JobSpec) -> None:
    """Raise NoSuchFile or UsageError, before a job is stored, if the source is not a directory."""
    name = spec.sources[0].rstrip("/") or "/"
    if spec.direction == "upload":
        there, is_directory = await asyncio.to_thread(_local_kind, name)
    else:
        entries, _ = await runtime.central_sessions.catalogue_of(call.context).stat([name])
        there, is_directory = bool(entries), bool(entries) and entries[0].is_directory
    if not there:
        where = "is not a local directory" if spec.direction == "upload" else "does not exist in the catalogue"
        raise NoSuchFile(f"{name} {where}; nothing was done")
    if not is_directory:
        raise UsageError(f"{name} is not a directory; copy single files with cp")


async def _require_target(runtime: Runtime, call: Call, spec: JobSpec) -> None:
    """Raise UsageError, before a job is stored, if the target or one of its parents is a file."""
    name = spec.target.rstrip("/") or "/"
    names = [*ancestors(name), name]
    if spec.direction == "download":
        file = await asyncio.to_thread(_first_file, names)
    else:
        entries, _ = await runtime.central_sessions.catalogue_of(call.context).stat(names)
        file = next((entry.lfn for entry in entries if not entry.is_directory), "")
    if file:
        raise UsageError(f"{file} is a file, not a directory; nothing was done")


def _first_file(names: Sequence[str]) -> str:
    """Return the first local path that exists and is not a directory, or an empty text; the job reports the rest."""
    try:
        return next((name for name in names if Path(name).exists() and not Path(name).is_dir()), "")
    except OSError:
        return ""


def _local_kind(name: str) -> tuple[bool, bool]:
    """Return whether a local path exists and is a directory; the job reports an unreadable path."""
    try:
        return Path(name).exists(), Path(name).is_dir()
    except OSError:
        return True, True


async def _print_deletions(runtime: Runtime, call: Call, job: int) -> None:
    for obstruction in await obstructions(runtime, await runtime.engine.job(job)):
        await call.print_error(
            f"{obstruction.below}: not deleted, although a directory needs its name; remove it yourself"
        )
    async for file in deletions_of(runtime, job):
        if file.state == "deleted":
            await call.print(f"deleted {file.below}")
        elif file.below and file.reason:
            await call.print_error(f"{file.below}: not deleted: {file.reason}")


async def _print_plan(runtime: Runtime, call: Call, spec: JobSpec) -> int:
    """Print what would be copied and deleted, and why, in the order of the job."""
    planned: list[PlannedFile] = []
    message = ""
    async with runtime.engine.plan(spec) as plan:
        async for page in plan.preview():
            if isinstance(page, str):
                message = page
            else:
                await _print_page(call, page, planned)
    if call.as_json:
        await call.print_json({"sync": [_as_json(file) for file in planned], "message": message})
    elif message:
        await call.print_error(f"sync: {message}")
    return 0


async def _print_page(call: Call, page: Sequence[PlannedFile], planned: list[PlannedFile]) -> None:
    """Print files as lines, or with --json collect them in `planned`."""
    if call.as_json:
        planned += page
        return
    for file in page:
        match file.action:
            case "copy":
                await call.print(f"copy {escape_newlines(route_of(file))} {format_size(file.size)} ({file.reason})")
            case "delete":
                await call.print(f"delete {escape_newlines(file.target)} ({file.reason})")
            case "fail":
                await call.print_error(f"{escape_newlines(file.source)}: {file.reason}")


def _as_json(file: PlannedFile) -> dict[str, Any]:
    names = {"source": file.source} if file.source else {}
    return {"do": file.action, **names, "target": file.target, "size": file.size, "reason": file.reason}
