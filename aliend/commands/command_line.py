"""Carries out a command line: chains, pipes, `!`, `time`, `exit`, `$?`, commands that come on standard input.

The commands themselves are found by `aliend.commands.dispatch`, the language is `aliend.core.cli.command_line`.
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
from aliend.commands.invocation.call import JSON_LINES, JSON_WORDS, Call
from aliend.commands.invocation.pipe import piped
from aliend.core.cli import command_line
from aliend.core.cli.command_line import Command, Shell, Step
from aliend.errors import AliendError, UsageError
from aliend.runtime import Runtime

INTERRUPTED = 130
_SHELL = ("/bin/sh", "-c")
_HELP = frozenset({"-h", "--h", "-help", "--help"})
_MOST_SESSIONS = 1000
_LARGEST_STATUS = 255


@dataclass(frozen=True, slots=True)
class Outcome:
    """The exit code of the last command; `leaves`: it was `exit`."""

    code: int
    leaves: bool = False


class _LeaveError(Exception):
    """`exit` with this code."""

    def __init__(self, code: int) -> None:
        self.code = code


async def run(parts: Runtime, call: Call) -> Outcome:
    """Carry out what `call` holds; 130 if the user interrupted it."""
    if call.trace:
        call.trace(f"aliend {VERSION}, session {call.session}, service {call.context.endpoint}")
        request_trace.start_trace(call.trace)
    line = asyncio.create_task(_Line(parts, call).outcome())
    interrupt = asyncio.create_task(call.interrupted.wait())
    try:
        await asyncio.wait({line, interrupt}, return_when=asyncio.FIRST_COMPLETED)
        if line.done():
            return line.result()
        line.cancel()
        await asyncio.wait({line})
        _keep_status(parts, call, INTERRUPTED)
        return Outcome(INTERRUPTED)
    finally:
        interrupt.cancel()
        if not line.done():
            line.cancel()
            await asyncio.wait({line})


class _Line:
    """One command line that is carried out."""

    def __init__(self, parts: Runtime, call: Call) -> None:
        self._parts = parts
        self._call = call
        self._aliases: dict[str, str] = {}

    async def outcome(self) -> Outcome:
        """Carry it out."""
        call = self._call
        try:
            self._aliases = command_line.parse_aliases(
                await asyncio.to_thread(command_names.text_of, _alias_file(call))
            )
            if not (call.words or call.commands_on_stdin):
                raise UsageError("There is no command; see: alienctl help")
            if call.commands_on_stdin:
                return Outcome(await self._from_stdin())
            batch = await command_names.batch_file(self._parts, call, self._aliases)
            if batch is not None:
                return Outcome(await self._steps(command_line.parse(batch, self._aliases)))
            return Outcome(await self._steps(command_line.parse_args(call.words, self._aliases)))
        except _LeaveError as leave:
            _keep_status(self._parts, call, leave.code)
            return Outcome(leave.code, leaves=True)
        except AliendError as error:
            await call.complain(f"alienctl: {error}")
            return Outcome(error.exit_code)

    async def _from_stdin(self) -> int:
        code, text = 0, ""
        async for piece in _texts(self._call):
            text += piece
            ready = command_line.complete_length(text) if piece else len(text)
            steps = command_line.parse(text[:ready], self._aliases)
            text = text[ready:]
            code = await self._steps(steps, before=code)
            if code and self._call.stop_on_error:
                break
        return code

    async def _steps(self, steps: tuple[Step, ...], before: int = 0) -> int:
        """Carry out steps one after the other; the code of the last one, `before` where there is none."""
        code = before
        for step in steps:
            code = await self._step(step)
            _keep_status(self._parts, self._call, code)
            if code and self._call.stop_on_error:
                break
        return code

    async def _step(self, step: Step) -> int:
        match step:
            case Shell(text):
                return await self._call.have_run((*_SHELL, text))
            case Command(words, ""):
                return await self._command(self._call, words)
            case Command(words, pipeline) if theirs := _words_for_the_client(words):
                return await self._call.have_run((*_SHELL, f'"$@" | {pipeline}', "sh", *theirs))
            case Command(words, pipeline):
                return await piped(self._call, (*_SHELL, pipeline), lambda call: self._command(call, words))

    async def _command(self, call: Call, words: tuple[str, ...]) -> int:
        by_line = call.by_line or JSON_LINES in words
        as_json = call.as_json or bool(JSON_WORDS.intersection(words))
        words = tuple(word for word in words if word not in JSON_WORDS)
        call = replace(call, words=words, as_json=as_json, by_line=by_line)
        if not words:
            raise UsageError("--json stands before or behind a command, not alone")
        if theirs := _words_for_the_client((*words, *(("--json",) if as_json else ()))):
            return await call.have_run(theirs)
        match words:
            case ("exit" | "quit" | "logout", *operands):
                await self._leave(call, operands)
            case ("exitcode" | "$?",):
                return await self._tell_status(call)
            case ("time", first, *_) if not first.isdecimal():
                return await self._timed(call)
        try:
            await command_names.check(self._parts, call)
        except AliendError as error:
            await call.complain(str(error))
            return error.exit_code
        return await dispatch.execute(self._parts, call)

    async def _leave(self, call: Call, operands: list[str]) -> None:
        """`exit [CODE] [err] [MESSAGE]`: the message goes to standard output, with `err` to standard error."""
        code = self._parts.statuses.get(call.session, 0)
        if operands and operands[0].lstrip("-").isdecimal():
            code = int(operands.pop(0))
            if not 0 <= code <= _LARGEST_STATUS:
                raise UsageError(f"exit: a status is 0 to {_LARGEST_STATUS}, not {code}")
        if operands[:1] == ["err"]:
            await call.complain(" ".join(operands[1:]))
        else:
            await call.say(" ".join(operands))
        raise _LeaveError(code)

    async def _tell_status(self, call: Call) -> int:
        status = str(self._parts.statuses.get(call.session, 0))
        if call.as_json:
            metadata = {"exitcode": "0", "error": "", "user": "", "currentdir": ""}
            await call.document({"metadata": metadata, "results": [{"exitcode": status, "message": status}]})
        else:
            await call.say(status)
        return 0

    async def _timed(self, call: Call) -> int:
        """The command's code, after a line with the time that it took; beside a JSON document on standard error."""
        begun = time.monotonic()
        code = await self._command(call, call.words[1:])
        text = f">>>ProcessInput time: {(time.monotonic() - begun) * 1000:.2f} ms"
        await (call.complain(text) if call.as_json else call.say(text))
        return code


