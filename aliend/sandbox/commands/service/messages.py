"""Commands about the service itself: version, motd, echo, ping, timing, time, commandlist, unimplemented commands."""

from __future__ import annotations

import asyncio
import time

from aliend.sandbox.errors import CommandCrashError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import integer, option_set, yes_or_no
from aliend.sandbox.service.call import Call, Command

LISTED_COMMANDS = (
    *("cd", "pwd", "mkdir", "rmdir", "ls", "find", "toXml", "cat", "whereis", "cp", "rm", "mv", "touch", "type"),
    *("lfn2guid", "guid2lfn", "guidinfo", "access", "commit", "chown", "chmod", "deleteMirror", "md5sum", "mirror"),
    *("grep", "changeDiff", "listFilesFromCollection", "archiveList", "packages", "listCEs", "jobListMatch"),
    *("listpartitions", "setCEstatus", "submit", "ps", "masterjob", "kill", "w", "uptime", "resubmit", "top"),
    *("registerOutput", "df", "du", "fquota", "jquota", "listSEs", "listSEDistance", "setSite", "testSE"),
    *("listTransfer", "uuid", "stat", "xrdstat", "resyncLDAP", "optimiserLogs", "showTagValue", "time", "timing"),
    *("commandlist", "motd", "ping", "version", "echo", "whoami", "user", "whois", "groups", "token"),
    "lfnexpiretime",
)
"""The reply of `commandlist`, in its order."""

_ONLY_ADVERTISED = ("shutdown", "less", "more", "sensible-editor", "vim")
_TAG, _HASH, _COMPILED = "1.0-sandbox", "0" * 40, 1_790_000_000_000
_ROUNDS, _PAUSE, _MOST_REPETITIONS = 3, 1000, 1000
_GREETING = (
    "\nWelcome to a grid of your own. Nothing here leaves this machine.\n\n"
    "\tWhat it can do: help, or COMMAND -h\n\tEnd it with: alienctl sandbox down\n"
)


def version(call: Call) -> None:
    """Print the version of the sandbox."""
    date = formats.long_date(_COMPILED).split()
    compiled = f"{date[2]} {date[1]} {date[5]} {date[3][:5]}"
    call.out.line(f"JAliEn tag: {_TAG}\nGit hash: {_HASH}\nCompiled at: {compiled} @ sandbox")
    call.out.keys(tag=_TAG, git_hash=_HASH, compiled_at=str(_COMPILED), compiled_by="sandbox")


def motd(call: Call) -> None:
    """Print the message of the day."""
    call.out.line(_GREETING)


def echo(call: Call) -> None:
    """Print the operands."""
    for number, operand in enumerate(call.operands):
        call.out.key(f"arg{number}", operand)
    call.out.line(" ".join(call.operands))


async def ping(call: Call) -> None:
    """Reply after pauses, as the real service does; the only command that takes seconds."""
    rounds = _within(call, "c", _ROUNDS, 100, "count", bits=32)
    pause = _within(call, "s", _PAUSE, 60_000, "sleep")
    between = f" with a pause of {pause} ms between them" if pause else ""
    call.out.line(f"Sending {rounds} messages{between}")
    begin, place = time.perf_counter(), "127.0.0.1" if call.options.has("n") else "127.0.0.1 (localhost)"
    for number in range(rounds):
        call.out.line(f"reply from {place}: time=0.01 ms")
        if number < rounds - 1:
            await asyncio.sleep(pause / 1000)
    took = formats.number((time.perf_counter() - begin) * 1000)
    call.out.line(f"{rounds} packets transmitted, time {took} ms")
    if not rounds:
        raise CommandCrashError("java.lang.ArithmeticException: / by zero")
    call.out.line("rtt min/avg/max/mdev = 0.01/0.01/0.01/0 ms")


def _within(call: Call, option: str, default: int, most: int, what: str, bits: int = 64) -> int:
    value = call.options.integer(option, bits)
    if value is None or 0 <= value <= most:
        return default if value is None else value
    call.out.line(f"Ignoring {what} value of {value}")
    return default


def timing(call: Call) -> None:
    """Switch the member `timing_ms` of replies on or off."""
    switch = yes_or_no(call.operands[0].strip()) if call.operands else None
    if switch is not None:
        call.session.timing = switch
    state = call.session.timing
    call.out.line(f"Command timing is {'enabled' if state else 'disabled'}")
    call.out.key("timing", "true" if state else "false")


async def repeat(call: Call) -> None:
    """Run a command several times; its results accumulate, and the duration comes last."""
    count = integer(call.operands[0], 32) or 0
    if len(call.operands) < 2 or count <= 0 or call.execute is None:
        call.out.line("Usage: time <times>  <command> [command_arguments] ")
        return
    name, options = call.operands[1], call.operands[2:]
    begin = time.perf_counter()
    for _ in range(min(count, _MOST_REPETITIONS)):
        await call.execute(name, options)
    took = int((time.perf_counter() - begin) * 1000)
    line = " ".join([name, *options])
    call.out.line(f'"{line}" with #{count} tries,\tavr/total msec:\t\t{took // count}/{took}')


def commandlist(call: Call) -> None:
    """List the names of the commands."""
    if "-i" in call.operands:
        index = LISTED_COMMANDS.index("resyncLDAP")
        names = (*LISTED_COMMANDS[:index], "randomPFNs", *LISTED_COMMANDS[index:], *_ONLY_ADVERTISED)
        call.out.line(" ".join(names))
        return
    call.out.text("".join(f"{name}\n" for name in LISTED_COMMANDS))
    for name in LISTED_COMMANDS:
        call.out.key("commandlist", name)
        call.out.finish_result()


def df(_call: Call) -> None:
    """Not implemented by the service."""
    raise CommandFailedError(38)


def top(_call: Call) -> None:
    """Not implemented by the service."""
    raise CommandFailedError(38, "not implemented yet")


COMMANDS = {
    "version": Command(version, "prints the version of the service", needs_arguments=False),
    "motd": Command(motd, "prints the message of the day", needs_arguments=False),
    "echo": Command(echo, "[words]", needs_arguments=False),
    "ping": Command(ping, "[-c <count>] [-s <ms between rounds>] [-n]", option_set("n", "c s"), needs_arguments=False),
    "timing": Command(timing, "[on|off]", needs_arguments=False),
    "time": Command(repeat, "<times> <command> [arguments]"),
    "commandlist": Command(commandlist, "[-i]", needs_arguments=False),
    "df": Command(df, "", needs_arguments=False),
    "top": Command(top, "", needs_arguments=False),
}
