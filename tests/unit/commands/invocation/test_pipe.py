"""F085 and F086: a command's output is piped to the user's shell as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aliend.commands.invocation.call import Call, EditedText, Progress, Terminal
from aliend.commands.invocation.pipe import pipe_output
from aliend.core.connection.context import Context

HANDED = "handed sh"


class Recorder:
    """An output that records its calls."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def stdout(self, data: bytes) -> None:
        self.said.append(data.decode())

    async def stdout_resumable(self, data: bytes, resume_args: Sequence[str]) -> None:
        self.said.append(f"{data.decode()} {resume_args}")

    async def stderr(self, data: bytes) -> None:
        self.said.append(f"error {data.decode()}")

    async def progress(self, progress: Progress) -> None:
        self.said.append(f"progress {progress.bytes_done}")

    async def announce_jobs(self, *jobs: int) -> None:
        self.said.append(f"job {jobs[0]}")

    async def ask(self, prompt: str, *, echo: bool) -> None:
        self.said.append(f"{prompt} {echo}")

    async def handoff(
        self, argv: Sequence[str], *, takes_output: bool, may_be_missing: bool, text: EditedText | None = None
    ) -> None:
        assert (argv[0], argv[1], takes_output, may_be_missing) == ("/bin/sh", "-c", True, False)
        self.said.append(f"handed {argv[2]}")

    async def stdout_coloured(self, data: bytes) -> None:
        await self.stdout(data)

    async def end_output(self) -> None:
        self.said.append("end")


def a_call(output: Recorder) -> Call:
    return Call((), "/", 0, "s", Terminal(stdout=True), Context(), restore_directory=False, output=output)


async def test_f085_the_pipeline_starts_with_the_first_output_and_its_status_counts() -> None:
    output = Recorder()
    call = a_call(output)

    async def command(inner: Call) -> int:
        assert not inner.terminal.stdout
        await inner.print_error("warning")
        await inner.print("one")
        await inner.print("two")
        call.statuses.put_nowait(3)
        return 0

    assert await pipe_output(call, ("/bin/sh", "-c", "sh"), command) == 3
    assert output.said[:4] == ["error warning\n", HANDED, "one\n", "two\n"]


async def test_f085_a_pipeline_that_has_ended_ends_the_command() -> None:
    output = Recorder()
    call = a_call(output)
    cancelled = asyncio.Event()

    async def command(inner: Call) -> int:
        await inner.print("first")
        call.statuses.put_nowait(0)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return 1

    assert await pipe_output(call, ("/bin/sh", "-c", "sh"), command) == 0
    assert cancelled.is_set()
    assert output.said == [HANDED, "first\n"]


async def test_f086_a_command_that_fails_without_output_starts_no_pipeline() -> None:
    output = Recorder()

    async def command(inner: Call) -> int:
        await inner.print_error("No such file")
        return 2

    assert await pipe_output(a_call(output), ("/bin/sh", "-c", "sh"), command) == 2
    assert output.said == ["error No such file\n"]


async def test_a_command_without_output_gives_the_pipeline_nothing() -> None:
    output = Recorder()
    call = a_call(output)

    async def command(_inner: Call) -> int:
        asyncio.get_running_loop().call_later(0.01, call.statuses.put_nowait, 0)
        return 0

    assert await pipe_output(call, ("/bin/sh", "-c", "sh"), command) == 0
    assert output.said == [HANDED, "end"]


async def test_the_status_of_a_command_that_fails_late_is_not_hidden() -> None:
    output = Recorder()
    call = a_call(output)

    async def command(inner: Call) -> int:
        await inner.print("some")
        asyncio.get_running_loop().call_later(0.01, call.statuses.put_nowait, 0)
        return 5

    assert await pipe_output(call, ("/bin/sh", "-c", "sh"), command) == 5
    assert output.said == [HANDED, "some\n", "end"]
