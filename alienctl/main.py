"""The entry point of `alienctl`: passes the command line to `CommandRun`, or to `local_commands`.

Part of the fast path: imports only the cheap part of the standard library, and the other modules where they are used.
"""

import os
import sys

from alienctl import ClientError
from alienctl.invocation import Invocation
from alienctl.run import CommandRun
from alienctl.terminal import open_standard_streams, print_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_SIGPIPE_EXIT = 141
_HELP = ("-h", "--h", "-help", "--help")
_LOCAL_COMMANDS = (
    *("daemon", "version", "help", "?", "sandbox", "-h", "--h", "-help", "--help", "-V", "--version", "logout", ""),
    *("install-names", "root-plugin", "completion", "shell", "term", "terminal", "console", "doctor", "bug-report"),
    "cluster",
)
_LIVE_VIEW = ["transfers", "top"]


def run(args: list[str], *, as_alienpy: bool = False) -> int:
    """Run one command line, under a name of alien.py if `as_alienpy`; return the exit code."""
    try:
        invocation = Invocation(args, os.environb, as_alienpy=as_alienpy)
        if invocation.command == "__complete":
            from alienctl.shell.completion import print_candidates

            return print_candidates(invocation)
        if " " in invocation.command and invocation.command.split()[0] in _LOCAL_COMMANDS:
            from alienctl.local_commands import split_line

            invocation.args = split_line(invocation.args)
        is_local = invocation.command in _LOCAL_COMMANDS or invocation.args[:2] == _LIVE_VIEW
        if is_local or invocation.args[-1] in _HELP:
            from alienctl.local_commands import perform

            return perform(invocation)
        return CommandRun(invocation).run()
    except ClientError as error:
        print_error(str(error))
        return error.code
    except BrokenPipeError:
        return _SIGPIPE_EXIT  # the reader of the output has ended


def _args(argv: list[str]) -> list[str]:
    """Return the arguments; if the program is called `alien_ls` or `alien-token-init`, the command comes first."""
    name = argv[0].rpartition("/")[2]
    is_command = name.startswith(("alien_", "alien-")) and name != "alien_cmd"
    return [name[6:], *argv[1:]] if is_command else argv[1:]


def _is_alienpy(program: str) -> bool:
    """Return whether the program is called `alien.py`, `alien_ls`, `alien-token-init` or the like."""
    return program.rpartition("/")[2].startswith(("alien.py", "alien_", "alien-"))


def entry() -> "NoReturn":
    """Run `alienctl` and end the process without clean-up: all output has been written by then."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        open_standard_streams()
    os._exit(run(_args(sys.argv), as_alienpy=_is_alienpy(sys.argv[0])))
