"""Runs a command line: chains, pipes, `!`, `time`, `exit`, `$?`, and commands read from standard input.

`aliend.commands.dispatch` runs the single commands; `aliend.core.cli.command_line` parses the language.
"""

from __future__ import annotations

import asyncio
import codecs
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from aliend import VERSION
from aliend.central import request_trace
from aliend.commands import command_names, dispatch
from aliend.commands.invocation.call import JSON_LINES_OPTION, JSON_OPTIONS, Call
from aliend.commands.invocation.pipe import pipe_output
from aliend.commands.invocation.results import print_results
from aliend.core.cli import command_line
from aliend.core.cli.command_line import Command, Shell, Step
from aliend.core.cli.session_names import permanent_name
from aliend.core.protocol.requests import Request
from aliend.errors import AliendError, UsageError
from aliend.runtime import Runtime

INTERRUPTED = 130
_SHELL = ("/bin/sh", "-c")
_MAX_SESSIONS = 1000
_ENDING = frozenset({"stop", "restart", "install", "uninstall"})
"""Actions of `daemon` that may end the daemon."""
_LARGEST_STATUS = 255


@dataclass(frozen=True, slots=True)
class Outcome:
    """The exit code of the last command; `exits` is true if it was `exit`."""

    code: int
    exits: bool = False


class _ExitRequested(Exception):
    """The user typed `exit`; carries the exit code."""

    def __init__(self, code: int) -> None:
        self.code = code


async def run(runtime: Runtime, call: Call) -> Outcome:
    """Run the command line of `call`; the exit code is 130 if the user interrupts it."""
    if call.trace:
        call.trace(f"aliend {VERSION}, session {call.session}, service {call.context.endpoint}")
        request_trace.start_trace(call.trace)
    reports: set[asyncio.Task[None]] = set()

    def report(request: Request) -> None:
        reports.add(asyncio.create_task(call.print_error(_slow_message(request))))

    slow = request_trace.SlowReports(report)
    ends_session = runtime.sessions.begin_line(call.session)
    line = asyncio.create_task(_CommandLine(runtime, call).run())
    interrupt = asyncio.create_task(call.interrupted.wait())
    try:
        await asyncio.wait({line, interrupt}, return_when=asyncio.FIRST_COMPLETED)
        if line.done():
            return line.result()
        line.cancel()
        await asyncio.wait({line})
        _save_status(runtime, call, INTERRUPTED)
        return Outcome(INTERRUPTED)
    finally:
        interrupt.cancel()
        if not line.done():
            line.cancel()
            await asyncio.wait({line})
        slow.close()
        for task in reports:
            task.cancel()
        if ends_session:
            runtime.sessions.end_line(call.session)


def _slow_message(request: Request) -> str:
    seconds = f"{request_trace.SLOW:.0f} s"
    return f"alienctl: the central service has not answered `{request.command}` for {seconds}; still waiting"


