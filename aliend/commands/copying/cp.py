"""`cp`: transfer jobs like any other, followed to their end or left to the daemon.

Everything that is wrong with the words is told before anything is stored. A foreground copy ends with its jobs; if the
user interrupts it or the client dies, they are cancelled; if the daemon ends, they go on after the next start.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aliend.commands.copying import sync
from aliend.commands.copying.dry_run import print_dry_run
from aliend.commands.copying.standard_streams import submit_input, write_output
from aliend.commands.following.follower import ALL_ARRIVED, NONE_ARRIVED, SOME_ARRIVED
from aliend.commands.following.foreground import exit_code_of, follow_foreground
from aliend.commands.invocation.call import Call
from aliend.core.cli.environment import is_on, xrootd_settings
from aliend.core.cli.escaping import escape_newlines
from aliend.core.copying.arguments import STDIO, CopyArguments, parse_copy, parse_input
from aliend.core.copying.locations import PathContext, resolve_path
from aliend.core.copying.plan import plan_input_jobs, plan_jobs
from aliend.core.transfers.job import JobSpec
from aliend.engine.views import JobView
from aliend.errors import NoSuchFile, UsageError
from aliend.runtime import Runtime

_LARGEST_INPUT = 64 << 20


async def cp(parts: Runtime, call: Call) -> int:
    """Submit the jobs, then follow them, or print their numbers with `--detach`."""
    words = parse_copy(call.words[1:], time.time_ns() // 1_000_000)
    for note in words.notes:
        await call.complain(note)
    if words.sync_args:
        return await sync.sync(parts, replace(call, words=words.sync_args))
    await asyncio.to_thread(_require_local_sources, words, call)
    place = await _place(parts, call)
    if words.target == STDIO:
        return await write_output(parts, call, words, place)
    specs, problems = await _planned(call, words, place)
    for problem in problems:
        await call.complain(f"cp: {words.input}: {problem}")
    if words.dry_run:
        tally, files = await print_dry_run(parts, call, specs)
        code = exit_code_of(tally, len(problems), compat_exit=words.compat_exit)
        if call.as_json:
            await call.document({"exitcode": code, "problems": problems, "files": files})
        return code
    if words.sources == (STDIO,):
        jobs = [await submit_input(parts, call, specs[0])]
    else:
        jobs = [await parts.engine.submit(spec, uuid.uuid4().hex) for spec in specs]
    if words.detach:
        await _tell_numbers(call, jobs)
        return ALL_ARRIVED if not problems else SOME_ARRIVED if jobs else NONE_ARRIVED
    numbers = [job.id for job in jobs]
    return await follow_foreground(
        parts, call, numbers, compat_exit=words.compat_exit, progress=words.progress, problems=problems
    )


async def _place(parts: Runtime, call: Call) -> PathContext:
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    return PathContext(state.directory, state.home, call.local, call.environment.get("HOME", ""))


async def _planned(call: Call, words: CopyArguments, place: PathContext) -> tuple[list[JobSpec], list[str]]:
    """The jobs, and what is wrong with lines of the input file. Raises UsageError, NoSuchFile."""
    spec = replace(
        words.spec,
        umask=call.umask,
        context=call.context,
        settings=xrootd_settings(call.environment),
        whole_archives=words.spec.whole_archives or is_on(call.environment, "ALIENPY_NOXRDZIP"),
        interactive=not words.detach and (call.terminal.stdout or call.terminal.stderr),
    )
    words = replace(words, spec=spec)
    if not words.input:
        return await asyncio.to_thread(plan_jobs, words, place, _is_there), []
    text = await asyncio.to_thread(_read, resolve_path(f"file:{words.input.removeprefix('file:')}", place).name)
    lines, problems = parse_input(text, with_target=bool(words.target))
    jobs, more = await asyncio.to_thread(plan_input_jobs, words, lines, place, _is_there)
    if not jobs and not problems and not more:
        raise UsageError(f"cp: there is nothing to copy in {words.input}")
    return jobs, sorted([*problems, *more], key=lambda text: int(text.split()[1].rstrip(":")))


def _require_local_sources(words: CopyArguments, call: Call) -> None:
    """Told before the service is asked anything. Raises NoSuchFile."""
    place = PathContext("/", "/", call.local, call.environment.get("HOME", ""))
    for word in words.sources:
        name = resolve_path(word, place).name if word.startswith("file:") else ""
        if (
            name
            and not _is_there(name)
            and ("*" not in name or not _is_there(str(Path(name.partition("*")[0]).parent)))
        ):
            raise NoSuchFile(f"there is no local file {name}; nothing was copied")


def _is_there(name: str) -> bool:
    """Whether there is such a local file. What may not be looked at is told by the job; with a `*` it is no name."""
    try:
        return Path(name).exists()
    except PermissionError:
        return "*" not in name


def _read(name: str) -> str:
    """The text of an input file. Raises NoSuchFile, UsageError."""
    try:
        with Path(name).open("rb") as file:
            content = file.read(_LARGEST_INPUT + 1)
        if len(content) > _LARGEST_INPUT:
            raise UsageError(f"cp: {name} is larger than {_LARGEST_INPUT >> 20} MiB; split it")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise NoSuchFile(f"cp: the input file {name} cannot be read: {error.strerror}; nothing was copied") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"cp: {name}: line {line}: it is not UTF-8; nothing was copied") from None


async def _tell_numbers(call: Call, jobs: Sequence[JobView]) -> None:
    told = [
        {"job": job.id, "direction": job.direction, "sources": list(job.sources), "target": job.target} for job in jobs
    ]
    if call.as_json:
        await call.document(told[0] if len(told) == 1 else {"jobs": told})
        return
    for job in jobs:
        await call.say(str(job.id))
        await call.complain(
            f"job {job.id}: {job.direction} to {escape_newlines(job.target)}; "
            f"follow it with: alienctl transfers watch {job.id}"
        )
