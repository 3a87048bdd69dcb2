"""Executes requests: global options, option parsing, commands, errors (wire specification, 1.7 and 2.1)."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Sequence

from aliend.sandbox.commands import COMMANDS, HIDDEN
from aliend.sandbox.commands.service.option_help import options_text
from aliend.sandbox.errors import NO_COMMAND, BadArgumentsError, BadOptionsError, CommandCrashError, CommandFailedError
from aliend.sandbox.protocol.options import ParsedOptions, parse
from aliend.sandbox.protocol.output import Output, document
from aliend.sandbox.service.background_work import run_due_work
from aliend.sandbox.service.call import Call, Command, Service
from aliend.sandbox.state.session import Session

LOG = logging.getLogger(__name__)
_HELP = ("-h", "--h", "-help", "--help")
_CP_REFUSED = "'cp' grid command is not implemented. Please use native client's Cp() method"


async def execute(service: Service, session: Session, name: str, options: Sequence[str]) -> str:
    """Return the reply to one well-formed request; empty when the service crashes on it without an answer."""
    output = Output()
    metadata = await run(service, session, name, options, output)
    return "" if metadata is None else document(output, **metadata)


async def run(
    service: Service, session: Session, name: str, options: Sequence[str], output: Output
) -> dict[str, str] | None:
    """Execute a command into `output`; return the reply's metadata, or None if the service would crash."""
    if name == "cp":
        output.fail_with(22, _CP_REFUSED)
        return state(session)
    if "-silent" in options and not session.has_run_a_command:
        return None
    session.has_run_a_command = True
    begin = time.perf_counter()
    await run_due_work(service)
    words, wants_help = _take_global_options(service, session, options, output)
    await _run(service, session, name, words, output, wants_help=wants_help)
    service.catalogue.save()
    metadata = state(session)
    if session.timing:
        metadata["timing_ms"] = f"{(time.perf_counter() - begin) * 1000:.6f}"
    return metadata


def refuse(session: Session, code: int, text: str) -> str:
    """Return a reply that is an error before any command."""
    output = Output()
    output.fail_with(code, text)
    return document(output, **state(session))


def state(session: Session) -> dict[str, str]:
    """Return the metadata about the session that every reply contains."""
    return {"user": session.principal.name, "currentdir": session.directory}


def _take_global_options(
    service: Service, session: Session, options: Sequence[str], output: Output
) -> tuple[list[str], bool]:
    words, wants_help = [], False
    for option in options:
        if option == "-nomsg":
            output.mute_text = True
        elif option == "-nokeys":
            output.mute_keys = True
        elif option in _HELP:
            wants_help = True
        elif option.startswith("-pwd="):
            entry = service.catalogue.names.get(option.removeprefix("-pwd="))
            session.cwd = entry.path if entry else None
        elif option != "-silent" and not option.startswith("-debug="):
            words.append(option)
    return words, wants_help


async def _run(
    service: Service, session: Session, name: str, words: list[str], output: Output, *, wants_help: bool
) -> None:
    command = COMMANDS.get(name)
    if command is None:
        _unknown(name, output)
        return
    try:
        given = ParsedOptions(operands=words) if command.options is None else parse(words, command.options)
    except BadOptionsError as error:
        if not wants_help or command.hides_option_errors:
            _refuse_options(command, str(error), output)
            return
        given = ParsedOptions()
    if wants_help:
        output.mute_text = False
        output.text(_usage(name, command))
        return
    if command.needs_arguments and not words:
        _demand_arguments(name, command, output)
        return

    async def execute(other: str, options: Sequence[str]) -> None:
        await _run_inside(service, session, other, list(options), output)

    await _perform(name, command, Call(service, session, given, output, _usage(name, command), execute))


async def _run_inside(service: Service, session: Session, name: str, words: list[str], output: Output) -> None:
    """Run a command inside another one, without a look at its arguments. Raises CommandCrashError as the service."""
    command = COMMANDS.get(name)
    if command is None:
        raise CommandCrashError("java.lang.NullPointerException")
    try:
        given = ParsedOptions(operands=words) if command.options is None else parse(words, command.options)
        pending = command.run(Call(service, session, given, output, _usage(name, command)))
        if inspect.isawaitable(pending):
            await pending
    except (BadOptionsError, BadArgumentsError) as error:
        raise CommandCrashError("java.lang.NullPointerException") from error


async def _perform(name: str, command: Command, call: Call) -> None:
    try:
        pending = command.run(call)
        if inspect.isawaitable(pending):
            await pending
    except CommandFailedError as error:
        call.out.fail(error.code, error.text)
    except BadOptionsError as error:
        _refuse_options(command, str(error), call.out)
    except BadArgumentsError:
        _demand_arguments(name, command, call.out)
    except CommandCrashError as error:
        _crash(name, str(error), call.out)
    except Exception as error:
        # the service answers any exception of a command with its own stack trace, never with Python's
        LOG.exception("the command %s failed", name)
        _crash(name, f"java.lang.RuntimeException: {type(error).__name__}", call.out)


def _crash(name: str, cause: str, output: Output) -> None:
    output.fail(121, f"Error executing the command [{name}]: \n{cause}\n\tat sandbox.Command.{name}(Sandbox)")


def _unknown(name: str, output: Output) -> None:
    if name not in HIDDEN:
        output.fail(2, f"Command [{name}] not found!")


def _refuse_options(command: Command, text: str, output: Output) -> None:
    if command.hides_option_errors:
        output.fail_with(2, NO_COMMAND)
    else:
        output.fail(22, text)


def _demand_arguments(name: str, command: Command, output: Output) -> None:
    if output.code == 0:
        output.fail(22, "Command requires an argument")
        output.text(_usage(name, command))


def _usage(name: str, command: Command) -> str:
    return f"\nusage: {name}   {command.usage}\n{options_text(name)}"
