"""Pipes the output of a command into a program of the user: a shell pipeline or a pager."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from aliend.commands.invocation.call import Call, EditedText, Output, Progress


class _Pipe:
    """An output that starts the program with the first bytes of standard output and pipes them into it."""

    def __init__(self, output: Output, program: Sequence[str]) -> None:
        self._output = output
        self._program = program
        self.is_started = False

    async def start(self) -> None:
        """Start the program."""
        self.is_started = True
        await self._output.handoff(self._program, takes_output=True, may_be_missing=False)

    async def stdout(self, data: bytes) -> None:
        """Write bytes to the program."""
        if data and not self.is_started:
            await self.start()
        await self._output.stdout(data)

    async def stdout_coloured(self, data: bytes) -> None:
        """Write bytes to the program, with their colour codes."""
        await self.stdout(data)

    async def stdout_resumable(self, data: bytes, resume_args: Sequence[str]) -> None:
        """Write bytes to the program; a pipeline ends with the daemon and is not resumed."""
        await self.stdout(data)

    async def stderr(self, data: bytes) -> None:
        """Write bytes to standard error, which is not piped."""
        await self._output.stderr(data)

    async def progress(self, progress: Progress) -> None:
        """Show nothing: the terminal belongs to the program."""

    async def announce_jobs(self, *jobs: int) -> None:
        """Announce that the command continues as these transfer jobs."""
        await self._output.announce_jobs(*jobs)

    async def ask(self, prompt: str, *, echo: bool) -> None:
        """Ask the user."""
        await self._output.ask(prompt, echo=echo)

    async def handoff(
        self, argv: Sequence[str], *, takes_output: bool, may_be_missing: bool, text: EditedText | None = None
    ) -> None:
        """Have the client run another program."""
        await self._output.handoff(argv, takes_output=takes_output, may_be_missing=may_be_missing, text=text)

    async def end_output(self) -> None:
        """Close the output of the program."""
        await self._output.end_output()


async def pipe_output(call: Call, program: Sequence[str], command: Callable[[Call], Awaitable[int]]) -> int:
    """Pipe a command into a program and return the command's exit code if it failed, otherwise the program's.

    A command that fails before its first output starts no program; when the program ends, the command is cancelled.
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
