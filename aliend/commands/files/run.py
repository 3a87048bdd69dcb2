"""`run` and `exec`: download files of the catalogue to a temporary directory, and have the client run a program."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import resolve_lfn
from aliend.engine.file_content import FileContent, content_of
from aliend.errors import CopyError, UsageError
from aliend.runtime import Runtime

PRIVATE_UMASK = 0o077
"""The umask of files that only the user may read."""
_OBSOLETE = ("-force", "-noout")
"""Options of alien.py without effect here: files are always downloaded, output is always shown."""


async def run(runtime: Runtime, call: Call) -> int:
    """Run a program on downloaded files: the arguments that begin with `alien:`, or the last one."""
    arguments = _program_args(call)
    if len(arguments) < 2:
        raise UsageError("run requires a program and an LFN (see `alienctl help run`)")
    marked = [at for at, word in enumerate(arguments) if at and word.startswith("alien:")] or [len(arguments) - 1]
    with runtime.scratch.directory() as directory:
        for number, at in enumerate(marked):
            arguments[at] = await download_lfn(runtime, call, arguments[at], directory / str(number))
        return await call.run_on_client(arguments)


async def execute(runtime: Runtime, call: Call) -> int:
    """Run a script of the catalogue with its arguments."""
    arguments = _program_args(call)
    if not arguments:
        raise UsageError("exec requires the LFN of a script (see `alienctl help exec`)")
    with runtime.scratch.directory() as directory:
        script = await download_lfn(runtime, call, arguments[0], directory / "0")
        await asyncio.to_thread(Path(script).chmod, 0o700)
        return await call.run_on_client([script, *arguments[1:]])


async def download_lfn(runtime: Runtime, call: Call, name: str, directory: Path) -> str:
    """Download a file of the catalogue into the new directory `directory`, and return its local path."""
    lfn = await resolve_lfn(runtime, call, name)
    content = await content_of(runtime.central_sessions.catalogue_of(call.context), lfn)
    await asyncio.to_thread(directory.mkdir, 0o700)
    return str(await download_to(runtime, content, directory))


async def download_to(runtime: Runtime, content: FileContent, directory: Path) -> Path:
    """Download a file into `directory` under its own name, readable only by the user. Raises CopyError."""
    target = directory / content.lfn.rpartition("/")[2]
    if content.sources:
        await runtime.workers.run(content.download_task(str(target), PRIVATE_UMASK), lambda _: None)
    else:
        try:
            target.touch(mode=0o600)
        except OSError as error:
            raise CopyError(f"{target}: {error.strerror}", "local") from error
    return target


def program_from_environment(call: Call, variable: str) -> list[str]:
    """Return the program and its arguments from a variable of the caller. Raises UsageError."""
    text = call.environment.get(variable, "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{variable} is not a valid command line ({error}): {text!r}") from None


def _program_args(call: Call) -> list[str]:
    if call.as_json:
        raise UsageError(f"{call.args[0]} does not support --json: it prints the program's own output")
    arguments = list(call.args[1:])
    while arguments and arguments[0] in _OBSOLETE:
        del arguments[0]
    return arguments
