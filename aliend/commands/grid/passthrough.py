"""Commands of the central service, passed through with the session's directory; their texts stay as they are.

A few options would change the shared connection instead of doing something for this caller; they are refused with the
way to get the same. Names of the plain file commands are made absolute here; the others get `-pwd=`.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

from aliend.commands.invocation.call import Call
from aliend.commands.invocation.result_stream import Printer
from aliend.core.catalogue import paths
from aliend.core.cli.colours import colour_directories
from aliend.core.protocol.replies import Reply, names_text
from aliend.core.protocol.requests import Request, from_json, session_change, with_modifiers
from aliend.errors import AliendError, UsageError
from aliend.runtime import Runtime
from aliend.user_sessions import SessionState

_PLAIN = frozenset({"ls", "stat", "whereis", "mkdir", "rm", "rmdir", "mv", "touch", "lfn2guid", "du"})
"""Commands whose every word without a leading dash is an LFN (or a GUID) and whose options take no values."""

_PREPENDED = {"ls": ("-F",), "la": ("-F", "-a"), "ll": ("-F", "-l"), "lla": ("-F", "-l", "-a")}
_NAMES = {"la": "ls", "ll": "ls", "lla": "ls"}
_INSTEAD = {
    "cd": "use it as a command of its own",
    "user": "use it as a command of its own",
    "setSite": "use it as a command of its own",
    "timing": "use it as a command of its own",
    "token -u": "ask with a credential that holds that role",
    "-pwd": "use cd",
    "-silent": "redirect the output",
}
_REMOVES = "rm"
"""Refused for the directory that the connection is in, which must be the session's and not an earlier one."""
_LARGEST_STATUS = 255
_INTERNAL = "_csd"
_LISTS = frozenset({"ls", *_NAMES})
_LONG = frozenset({"find"})
"""Commands whose replies may be hundreds of megabytes."""


async def run(parts: Runtime, call: Call) -> int:
    """Send the words as they are and print what comes back; the exit code is the service's."""
    if call.words[0].startswith("{"):
        return await _as_written(parts, call)
    request, directory, state = await _prepared(parts, call)
    if request.command in _LONG:
        return await _streamed(parts, call, request, directory, state.directory)
    reply = await parts.central_sessions.of(call.context).request(request, directory=directory)
    if request.command == "commandlist" and not call.words[1:]:
        reply = without_internal(reply)
    await tell(call, reply, state.directory)
    return status_of(reply)


async def ask(parts: Runtime, call: Call) -> Reply:
    """The reply to the words, for commands that show it in another way."""
    request, directory, _ = await _prepared(parts, call)
    return await parts.central_sessions.of(call.context).request(request, directory=directory)


def status_of(reply: Reply) -> int:
    """The exit code that tells how the service ended."""
    return min(reply.exit_code, _LARGEST_STATUS)


async def _prepared(parts: Runtime, call: Call) -> tuple[Request, str, SessionState]:
    """The request for the words, the directory that it needs (empty: none), and the session."""
    name = _NAMES.get(call.words[0], call.words[0])
    words = call.words[1:]
    _refuse_session_changes(Request(name, words))
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    options = _PREPENDED.get(call.words[0], ()) + (_absolute(words, state) if name in _PLAIN else words)
    silenced = with_modifiers(options, whole=call.as_json)
    needs_none = name in _PLAIN and name != _REMOVES and _names_something(words)
    return Request(name, silenced), "" if needs_none else state.directory, state


async def _as_written(parts: Runtime, call: Call) -> int:
    """Send a request that was written as JSON, with nothing added but the directory."""
    if len(call.words) > 1:
        raise UsageError("a request in JSON is one word; put it into quotes")
    request = from_json(call.words[0])
    _refuse_session_changes(request)
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    reply = await parts.central_sessions.of(call.context).request(request, directory=state.directory)
    await tell(call, reply, state.directory)
    return status_of(reply)


async def _streamed(parts: Runtime, call: Call, request: Request, directory: str, shown: str) -> int:
    """Print the results while they arrive; however long the reply is, little of it is in memory."""
    central = parts.central_sessions.of(call.context)
    printer = Printer(call)
    failure: AliendError | None = None
    try:
        async with aclosing(central.stream(request, directory=directory, bulk=False)) as groups:
            async for group in groups:
                await printer.results(group)
    except AliendError as error:
        failure = error
    code = min(failure.exit_code, _LARGEST_STATUS) if failure else 0
    text = str(failure) if failure else ""
    await printer.end(code, text, central.status().user, shown)
    await call.complain(text)
    return code


def without_internal(reply: Reply) -> Reply:
    """The list of commands without those that are meant for the service's own tools (`..._csd`)."""
    kept = (dict(result) for result in reply.results if not str(result.get("commandlist", "")).endswith(_INTERNAL))
    shown = [
        {**result, "message": _lines_without_internal(result["message"])} if "message" in result else result
        for result in kept
    ]
    return replace(reply, results=tuple(shown))


def _lines_without_internal(text: object) -> str:
    return "\n".join(line for line in str(text).splitlines() if not line.rstrip().endswith(_INTERNAL))


async def tell(call: Call, reply: Reply, directory: str) -> None:
    """Print a reply: messages to standard output and the error to standard error, or the whole as JSON."""
    if call.as_json:
        document = reply.to_json()
        document["metadata"]["currentdir"] = directory
        await call.document(document)
    else:
        if call.words[0] in _LISTS:
            await call.paint(names_text(reply.results), colour_directories)
        else:
            await call.say(reply.text())
        await call.say(f"timing_ms = {reply.timing}" if reply.timing else "")
    await call.complain(reply.error)


def _refuse_session_changes(request: Request) -> None:
    word = session_change(request)
    if word:
        instead = _INSTEAD[word]
        raise UsageError(f"{word} would change the connection that all your commands share; {instead} instead")


def _absolute(words: tuple[str, ...], state: SessionState) -> tuple[str, ...]:
    return tuple(
        word if word.startswith("-") or _is_guid(word) else paths.resolve(word, state.directory, state.home)
        for word in words
    )


def _names_something(words: tuple[str, ...]) -> bool:
    return any(not word.startswith("-") for word in words)


def _is_guid(word: str) -> bool:
    parts = word.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(
        c in "0123456789abcdefABCDEF" for c in word if c != "-"
    )
