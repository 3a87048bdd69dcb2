"""Runs one command line of a client: its output as events of the call, and the client's further input."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

import grpc.aio

from aliend import CONTRACT, VERSION
from aliend.commands import command_line
from aliend.commands.invocation.call import (
    JSON_LINES_OPTION,
    JSON_OPTIONS,
    Call,
    EditedText,
    Progress,
    Terminal,
    encode,
)
from aliend.core.cli.environment import is_on
from aliend.core.cli.escaping import VisibleStream, printable_line, visible
from aliend.errors import AliendError, ContractMismatch, StoreError
from aliend.runtime import Runtime
from aliend.user_sessions import SessionState
from aliend.v1 import console_pb2

Context = grpc.aio.ServicerContext[console_pb2.RunRequest, console_pb2.RunResponse]

PIECE = 256 * 1024
"""Maximum number of bytes in one event."""

LONGEST_REQUEST_ID = 64
_NO_TERMINAL = Terminal()
_JSON_SWITCHES = ("ALIENPY_JSON", "ALIENPY_JSONRAW")


class Events:
    """Sends the output of a command as events of the call."""

    def __init__(self, context: Context, terminal: Terminal = _NO_TERMINAL, *, raw: bool = True) -> None:
        self._context = context
        self._visible_stdout = VisibleStream() if terminal.stdout and not raw else None
        self._visible_stderr = VisibleStream() if terminal.stderr and not raw else None
        self._is_piped = False
        self._notes: list[str] = []
        self._sending: asyncio.Future[None] | None = None

    async def _send(self, event: console_pb2.RunResponse) -> None:
        """Send one event after the previous ones.

        gRPC accepts one event at a time, and none after an event that was cancelled midway. Therefore the event
        completes even if the command is cancelled.
        """
        notes, self._notes = self._notes, []
        for note in notes:
            await self._send(console_pb2.RunResponse(log=note))
        while self._sending and not self._sending.done():
            await asyncio.wait([self._sending])
        self._sending = asyncio.ensure_future(self._context.write(event))
        self._sending.add_done_callback(_retrieve_error)
        await asyncio.shield(self._sending)

    def note(self, text: str) -> None:
        """Add a line to the caller's log; it is sent before the next event."""
        self._notes.append(text)

    async def stdout(self, data: bytes) -> None:
        """Send bytes of standard output in pieces."""
        if self._visible_stdout and not self._is_piped:
            data = self._visible_stdout.feed(data)
        await self.stdout_coloured(data)

    async def stdout_coloured(self, data: bytes) -> None:
        """Send bytes unchanged in pieces; they may contain our colours."""
        for start in range(0, len(data), PIECE):
            await self._send(console_pb2.RunResponse(stdout=data[start : start + PIECE]))

    async def stdout_resumable(self, data: bytes, resume_args: Sequence[str]) -> None:
        """Send bytes, and the command that continues after them, in one event."""
        if self._visible_stdout and not self._is_piped:
            data = self._visible_stdout.feed(data)
        await self._send(console_pb2.RunResponse(stdout=data, go_on=[os.fsencode(arg) for arg in resume_args]))

    async def stderr(self, data: bytes) -> None:
        """Send bytes of standard error."""
        if self._visible_stderr:
            data = self._visible_stderr.feed(data)
        for start in range(0, len(data), PIECE):
            await self._send(console_pb2.RunResponse(stderr=data[start : start + PIECE]))

    async def end(self, outcome: command_line.Outcome, state: SessionState | None = None) -> None:
        """Send the remaining output and the exit code; `state` is for a shell."""
        if self._visible_stdout and (rest := self._visible_stdout.feed(b"", final=True)):
            await self._send(console_pb2.RunResponse(stdout=rest))
        if self._visible_stderr and (rest := self._visible_stderr.feed(b"", final=True)):
            await self._send(console_pb2.RunResponse(stderr=rest))
        end = console_pb2.RunExit(code=outcome.code, leaves=outcome.exits, version=VERSION)
        if state:
            end.user, end.directory = state.user, state.directory
        await self._send(console_pb2.RunResponse(exit=end))

    async def progress(self, progress: Progress) -> None:
        """Send the progress of the job."""
        await self._send(
            console_pb2.RunResponse(
                progress=console_pb2.RunProgress(
                    bytes_done=progress.bytes_done,
                    bytes_total=progress.bytes_total,
                    files_done=progress.files_done,
                    files_failed=progress.files_failed,
                    files_total=progress.files_total,
                    bytes_per_second=progress.bytes_per_second,
                    seconds_left=progress.seconds_left,
                    files=[
                        console_pb2.FileProgress(
                            id=file.id,
                            name=printable_line(file.name),
                            bytes_done=file.bytes_done,
                            bytes_total=file.bytes_total,
                        )
                        for file in progress.files
                    ],
                )
            )
        )

    async def announce_jobs(self, *jobs: int) -> None:
        """Send the numbers of the jobs in one event, so that a client knows either all of them or none."""
        await self._send(console_pb2.RunResponse(job=console_pb2.AttachedJob(id=jobs[0], more=jobs[1:])))

    async def ask(self, prompt: str, *, echo: bool) -> None:
        """Send a question for the user."""
        await self._send(console_pb2.RunResponse(question=console_pb2.Question(prompt=visible(prompt), echo=echo)))

    async def handoff(
        self, argv: Sequence[str], *, takes_output: bool, may_be_missing: bool, text: EditedText | None = None
    ) -> None:
        """Send a program for the client to run."""
        self._is_piped = takes_output
        program = console_pb2.Handoff(
            argv=[os.fsencode(word) for word in argv],
            takes_output=takes_output,
            may_be_missing=may_be_missing,
            text=os.fsencode(text.path) if text else b"",
            text_lfn=os.fsencode(text.lfn) if text else b"",
        )
        await self._send(console_pb2.RunResponse(handoff=program))

    async def end_output(self) -> None:
        """Report the end of the handed-off program's input."""
        self._is_piped = False
        await self._send(console_pb2.RunResponse(output_end=console_pb2.OutputEnd()))


