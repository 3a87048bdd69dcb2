"""Which commands there are: ours, the client's and those that the service lists; and files that hold commands."""

from __future__ import annotations

import asyncio
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path

from aliend.commands import dispatch
from aliend.commands.invocation.call import Call
from aliend.core.cli import options
from aliend.core.cli.environment import is_on
from aliend.core.connection.context import Context
from aliend.core.protocol.requests import READ_ONLY_COMMANDS, Request
from aliend.errors import AliendError, NoSuchFile, UsageError
from aliend.runtime import Runtime

OF_THE_CLIENT = frozenset(
    {"version", "help", "?", "daemon", "sandbox", "install-names", "completion", "shell", "term", "terminal", "console"}
)
"""Commands that only the client carries out; in a chain it is asked to."""

OF_THE_LINE = {
    "exit": "exit",
    "quit": "exit",
    "logout": "exit",
    "exitcode": "exitcode",
    "$?": "exitcode",
    "time": "time",
}
"""What `aliend.commands.command_line` carries out itself, with the name of its page in the help."""

HELP_BY_THE_CLIENT = frozenset(dispatch.COMMANDS) - {"token", "token-init", "submit", "ps"}
"""Commands of ours; `-h` of the others is answered by the service, whose options they take."""

_LISTINGS = frozenset({"la", "ll", "lla"})
_LARGEST_BATCH = 16 * 1024 * 1024


class UnknownCommand(AliendError):
    """Nobody knows the command; nothing was done."""

    exit_code = 1


async def check(parts: Runtime, call: Call) -> None:
    """Raise UnknownCommand, with names that are near, for a word that nobody knows."""
    word = call.words[0]
    if _is_ours(word) or is_on(call.environment, "ALIENPY_ALLOW_UNKNOWN_CMDS"):
        return
    listed = await commands_of_the_service(parts, call.context)
    if word in listed:
        return
    near = options.suggestions(word, names(listed))
    meant = f"; did you mean {' or '.join(near)}?" if near else "; alienctl help lists them"
    raise UnknownCommand(f"{word}: there is no such command{meant}")


def names(listed: frozenset[str]) -> frozenset[str]:
    """Every command that can be typed, with those that the service lists."""
    return listed | OF_THE_CLIENT | frozenset(OF_THE_LINE) | _LISTINGS | frozenset(dispatch.COMMANDS)


async def commands_of_the_service(parts: Runtime, context: Context) -> frozenset[str]:
    """What the service lists, asked for once in the daemon's life. Raises AliendError where it cannot be asked."""
    found = parts.command_lists.get(context)
    if found is None:
        reply = await parts.central_sessions.of(context).request(Request("commandlist"), directory="")
        found = frozenset(str(result["commandlist"]) for result in reply.results if "commandlist" in result)
        parts.command_lists[context] = found
    return found


async def batch_file(parts: Runtime, call: Call, aliases: Mapping[str, str]) -> str | None:
    """The text of the local file that the words name instead of a command; None: they name a command.

    Raises NoSuchFile or UsageError for a file that cannot be read.
    """
    word = call.words[0] if call.words else ""
    first = _first(word)
    if not word or len(call.words) > 1 or first in aliases or _is_ours(first):
        return None
    path = Path(call.local, word)
    if not await asyncio.to_thread(_is_file, path):
        return None
    if "/" not in word and word in await commands_of_the_service(parts, call.context):
        return None
    return await asyncio.to_thread(_content, path)


def text_of(path: str) -> str:
    """The text of a file that may be missing; empty then."""
    try:
        return Path(path).read_bytes().decode("utf-8", "surrogateescape") if path else ""
    except OSError:
        return ""


def _is_ours(word: str) -> bool:
    return word in READ_ONLY_COMMANDS or word.startswith("{") or word in names(frozenset())


def _first(text: str) -> str:
    try:
        return next(iter(shlex.split(text)), "")
    except ValueError:
        return text


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BATCH:
            raise UsageError(f"{path} is too long for a file of commands; give it as standard input: alienctl < {path}")
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise NoSuchFile(f"{path}: the commands in it cannot be read: {error.strerror}") from error
