"""A command's output into a program of the user, while it comes: a pipeline of the shell, a pager."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from aliend.commands.invocation.call import Call, Output, Progress


class _Pipe:
    """An output whose standard output starts the program with its first bytes and then goes there."""

    def __init__(self, output: Output, program: Sequence[str]) -> None:
        self._output = output
        self._program = program
        self.is_started = False

    async def start(self) -> None:
        """Start the program."""
        self.is_started = True
        await self._output.handoff(self._program, takes_output=True, may_be_missing=False)

    async def stdout(self, data: bytes) -> None:
        """Bytes for the pipeline."""
        if data and not self.is_started:
            await self.start()
        await self._output.stdout(data)

    async def stdout_coloured(self, data: bytes) -> None:
        """The pipeline gets them like any other."""
        await self.stdout(data)

    async def stdout_resumable(self, data: bytes, resume_args: Sequence[str]) -> None:
        """Bytes for the pipeline, which ends with the daemon: it cannot go on."""
        await self.stdout(data)

    async def stderr(self, data: bytes) -> None:
        """Bytes for standard error, which is not piped."""
        await self._output.stderr(data)

    async def progress(self, progress: Progress) -> None:
        """Nothing: the terminal belongs to the pipeline."""

    async def announce_jobs(self, *jobs: int) -> None:
        """The command continues as these transfer jobs."""
        await self._output.announce_jobs(*jobs)

    async def ask(self, prompt: str, *, echo: bool) -> None:
        """A question to the user."""
        await self._output.ask(prompt, echo=echo)

    async def handoff(self, argv: Sequence[str], *, takes_output: bool, may_be_missing: bool) -> None:
        """A program that the client runs for the user."""
        await self._output.handoff(argv, takes_output=takes_output, may_be_missing=may_be_missing)

    async def end_output(self) -> None:
        """What the program was to get is complete."""
        await self._output.end_output()


async def pipe_output(call: Call, program: Sequence[str], command: Callable[[Call], Awaitable[int]]) -> int:
    """Run a command into a program. The exit code is the program's, or the command's where that failed.

    A command that fails before its first output starts no program; a program that has ended ends the command.
    """
    pipe = _Pipe(call.output, program)
    terminal = replace(call.terminal, stdout=False)
    running = asyncio.ensure_future(command(replace(call, output=pipe, terminal=terminal)))
    ended = asyncio.create_task(call.statuses.get())
    try:
        await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            return ended.result()
        code = running.result()
        if not pipe.is_started:
            if code:
                return code
            await pipe.start()
        if not ended.done():
            await call.output.end_output()
        status = await ended
        return code or status
    finally:
        ended.cancel()
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
