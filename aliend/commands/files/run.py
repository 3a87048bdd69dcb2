"""Programs of the user on files of the catalogue: run, exec. The client runs them on private files that go again."""

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
"""The umask of files that are nobody else's business."""
_OBSOLETE = ("-force", "-noout")
"""Words of the incumbent client that change nothing here: files are always fetched, output is never held back."""


async def run(runtime: Runtime, call: Call) -> int:
    """A program with files in the place of their names: words with `alien:`, or else the last word."""
    words = _program_args(call)
    if len(words) < 2:
        raise UsageError("run requires a program and an LFN (see `alienctl help run`)")
    marked = [at for at, word in enumerate(words) if at and word.startswith("alien:")] or [len(words) - 1]
    with runtime.scratch.place() as place:
        for number, at in enumerate(marked):
            words[at] = await download_lfn(runtime, call, words[at], place / str(number))
        return await call.run_on_client(words)


async def execute(runtime: Runtime, call: Call) -> int:
    """A script of the catalogue, with its arguments."""
    words = _program_args(call)
    if not words:
        raise UsageError("exec requires the LFN of a script (see `alienctl help exec`)")
    with runtime.scratch.place() as place:
        script = await download_lfn(runtime, call, words[0], place / "0")
        await asyncio.to_thread(Path(script).chmod, 0o700)
        return await call.run_on_client([script, *words[1:]])


async def download_lfn(runtime: Runtime, call: Call, name: str, place: Path) -> str:
    """The local path, in the new directory `place`, of a file of the catalogue under its own name."""
    lfn = await resolve_lfn(runtime, call, name)
    content = await content_of(runtime.central_sessions.catalogue_of(call.context), lfn)
    await asyncio.to_thread(place.mkdir, 0o700)
    return str(await download_to(runtime, content, place))


async def download_to(runtime: Runtime, content: FileContent, place: Path) -> Path:
    """The file below `place` under its own name, readable for nobody else. Raises CopyError."""
    target = place / content.lfn.rpartition("/")[2]
    if content.sources:
        await runtime.workers.run(content.download_task(str(target), PRIVATE_UMASK), lambda _: None)
    else:
        try:
            target.touch(mode=0o600)
        except OSError as error:
            raise CopyError(f"{target}: {error.strerror}", "local") from error
    return target


def program_from_environment(call: Call, variable: str) -> list[str]:
    """The program with its arguments that a variable of the caller names. Raises UsageError."""
    text = call.environment.get(variable, "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{variable} is not a valid command line ({error}): {text!r}") from None


def _program_args(call: Call) -> list[str]:
    if call.as_json:
        raise UsageError(f"{call.args[0]} does not support --json: it prints the program's own output")
    words = list(call.args[1:])
    while words and words[0] in _OBSOLETE:
        del words[0]
    return words
