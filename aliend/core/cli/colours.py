"""Terminal colours for the states of jobs and files, and for directories in listings. Pure.

Control characters are escaped first (`core.cli.escaping`), so that only these colours reach the terminal.
"""

from __future__ import annotations

import re

from aliend.core.cli.escaping import visible

_RESET = "\x1b[0m"
_DIRECTORY = "\x1b[1;34m"
_STATES = {
    "done": "\x1b[32m",
    "failed": "\x1b[31m",
    "partial": "\x1b[31m",
    "paused": "\x1b[33m",
    "waiting": "\x1b[33m",
    "cancelled": "\x1b[33m",
    "running": "\x1b[36m",
    "active": "\x1b[36m",
    "expanding": "\x1b[36m",
    "deleting": "\x1b[36m",
}
_STATE = re.compile(r"(?m)^( *(?:\d+ +)?)(" + "|".join(_STATES) + r")(?= )")


def colour_states(table: str) -> str:
    """Colour the states in a table whose lines begin with a state, or with a number and a state."""
    return _STATE.sub(lambda match: f"{match[1]}{_STATES[match[2]]}{match[2]}{_RESET}", visible(table))


def colour_directories(listing: str) -> str:
    """Colour the directories in the output of `ls -F`: names that end in a slash, at the end of a line."""
    return "\n".join(map(_colour_line, visible(listing).split("\n")))


def _colour_line(line: str) -> str:
    if not line.endswith("/"):
        return line
    before, gap, name = line.rpartition("    ")
    return f"{before}{gap}{_DIRECTORY}{name}{_RESET}"