class _CommandLine:
    """One running command line."""

    def __init__(self, runtime: Runtime, call: Call) -> None:
        self._runtime = runtime
        self._call = call
        self._aliases: dict[str, str] = {}

    async def run(self) -> Outcome:
        """Run it and print its errors."""
        call = self._call
        try:
            self._aliases = command_line.parse_aliases(
                await asyncio.to_thread(command_names.read_if_exists, _alias_file(call))
            )
            if not (call.args or call.commands_on_stdin):
                raise UsageError("no command given (see `alienctl help`)")
            if call.commands_on_stdin:
                return Outcome(await self._from_stdin())
            batch = await command_names.batch_file(self._runtime, call, self._aliases)
            if batch is not None:
                return Outcome(await self._steps(command_line.parse(batch, self._aliases)))
            return Outcome(await self._steps(command_line.parse_args(call.args, self._aliases)))
        except _ExitRequested as leave:
            _save_status(self._runtime, call, leave.code)
            return Outcome(leave.code, exits=True)
        except AliendError as error:
            await call.print_error(f"alienctl: {error}")
            return Outcome(error.exit_code)

    async def _from_stdin(self) -> int:
        code, text = 0, ""
        async for piece in _decode_stdin(self._call):
            text += piece
            ready = command_line.complete_length(text) if piece else len(text)
            steps = command_line.parse(text[:ready], self._aliases)
            text = text[ready:]
            code = await self._steps(steps, before=code)
            if code and self._call.stop_on_error:
                break
        return code

    async def _steps(self, steps: tuple[Step, ...], before: int = 0) -> int:
        """Run steps one after the other and return the code of the last one, or `before` if `steps` is empty."""
        code = before
        for step in steps:
            code = await self._step(step)
            _save_status(self._runtime, self._call, code)
            if code and self._call.stop_on_error:
                break
        return code

    async def _step(self, step: Step) -> int:
        match step:
            case Shell(text):
                return await self._call.run_on_client((*_SHELL, text))
            case Command(arguments, ""):
                return await self._command(self._call, arguments)
            case Command(arguments, pipeline) if theirs := _client_command(arguments):
                return await self._call.run_on_client((*_SHELL, f'"$@" | {pipeline}', "sh", *theirs))
            case Command(arguments, pipeline):
                return await pipe_output(self._call, (*_SHELL, pipeline), lambda call: self._command(call, arguments))

    async def _command(self, call: Call, args: tuple[str, ...]) -> int:
        by_line = call.by_line or JSON_LINES_OPTION in args
        as_json = call.as_json or bool(JSON_OPTIONS.intersection(args))
        args = tuple(word for word in args if word not in JSON_OPTIONS)
        call = replace(call, args=args, as_json=as_json, by_line=by_line)
        if not args:
            raise UsageError("--json requires a command (see `alienctl help`)")
        if theirs := _client_command((*args, *(("--json",) if as_json else ()))):
            return await call.run_on_client(theirs)
        match args:
            case ("exit" | "quit" | "logout", *operands):
                await self._exit(call, operands)
            case ("exitcode" | "$?",):
                return await self._print_status(call)
            case ("time", first, *_) if not first.isdecimal():
                return await self._timed(call)
        try:
            await command_names.check(self._runtime, call)
        except AliendError as error:
            await call.print_error(str(error))
            return error.exit_code
        return await dispatch.execute(self._runtime, call)

    async def _exit(self, call: Call, operands: list[str]) -> None:
        """Run `exit [CODE] [err] [MESSAGE]`: print the message to standard output, or with `err` to standard error."""
        code = self._runtime.statuses.get(permanent_name(call.session), 0)
        if operands and operands[0].lstrip("-").isdecimal():
            code = int(operands.pop(0))
            if not 0 <= code <= _LARGEST_STATUS:
                raise UsageError(f"exit: the status must be 0 to {_LARGEST_STATUS}, not {code}")
        if operands[:1] == ["err"]:
            await call.print_error(" ".join(operands[1:]))
        else:
            await call.print(" ".join(operands))
        raise _ExitRequested(code)

    async def _print_status(self, call: Call) -> int:
        status = str(self._runtime.statuses.get(permanent_name(call.session), 0))
        result = {"exitcode": status, "message": status}
        return await print_results(call, [status], [result], user="", currentdir="")

    async def _timed(self, call: Call) -> int:
        """Run a command and print the time it took, on standard error if the command prints JSON; return its code."""
        begun = time.monotonic()
        code = await self._command(call, call.args[1:])
        text = f">>>ProcessInput time: {(time.monotonic() - begun) * 1000:.2f} ms"
        await (call.print_error(text) if call.as_json else call.print(text))
        return code


async def _decode_stdin(call: Call) -> AsyncIterator[str]:
    """Decode standard input as it arrives; the last piece is empty."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    while data := await call.stdin.get():
        text = decoder.decode(data)
        if text:
            yield text
    rest = decoder.decode(b"", True)
    if rest:
        yield rest
    yield ""


def _client_command(args: tuple[str, ...]) -> tuple[str, ...]:
    """Return the client command for what only the client can do, and for help pages; otherwise an empty tuple."""
    if args[0] in command_names.BUILTIN_COMMANDS and dispatch.HELP_WORDS.intersection(args[1:2]):
        return ("alienctl", "help", command_names.BUILTIN_COMMANDS[args[0]])
    if args[:1] == ("daemon",) and _ENDING.intersection(args[1:2]):
        raise UsageError(
            f"`daemon {args[1]}` ends the daemon that runs this command line; run `alienctl daemon {args[1]}` alone"
        )
    if args[0] in command_names.CLIENT_COMMANDS:
        return ("alienctl", *args)
    if args[0] in command_names.COMMANDS_WITH_HELP_PAGE and dispatch.HELP_WORDS.intersection(args[1:]):
        return ("alienctl", "help", args[0])
    return ()


def _alias_file(call: Call) -> str:
    home = call.environment.get("HOME", "")
    return f"{home}/.alienpy_aliases" if home else ""


def _save_status(runtime: Runtime, call: Call, code: int) -> None:
    """Save the last exit status of a session, for the 1000 most recently used sessions."""
    session = permanent_name(call.session)
    runtime.statuses.pop(session, None)
    runtime.statuses[session] = code
    while len(runtime.statuses) > _MAX_SESSIONS:
        del runtime.statuses[next(iter(runtime.statuses))]
