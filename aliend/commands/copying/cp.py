"""`cp`: submits transfer jobs and follows them, or with --detach leaves them to the daemon.

Invalid arguments are refused before any job is stored. `aliend.commands.following.foreground` says when jobs in the
foreground are cancelled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from aliend.commands.copying import sync
from aliend.commands.copying.dry_run import print_dry_run
from aliend.commands.copying.standard_streams import submit_input, write_output
from aliend.commands.following.follower import ALL_ARRIVED, NONE_ARRIVED, SOME_ARRIVED
from aliend.commands.following.foreground import exit_code_of, follow_foreground, submit_in_foreground
from aliend.commands.following.json_report import report_document
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import path_context
from aliend.core.cli.environment import is_on, xrootd_settings
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.executor import parse_executor
from aliend.core.copying.arguments import STDIO, CopyArguments, parse_copy, parse_input
from aliend.core.copying.locations import PathContext, resolve_path
from aliend.core.copying.plan import plan_input_jobs, plan_jobs
from aliend.core.transfers.job import JobSpec
from aliend.engine.views import JobView
from aliend.errors import NoSuchFile, UsageError
from aliend.runtime import Runtime

_LARGEST_INPUT = 64 << 20


async def cp(runtime: Runtime, call: Call) -> int:
    """Copy; if a source is not in the catalogue, point to a local file of the same name."""
    try:
        code = await _copy(runtime, call)
    except UsageError:
        await _suggest_local_names(call)
        raise
    if code == NoSuchFile.exit_code:
        await _suggest_local_names(call)
    return code


async def _suggest_local_names(call: Call) -> None:
    for word in call.args[1:-1]:
        is_plain = not word.startswith(("-", "file:", "alien:"))
        if is_plain and await asyncio.to_thread(_exists, call.local_path(word)):
            await call.print_error(f"cp: {word} is a local file; to copy it, write file:{word}")


async def _copy(runtime: Runtime, call: Call) -> int:
    """Submit the jobs, then follow them, or with `--detach` print their numbers."""
    options = parse_copy(call.args[1:], time.time_ns() // 1_000_000)
    for note in options.notes:
        await call.print_error(note)
    if options.sync_args:
        return await sync.sync(runtime, replace(call, args=options.sync_args))
    await asyncio.to_thread(_require_local_sources, options, call)
    place = await path_context(runtime, call)
    if options.target == STDIO:
        return await write_output(runtime, call, options, place)
    specs, problems = await _plan(call, options, place)
    for problem in problems:
        await call.print_error(f"cp: {options.input}: {problem}")
    if any(spec.http and spec.direction == "upload" for spec in specs):
        await call.print_error("cp: -http applies to downloads only; the upload uses XRootD")
    if options.dry_run:
        tally, files = await print_dry_run(runtime, call, specs)
        code = exit_code_of(tally, len(problems), compat_exit=options.compat_exit)
        if call.as_json:
            await call.print_json(report_document(code, problems, files=files))
        return code
    if options.sources == (STDIO,):
        jobs = [await submit_input(runtime, call, specs[0])]
    else:
        jobs = await _submit(runtime, call, specs, detach=options.detach)
    if options.detach:
        code = ALL_ARRIVED if not problems else SOME_ARRIVED if jobs else NONE_ARRIVED
        await _print_job_numbers(call, jobs, code, problems)
        return code
    numbers = [job.id for job in jobs]
    return await follow_foreground(
        runtime, call, numbers, compat_exit=options.compat_exit, progress=options.progress, problems=problems
    )


async def _submit(runtime: Runtime, call: Call, specs: Sequence[JobSpec], *, detach: bool) -> list[JobView]:
    """Submit the jobs; those of a foreground copy end with it."""
    submissions = [partial(runtime.engine.submit, spec, call.new_request_id()) for spec in specs]
    if detach:
        return [await submit() for submit in submissions]
    return await submit_in_foreground(runtime, *submissions)


async def _plan(call: Call, options: CopyArguments, paths: PathContext) -> tuple[list[JobSpec], list[str]]:
    """Return the jobs and the problems in lines of the input file. Raises UsageError, NoSuchFile."""
    spec = replace(
        options.spec,
        umask=call.umask,
        context=call.context,
        settings=xrootd_settings(call.environment),
        executor=parse_executor(options.spec.executor, call.directory),
        whole_archives=options.spec.whole_archives or is_on(call.environment, "ALIENPY_NOXRDZIP"),
        strict=options.spec.strict or (options.spec.http and call.stop_on_error),
        interactive=not options.detach and (call.terminal.stdout or call.terminal.stderr),
    )
    options = replace(options, spec=spec)
    if not options.input:
        return await asyncio.to_thread(plan_jobs, options, paths, _exists), []
    text = await asyncio.to_thread(_read_input, call.local_path(options.input))
    lines, problems = parse_input(text, with_target=bool(options.target))
    jobs, more = await asyncio.to_thread(plan_input_jobs, options, lines, paths, _exists)
    if not jobs and not problems and not more:
        raise UsageError(f"cp: {options.input} lists no files to copy")
    return jobs, sorted([*problems, *more], key=lambda text: int(text.split()[1].rstrip(":")))


def _require_local_sources(options: CopyArguments, call: Call) -> None:
    """Raise NoSuchFile for a missing local source, before any request to the service."""
    place = PathContext("/", "/", call.directory, call.environment.get("HOME", ""))
    for word in options.sources:
        name = resolve_path(word, place).name if word.startswith("file:") else ""
        if name and not _exists(name) and ("*" not in name or not _exists(str(Path(name.partition("*")[0]).parent))):
            raise NoSuchFile(f"local file {name} does not exist; nothing was copied")


def _exists(name: str) -> bool:
    """Return whether a local path exists. The job reports unreadable paths; with a `*` it is a pattern."""
    try:
        return Path(name).exists()
    except OSError:
        return "*" not in name


def _read_input(name: str) -> str:
    """Return the text of an input file. Raises NoSuchFile, UsageError."""
    try:
        with Path(name).open("rb") as file:
            content = file.read(_LARGEST_INPUT + 1)
        if len(content) > _LARGEST_INPUT:
            raise UsageError(f"cp: {name} is larger than {_LARGEST_INPUT >> 20} MiB; split it")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise NoSuchFile(f"cp: cannot read the input file {name}: {error.strerror}; nothing was copied") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"cp: {name}: line {line} is not UTF-8; nothing was copied") from None


async def _print_job_numbers(call: Call, jobs: Sequence[JobView], code: int, problems: Sequence[str]) -> None:
    if call.as_json:
        await call.print_json(report_document(code, problems, jobs))
        return
    for job in jobs:
        await call.print(str(job.id))
        await call.print_error(
            f"job {job.id}: {job.direction} to {escape_newlines(job.target)}; "
            f"follow it with `alienctl transfers watch {job.id}`"
        )
