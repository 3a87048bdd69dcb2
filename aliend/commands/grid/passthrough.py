"""Passes commands through to the central service and prints its replies unchanged.

Options that would change the shared connection are refused with an alternative. The LFNs of simple file commands are
resolved here; other commands are sent with the session's directory (`-pwd=`).
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

from aliend.commands.grid.namespace_checks import check_names, output_of, require_directories
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import session_state
from aliend.commands.invocation.result_stream import Printer
from aliend.core.catalogue import paths
from aliend.core.cli.colours import colour_directories
from aliend.core.connection.context import Context
from aliend.core.protocol.replies import Reply, Result, names_text
from aliend.core.protocol.requests import (
    HELP_OPTIONS,
    Request,
    changes_state,
    from_json,
    session_change,
    with_modifiers,
)
from aliend.errors import AliendError, UsageError
from aliend.runtime import Runtime
from aliend.user_sessions import SessionState

_LFN_COMMANDS = frozenset({"ls", "stat", "whereis", "mkdir", "rm", "rmdir", "mv", "touch", "lfn2guid", "du"})
"""Commands whose arguments without a leading dash are all LFNs or GUIDs, and whose options take no values."""

_DEFAULT_OPTIONS = {"ls": ("-F",), "la": ("-F", "-a"), "ll": ("-F", "-l"), "lla": ("-F", "-l", "-a")}
_SERVICE_NAMES = {"la": "ls", "ll": "ls", "lla": "ls"}
_ALTERNATIVES = {
    **dict.fromkeys(("cd", "user", "setSite", "timing"), "use the command or call for the session"),
    "token -u": "use a credential that has this role",
    "-pwd": "use cd",
    "-silent": "redirect the output",
}
_REMOVE = frozenset({"rm", "rmdir"})
"""The service refuses to remove the connection's directory, which must therefore be the current one."""
_LARGEST_STATUS = 255
_INTERNAL = "_csd"
_LISTS = frozenset({"ls", *_SERVICE_NAMES})
_STREAMED = frozenset({"find"})
"""Commands whose replies can be hundreds of megabytes."""
_NOTHING_MIRRORED = (
    "mirror: nothing was queued: a replica is there already, or no storage element has this name (see `listSEs`)"
)
"""The service answers both with nothing."""


async def run(runtime: Runtime, call: Call) -> int:
    """Send the command unchanged, print the reply, and return the service's exit code."""
    if call.args[0].startswith("{"):
        return await _run_json_request(runtime, call)
    request, directory, state = await _prepare(runtime, call)
    if request.command in _STREAMED and not HELP_OPTIONS.intersection(request.options):
        return await _stream(runtime, call, request, directory, state.directory)
    reply = await runtime.central_sessions.of(call.context).request(request, directory=directory)
    if request.command == "commandlist" and not call.args[1:]:
        reply = without_internal(reply)
    await print_reply(call, reply, state.directory)
    if request.command == "mirror" and not (reply.exit_code or reply.error or reply.text().strip()):
        await call.print_error(_NOTHING_MIRRORED)
    return status_of(reply)


async def ask(runtime: Runtime, call: Call) -> Reply:
    """Return the reply to the command, for commands that format it themselves."""
    request, directory, _ = await _prepare(runtime, call)
    return await runtime.central_sessions.of(call.context).request(request, directory=directory)


def status_of(reply: Reply) -> int:
    """Return the exit code of a reply, at most 255."""
    return min(reply.exit_code, _LARGEST_STATUS)


async def _prepare(runtime: Runtime, call: Call) -> tuple[Request, str, SessionState]:
    """Return the request, the directory that it needs (empty: none), and the session state."""
    name = _SERVICE_NAMES.get(call.args[0], call.args[0])
    arguments = call.args[1:]
    refuse_session_changes(Request(name, arguments))
    state = await session_state(runtime, call)
    options = _DEFAULT_OPTIONS.get(call.args[0], ()) + (
        _absolute(arguments, state) if name in _LFN_COMMANDS else arguments
    )
    silenced = with_modifiers(options, whole=call.as_json)
    needs_none = name in _LFN_COMMANDS and name not in _REMOVE and _names_something(arguments)
    await _check(runtime, call.context, Request(name, options), state)
    return Request(name, silenced), "" if needs_none else state.directory, state


