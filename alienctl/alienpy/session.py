"""The session of alienpy: `AliEn`, `InitConnection` and the functions that send commands.

`wb` is what these functions take and return in place of a websocket: any value will do, because the daemon keeps the
connections.
"""

import collections
import json
import shlex
import subprocess
from typing import Any

from alienctl.alienpy import commands
from alienctl.alienpy.results import RET, print_err, print_out

_ENOTCONN, _UNAUTHORISED, _EINVAL = 107, 129, 22
_STATEFUL = frozenset({"cd", "user", "setSite", "timing"})
_MODIFIERS = ("nokeys", "nomsg")
_LISTED = "ls la ll lla find stat whereis pwd cd whoami whois ps type du md5sum df mkdir rm rmdir mv touch ccdb"
_DOCUMENTS = frozenset(_LISTED.split())
"""Commands whose JSON document is that of alien.py, so that the result contains it."""
_ASKED_FOR = ("commandlist", "commandlist_srv", "cmd2func_map_srv")
_OF_THE_CLIENT = frozenset({"help", "version"})


class SessionInfo(dict):  # type: ignore[type-arg]
    """What alienpy records of its session; the lists of commands are asked for when they are first used."""

    def __missing__(self, key: str) -> Any:
        if key not in _ASKED_FOR:
            raise KeyError(key)
        listed = SendMsg(None, "commandlist", opts="nomsg").ansdict.get("results", [])
        names = sorted(str(result["commandlist"]) for result in listed if "commandlist" in result)
        self["commandlist"], self["commandlist_srv"] = names, list(names)
        self["cmd2func_map_srv"] = dict.fromkeys(names, SendMsg)
        return self[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value; a list of commands is asked for here, too."""
        return self[key] if key in self or key in _ASKED_FOR else default


AlienSessionInfo = SessionInfo(
    **dict.fromkeys(("alienHome", "currentdir", "prevdir", "user"), ""),
    **dict.fromkeys(("session_started", "show_date", "show_lpwd"), False),
    **dict.fromkeys(("use_usercert", "verified_cert", "verified_token"), False),
    exitcode=-1,
    templist=[],
    alias_cache={},
    pathq=collections.deque(),
)


class Connection:
    """Stands for alienpy's websocket; the daemon owns the real ones."""

    def __repr__(self) -> str:
        return "<the connection of aliend>"


class AliEn:
    """A session: `run` sends a command to the service, `ProcessMsg` runs a command line as `alien.py` does."""

    def __init__(self, opts: str = "") -> None:
        self.opts = opts
        self.internal_wb = InitConnection()

    def run(self, cmd: str, opts: str = "") -> RET:
        """Send a command to the service and return the result."""
        return SendMsg(self.internal_wb, cmd, opts=opts or self.opts)

    def ProcessMsg(self, cmd: str, opts: str = "") -> int:
        """Run a command line, print its output and return its exit code."""
        return ProcessCommandChain(self.internal_wb, cmd)

    def wb(self) -> Connection:
        """Return the connection, for functions that take one."""
        return self.internal_wb

    @staticmethod
    def help() -> None:
        """Print a summary."""
        print_out(
            "Methods of AliEn session:\n"
            ".run(cmd, opts) : send a command to the service; returns RET(exitcode, out, err, ansdict)\n"
            ".ProcessMsg(cmd_list) : run a chain of commands and print the output, as alien.py does\n"
            ".wb() : return the connection for the other functions of this library"
        )


def InitConnection(
    wb: Any = None,
    token_args: "list[Any] | None" = None,
    use_usercert: bool = False,
    localConnect: bool = False,
    cmdlist_func: Any = None,
) -> Connection:
    """Check that the service answers and return the connection. Raises SystemExit (107, 129) if it does not."""
    result = SendMsg(None, "pwd")
    if result.exitcode in (_ENOTCONN, _UNAUTHORISED):
        print_err(result.err)
        raise SystemExit(result.exitcode)
    AlienSessionInfo["session_started"] = True
    return Connection()


def SendMsg(
    wb: Any,
    cmdline: str,
    args: "list[Any] | None" = None,
    opts: "str | list[str] | tuple[str, ...]" = "",
) -> RET:
    """Send one request to the service. `cmdline` is a command, a command line if `args` is None, or JSON text.

    `opts` contains any of `nokeys` and `nomsg`: the service then leaves out those members of each result.
    """
    try:
        command, options = _request(cmdline, args)
    except ValueError as error:
        return RET(_EINVAL, "", f"SendMsg:: {error}")
    if not command:
        return RET(1, "", "SendMsg:: empty json with args:: {} {} /opts= {}".format(cmdline, args or "", opts))
    if command in _STATEFUL:
        return _remembered(*commands.document([command, *options]))
    options = [f"-{word}" for word in _MODIFIERS if word in opts] + options
    return _remembered(*commands.document([json.dumps({"command": command, "options": options})]))


def SendMsgMulti(wb: Any, cmds_list: "list[str]", opts: str = "") -> "list[RET]":
    """Send several requests, each a command line or JSON text, and return their results."""
    return [SendMsg(wb, command, opts=opts) for command in cmds_list]


def ProcessInput(
    wb: Any,
    cmd: str,
    args: "list[Any] | None" = None,
    shellcmd: "str | None" = None,
) -> RET:
    """Run one command of alienctl, its output through the shell command `shellcmd` if given; return the result."""
    arguments = [cmd, *map(str, args or [])] if args is not None or " " not in cmd else shlex.split(cmd)
    result = command_result(arguments)
    if not shellcmd or result.exitcode:
        return result
    done = subprocess.run(shellcmd, shell=True, input=result.out, capture_output=True, text=True, check=False)
    return result._replace(exitcode=done.returncode, out=done.stdout, err=done.stderr.strip())


def ProcessCommandChain(wb: Any = None, cmd_chain: "str | list[str] | None" = None) -> int:
    """Run a chain of commands, print the output, and return the exit code of the last one.

    `cmd_chain` is a text, or a list with the arguments of one command or with one text.
    """
    if not cmd_chain:
        print_err("ProcessCommandChain:: missing command(s)")
        return 1
    arguments = [cmd_chain] if isinstance(cmd_chain, str) else list(map(str, cmd_chain))
    AlienSessionInfo["exitcode"] = commands.run(arguments, shown=True).code
    return int(AlienSessionInfo["exitcode"])


def JAlien(cmds: "str | list[str] | None" = None) -> int:
    """Run a chain of commands, as `alien.py` does with its arguments."""
    return ProcessCommandChain(None, cmds)


def command_result(arguments: "list[str]") -> RET:
    """Run one command of alienctl and return its result."""
    if arguments[0] in _OF_THE_CLIENT:
        done = subprocess.run([commands.PROGRAM, *arguments], capture_output=True, text=True, check=False)
        return RET(done.returncode, done.stdout.strip(), done.stderr.strip(), {})
    if arguments[0] not in _DOCUMENTS:
        output = commands.run(arguments)
        AlienSessionInfo["exitcode"] = output.code
        return RET(output.code, output.out, output.err, {})
    output, document = commands.document(arguments)
    if arguments[0] == "ccdb":  # its text is not in the document
        return RET(output.code, "" if output.code else commands.run(arguments).out, output.err, document)
    return _remembered(output, document)


def _request(cmdline: str, args: "list[Any] | None") -> "tuple[str, list[str]]":
    """Return command and options. Raises ValueError for quotes that are not closed and invalid JSON."""
    if '{"command":' in cmdline and '"options":' in cmdline:
        document = json.loads(cmdline)
        return str(document["command"]), list(map(str, document["options"]))
    arguments = shlex.split(cmdline) if args is None else [cmdline, *map(str, args)]
    return (arguments[0], arguments[1:]) if arguments and arguments[0] else ("", [])


def _remembered(output: commands.Output, document: Any) -> RET:
    """Return the result of a document of the service, and record user and directory in `AlienSessionInfo`."""
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if not isinstance(metadata, dict):
        return RET(output.code or 1, "", output.err or output.out, {})
    info = AlienSessionInfo
    info["exitcode"] = output.code
    directory = metadata.get("currentdir", "")
    if directory:
        info["user"] = metadata.get("user", "")
        info["alienHome"] = info["alienHome"] or directory
        if directory != info["currentdir"]:
            info["prevdir"], info["currentdir"] = info["currentdir"] or directory, directory
    messages = [str(result["message"]) for result in document.get("results", []) if "message" in result]
    text = "\n".join(messages).strip()
    return RET(int(metadata.get("exitcode", output.code)), text, str(metadata.get("error", "")).strip(), document)