async def _texts(call: Call) -> AsyncIterator[str]:
    """Standard input as text, as it comes; the last piece is empty."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    while data := await call.stdin.get():
        text = decoder.decode(data)
        if text:
            yield text
    rest = decoder.decode(b"", True)
    if rest:
        yield rest
    yield ""


def _words_for_the_client(words: tuple[str, ...]) -> tuple[str, ...]:
    """The program that carries out what only the client can do, and help about commands of ours; else empty."""
    if words[0] in command_names.OF_THE_LINE and _HELP.intersection(words[1:2]):
        return ("alienctl", "help", command_names.OF_THE_LINE[words[0]])
    if words[0] in command_names.OF_THE_CLIENT:
        return ("alienctl", *words)
    if words[0] in command_names.HELP_BY_THE_CLIENT and _HELP.intersection(words[1:]):
        return ("alienctl", "help", words[0])
    return ()


def _alias_file(call: Call) -> str:
    home = call.environment.get("HOME", "")
    return f"{home}/.alienpy_aliases" if home else ""


def _keep_status(parts: Runtime, call: Call, code: int) -> None:
    """Remember the last status of a session, of the thousand sessions that were used last."""
    parts.statuses.pop(call.session, None)
    parts.statuses[call.session] = code
    while len(parts.statuses) > _MOST_SESSIONS:
        del parts.statuses[next(iter(parts.statuses))]