async def _check(runtime: Runtime, context: Context, request: Request, state: SessionState) -> None:
    """Refuse what would damage the catalogue; LFNs are absolute. Raises NotADirectory, UsageError."""
    if not changes_state(request):
        return
    catalogue = runtime.central_sessions.catalogue_of(context)
    await check_names(catalogue, request)
    if output := output_of(request):
        await require_directories(catalogue, [paths.resolve(output, state.directory, state.home)])


async def _run_json_request(runtime: Runtime, call: Call) -> int:
    """Send a request given as JSON, and add only the directory."""
    if len(call.args) > 1:
        raise UsageError("a JSON request must be a single argument; put it in quotes")
    request = from_json(call.args[0])
    refuse_session_changes(request)
    state = await session_state(runtime, call)
    reply = await request_in(runtime, call.context, request, state)
    await print_reply(call, reply, state.directory)
    return status_of(reply)


async def request_in(runtime: Runtime, context: Context, request: Request, state: SessionState) -> Reply:
    """Return the reply to a request as a user wrote it, in the directory of a session. Raises UsageError."""
    refuse_session_changes(request)
    await _check(runtime, context, Request(request.command, _absolute(request.options, state)), state)
    return await runtime.central_sessions.of(context).request(request, directory=state.directory)


async def _stream(runtime: Runtime, call: Call, request: Request, directory: str, shown: str) -> int:
    """Print the results while they arrive, so that memory use does not grow with the reply."""
    central = runtime.central_sessions.of(call.context)
    printer = Printer(call)
    failure: AliendError | None = None
    held: list[Result] = []
    is_first = True
    try:
        async with aclosing(central.stream(request, directory=directory, bulk=False)) as groups:
            async for group in groups:
                if held:
                    await printer.results(held)
                    is_first = False
                held = group
    except AliendError as error:
        failure = error
    if failure and is_first and not call.as_json:  # a usage text: standard output is for results
        await call.print_error(names_text(held).strip("\n"))
    elif held:
        await printer.results(held)
    code = min(failure.exit_code, _LARGEST_STATUS) if failure else 0
    text = str(failure) if failure else ""
    await printer.end(code, text, central.status().user, shown)
    await call.print_error(text)
    return code


def without_internal(reply: Reply) -> Reply:
    """Return the command list without the commands for the service's own tools (`..._csd`)."""
    kept = (dict(result) for result in reply.results if not str(result.get("commandlist", "")).endswith(_INTERNAL))
    shown = [
        {**result, "message": _lines_without_internal(result["message"])} if "message" in result else result
        for result in kept
    ]
    return replace(reply, results=tuple(shown))


def _lines_without_internal(text: object) -> str:
    return "\n".join(line for line in str(text).splitlines() if not line.rstrip().endswith(_INTERNAL))


async def print_reply(call: Call, reply: Reply, directory: str) -> None:
    """Print a reply: messages to standard output and the error to standard error, or all of it as JSON."""
    if call.as_json:
        document = reply.to_json()
        document["metadata"]["currentdir"] = directory
        await call.print_json(document)
    elif reply.exit_code:  # standard output is for results: scripts parse it
        await call.print_error("\n".join(filter(None, (_text_of(call, reply), _timing(reply)))))
    else:
        if call.args[0] in _LISTS:
            await call.print_coloured(_text_of(call, reply), colour_directories)
        else:
            await call.print(_text_of(call, reply))
        await call.print(_timing(reply))
    await call.print_error(reply.error)


def _text_of(call: Call, reply: Reply) -> str:
    """Return the text of a reply without outer blank space, which may belong to a name in a listing."""
    return names_text(reply.results).strip("\n") if call.args[0] in _LISTS else reply.shown_text().strip()


def _timing(reply: Reply) -> str:
    return f"timing_ms = {reply.timing}" if reply.timing else ""


def refuse_session_changes(request: Request) -> None:
    """Raise UsageError for a request that would change the shared connection."""
    word = session_change(request)
    if word:
        instead = _ALTERNATIVES[word]
        raise UsageError(f"{word} would change the connection that all your commands share; {instead} instead")


def _absolute(arguments: tuple[str, ...], state: SessionState) -> tuple[str, ...]:
    return tuple(
        word if word.startswith("-") or _is_guid(word) else paths.resolve(word, state.directory, state.home)
        for word in arguments
    )


def _names_something(arguments: tuple[str, ...]) -> bool:
    return any(not word.startswith("-") for word in arguments)


def _is_guid(word: str) -> bool:
    parts = word.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(
        c in "0123456789abcdefABCDEF" for c in word if c != "-"
    )
