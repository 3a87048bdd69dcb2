"""Knows the names of all commands (ours, the client's, the service's), and reads command files."""

from __future__ import annotations

import asyncio
import shlex
import stat
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from aliend.central.credentials.certificates import stamp_of
from aliend.commands import dispatch
from aliend.commands.invocation.call import Call
from aliend.core.cli import options
from aliend.core.cli.environment import is_on
from aliend.core.connection.context import Context
from aliend.core.protocol.requests import READ_ONLY_COMMANDS, Request
from aliend.errors import AliendError, NoSuchFile, UsageError
from aliend.runtime import Runtime
from aliend.small_files import read_small

CLIENT_COMMANDS = frozenset(
    {
        *("version", "help", "?", "daemon", "sandbox", "install-names", "root-plugin", "completion", "doctor"),
        *("bug-report", "cluster", "shell", "term", "terminal", "console"),
    }
)
"""Commands that only the client can run; the daemon asks it to if they occur in a chain."""

BUILTIN_COMMANDS = {
    "exit": "exit",
    "quit": "exit",
    "logout": "exit",
    "exitcode": "exitcode",
    "$?": "exitcode",
    "time": "time",
}
"""Commands that `aliend.commands.command_line` runs itself, with the name of their help page."""

COMMANDS_WITH_HELP_PAGE = frozenset(dispatch.COMMANDS) - {"token", "token-init", "submit", "ps"}
"""Commands with a help page here; the service answers `-h` of the others, because they take its options."""

_LISTINGS = frozenset({"la", "ll", "lla"})
_LARGEST_BATCH = 16 * 1024 * 1024


class UnknownCommand(AliendError):
    """No such command exists; nothing was done."""

    exit_code = 1


async def check(runtime: Runtime, call: Call) -> None:
    """Raise UnknownCommand, with similar names, if the command does not exist."""
    word = call.args[0]
    if _is_ours(word) or is_on(call.environment, "ALIENPY_ALLOW_UNKNOWN_CMDS"):
        return
    if word in shipped_commands():
        return
    listed = await service_commands(runtime, call.context)
    if word in listed:
        return
    near = options.suggestions(word, all_names(listed))
    meant = f"; did you mean {' or '.join(near)}?" if near else "; list the commands with `alienctl help`"
    raise UnknownCommand(f"{word}: unknown command{meant}")


def all_names(listed: frozenset[str]) -> frozenset[str]:
    """Return the names of all commands, including those that the service lists."""
    return listed | CLIENT_COMMANDS | frozenset(BUILTIN_COMMANDS) | _LISTINGS | frozenset(dispatch.COMMANDS)


@cache
def shipped_commands() -> frozenset[str]:
    """Return the service's commands at the time of this release: what is known without a connection."""
    text = (resources.files("aliend") / "data" / "service_commands.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


async def service_commands(runtime: Runtime, context: Context) -> frozenset[str]:
    """Return the service's commands, requested once for each credential; the shipped list if the request fails."""
    key = context, await asyncio.to_thread(stamp_of, context)  # administrators have more commands
    found = runtime.command_lists.get(key)
    if found is None:
        try:
            reply = await runtime.central_sessions.of(context).request(Request("commandlist"), directory="")
        except AliendError:
            return shipped_commands()
        found = frozenset(str(result["commandlist"]) for result in reply.results if "commandlist" in result)
        runtime.command_lists[key] = found
    return found


async def batch_file(runtime: Runtime, call: Call, aliases: Mapping[str, str]) -> str | None:
    """Return the text of the command file that the argument names, or None if it names a command.

    Raises NoSuchFile or UsageError if the file is unreadable or too large.
    """
    word = call.args[0] if call.args else ""
    first = _first_word(word)
    if not word or len(call.args) > 1 or first in aliases or _is_ours(first):
        return None
    path = Path(call.directory, word)
    if not await asyncio.to_thread(_is_file, path):
        return None
    if "/" not in word and word in await service_commands(runtime, call.context):
        return None
    return await asyncio.to_thread(_content, path)


def read_if_exists(path: str) -> str:
    """Return the text of a file, or an empty text if it is missing or unreadable."""
    try:
        return read_small(Path(path)).decode("utf-8", "surrogateescape") if path else ""
    except (OSError, ValueError):  # ValueError: a NUL byte in the name
        return ""


def _is_ours(word: str) -> bool:
    return word in READ_ONLY_COMMANDS or word.startswith("{") or word in all_names(frozenset())


def _first_word(text: str) -> str:
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
            raise UsageError(f"{path} is too large for a command file; use standard input: `alienctl < {path}`")
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise NoSuchFile(f"cannot read the command file {path}: {error.strerror}") from error