def _retrieve_error(sending: asyncio.Future[None]) -> None:
    """Retrieve the error of an event, whose command may have been cancelled, to silence asyncio's warning."""
    if not sending.cancelled():
        sending.exception()


async def run(runtime: Runtime, start: console_pb2.RunStart, context: Context) -> None:
    """Run a command line and stream its output. Raises ContractMismatch."""
    _check_contract(start)
    try:
        events = Events(context, _terminal(start.terminal), raw=start.raw)
        call = _call(runtime, start, events)
    except AliendError as error:
        await _refuse(context, error)
        return
    await _report_loss(runtime, events)
    inputs = asyncio.create_task(_listen(context, call))
    try:
        outcome = await command_line.run(runtime, call)
    finally:
        inputs.cancel()
    await events.end(outcome, await runtime.sessions.stored(call.session, call.context) if start.interactive else None)


async def _report_loss(runtime: Runtime, events: Events) -> None:
    """Report once that the database was lost."""
    store = runtime.store
    if loss := store.loss:
        with suppress(StoreError):
            await store.forget_loss()
        await events.stderr(encode(f"alienctl: {loss}\n"))


def _call(runtime: Runtime, start: console_pb2.RunStart, events: Events) -> Call:
    terminal = _terminal(start.terminal)
    arguments = tuple(os.fsdecode(word) for word in start.argv)
    environment = dict(start.environment)
    return Call(
        args=tuple(word for word in arguments if word not in JSON_OPTIONS),
        directory=os.fsdecode(start.cwd),
        umask=start.umask,
        session=start.session or "default",
        terminal=terminal,
        context=runtime.context(environment or None, os.fsdecode(start.cwd)),
        restore_directory=(terminal.stdin or terminal.stdout) and not is_on(environment, "ALIENPY_NO_CWD_RESTORE"),
        environment=environment,
        output=events,
        as_json=any(word in JSON_OPTIONS for word in arguments)
        or any(is_on(environment, name) for name in _JSON_SWITCHES),
        by_line=JSON_LINES_OPTION in arguments,
        raw=start.raw,
        stop_on_error=start.stop_on_error,
        commands_on_stdin=start.commands_on_stdin,
        request_id=start.request_id[:LONGEST_REQUEST_ID],
        trace=events.note if start.debug else None,
    )


def _terminal(terminal: console_pb2.Terminal) -> Terminal:
    return Terminal(
        terminal.stdin_is_terminal,
        terminal.stdout_is_terminal,
        terminal.stderr_is_terminal,
        terminal.columns,
        terminal.rows,
    )


def _check_contract(start: console_pb2.RunStart) -> None:
    """Reject a client with another contract, which may not understand our events."""
    if start.contract != CONTRACT:
        advice = (
            "use the alienctl that was installed with this aliend"
            if start.contract < CONTRACT
            else "replace the daemon with `alienctl daemon restart`"
        )
        raise ContractMismatch(
            f"the running aliend {VERSION} speaks contract {CONTRACT}, alienctl {start.client_version} speaks "
            f"contract {start.contract}; {advice}"
        )


async def _refuse(context: Context, error: AliendError) -> None:
    """Report an error in the caller's settings as a command would."""
    await Events(context).stderr(encode(f"alienctl: {error}\n"))
    await context.write(console_pb2.RunResponse(exit=console_pb2.RunExit(code=error.exit_code, version=VERSION)))


async def _listen(context: Context, call: Call) -> None:
    """Pass the client's further input to the command until the client closes its side."""
    while isinstance(received := await context.read(), console_pb2.RunRequest):
        match received.WhichOneof("input"):
            case "signal" if received.signal.number == signal.SIGQUIT:
                call.detached.set()
            case "signal":
                call.interrupted.set()
            case "stdin" if received.stdin:
                await call.stdin.put(received.stdin)
            case "eof":
                await call.stdin.put(b"")
            case "answer":
                call.answers.put_nowait(None if received.answer.refused else received.answer.text)
            case "handoff_result":
                call.statuses.put_nowait(received.handoff_result.status)
    call.answers.put_nowait(None)
    await call.stdin.put(b"")
