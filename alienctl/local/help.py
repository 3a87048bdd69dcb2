"""The help text: one line for each command. With a daemon, `help COMMAND` is answered there, in full."""

from alienctl import ClientError

_USAGE = """\
alienctl [--profile NAME] [--session NAME] [--no-autostart] [--json] COMMAND [WORDS]

Speaks to the ALICE Grid through aliend, a daemon of your own; the first command starts it.
"""
_SECTIONS: dict[str, dict[str, str]] = {
    "Catalogue": {
        "pwd": "the working directory of this terminal's session",
        "cd": "[LFN]  change it; without LFN to your home, - to the one before",
        "ls": "[-l] [-a] [-F] [LFN...]  list directories",
        "stat": "LFN...  what the catalogue knows of files",
        "find": "DIRECTORY PATTERN  files below a directory",
        "whereis": "LFN...  the replicas of files",
        "mkdir": "[-p] LFN...  make directories",
        "rm": "[-f] [-r] LFN...  remove files",
        "rmdir": "LFN...  remove empty directories",
        "mv": "SOURCE TARGET  rename",
        "touch": "LFN...  make empty entries",
        "whoami": "the account that the Grid knows you by",
    },
    "Copying": {
        "cp": "[-f] [-T N] [--detach] SOURCE... TARGET[@disk:N,SE,!SE]  copy; local names begin with file:",
        "transfers": "list | show | watch | wait | cancel | retry | pause | resume [JOB]",
    },
    "Here": {
        "daemon": "status | start | stop | restart | logs [-n LINES] [-f] | install",
        "sandbox": "up | down | status | env | reset  a grid of your own on this machine",
        "version": "the versions of client and daemon",
        "help": "[COMMAND]  this text, or more about a command",
    },
}
LOCAL = tuple(_SECTIONS["Here"])
"""The commands that the client carries out itself."""


def text() -> str:
    """The whole help."""
    parts = [_USAGE]
    for title, commands in _SECTIONS.items():
        parts.append(f"{title}:")
        parts += [f"  {name:<10} {words}" for name, words in commands.items()]
        parts.append("")
    parts.append("Any other command goes to the central service as it is. `--json` gives every answer as JSON.")
    return "\n".join(parts)


def text_of(command: str) -> str:
    """One command's line. Raises ClientError (22) for one that is not in the table."""
    for commands in _SECTIONS.values():
        if command in commands:
            return f"alienctl {command} {commands[command]}"
    raise ClientError(f"there is no help about {command!r} here, and no daemon runs that could know more", 22)
