"""Runs the commands that work without a daemon and never start one, such as `help`, `version` and `daemon`."""

import json
import os
import platform
import re
import shlex
import sys
from collections.abc import Callable
from importlib import metadata
from typing import NoReturn

from alienctl import CONTRACT, VERSION, ClientError, NoDaemonError
from alienctl.daemon import configuration, control, logs, systemd
from alienctl.daemon.start import ask
from alienctl.help import man_page, pages
from alienctl.invocation import JSON_OPTIONS, Invocation
from alienctl.local import install_names, interpreter, root_plugin, wire_replies
from alienctl.run import CommandRun
from alienctl.shell import completion
from alienctl.terminal import printable, write_output
from alienctl.wire_messages import bytes_field, number_field

_EINVAL = 22
_CHAIN = re.compile(r"[;|!\n]")
"""Signs of several commands, or of a pipe to the shell."""
_HELP = frozenset({"-h", "--h", "-help", "--help"})
_WITH_ACTIONS = frozenset({"daemon", "transfers", "doctor", "bug-report", "cluster"})
"""Commands whose page is also printed if `--help` comes last, as in `daemon logs --help`."""
_INSTALLERS = {"install-names": install_names.install, "root-plugin": root_plugin.run}
_HELLO_WAIT = 4.0
"""Seconds to wait for the daemon's answer to Hello."""


def split_line(args: list[str]) -> list[str]:
    """Return the words of a command line that is one argument, as alien.py takes it; leave a chain as it is.

    Raises ClientError for a quotation mark that is not closed.
    """
    lines = [arg for arg in args if arg not in JSON_OPTIONS]
    if len(lines) != 1 or _CHAIN.search(lines[0]):
        return args
    try:
        words = shlex.split(lines[0])
    except ValueError as error:
        raise ClientError(f"invalid command line {lines[0]!r}: {error}", _EINVAL) from None
    return [word for arg in args for word in (words if arg == lines[0] else [arg])]


def perform(invocation: Invocation) -> int:
    """Run the command of `invocation`; return the exit code. Raises ClientError."""
    operands = [arg for arg in invocation.args if arg not in JSON_OPTIONS]
    as_json = len(operands) < len(invocation.args)
    command = operands.pop(0) if operands else ""
    asks_for_help = _HELP.intersection(operands[:1] + (operands[-1:] if command in _WITH_ACTIONS else []))
    if asks_for_help and command in pages.OURS:
        say(pages.text_of(command))
        return 0
    if command == "daemon":
        return _daemon(invocation, operands, as_json)
    if command in ("sandbox", "cluster"):
        _run_program(command, invocation, operands, as_json)
    if command in _INSTALLERS:
        text, code = _INSTALLERS[command](operands, as_json)
        say(text)
        return code
    if command == "completion":
        return completion.print_script(invocation)
    if command in ("doctor", "bug-report"):
        return _support(command, invocation, operands, as_json)
    if (view := _interactive_view(command, operands)) is not None:
        return view(invocation, operands)
    if command == "logout" and not operands and not _is_alien_py():
        # in chains, files, the shell and with a status, `logout` is a synonym of `exit`, as in alien.py
        invocation.args = ["token-destroy", "--forget-keys", *(["--json"] if as_json else [])]
        return CommandRun(invocation).run()
    if command in ("version", "-V", "--version"):
        return _version(invocation, as_json)
    if command in ("help", "?") and operands:
        return _help_of(invocation, operands)
    if command in ("help", "?") or command in _HELP:
        say(pages.text())
        return 0
    return CommandRun(invocation).run()


def _support(command: str, invocation: Invocation, operands: list[str], as_json: bool) -> int:
    from alienctl.support import bug_report, doctor

    action = doctor.run if command == "doctor" else bug_report.run
    return action(invocation, operands, as_json=as_json)


def _interactive_view(command: str, operands: list[str]) -> Callable[[Invocation, list[str]], int] | None:
    """Return what shows the shell, the Python prompt or the live view of transfers; None for another command."""
    if command == "shell" or (not command and os.isatty(0) and os.isatty(1)):
        from alienctl.shell import repl

        return repl.run
    if command in ("term", "terminal", "console"):
        from alienctl.shell import python_shell

        return python_shell.run
    if command == "transfers" and operands[:1] == ["top"]:
        from alienctl import top

        return top.run
    return None


def _is_alien_py() -> bool:
    return os.path.basename(sys.argv[0]).startswith("alien.py")


def say(text: str) -> None:
    """Write a text and a newline to standard output."""
    shown = printable(text) if os.isatty(1) else text
    write_output((shown + "\n").encode("utf-8", "backslashreplace"))


def _daemon(invocation: Invocation, operands: list[str], as_json: bool) -> int:
    action = operands.pop(0) if operands else "status"
    if action == "logs":
        return logs.show(invocation, operands)
    force = action == "stop" and operands == ["--force"]
    if force:
        operands.clear()
    actions = {
        "status": lambda: control.status(invocation, as_json),
        "start": lambda: control.start_daemon(invocation, as_json),
        "stop": lambda: control.stop(invocation, as_json, force=force),
        "restart": lambda: control.restart(invocation, as_json),
        "list": lambda: control.list_daemons(invocation, as_json),
        "metrics": lambda: control.show_metrics(invocation, as_json),
        "check": lambda: configuration.check(invocation, as_json),
        "reload": lambda: configuration.reload(invocation, as_json),
    }
    if action in ("install", "uninstall", "socket"):
        options, operands = operands, []
        perform = {"install": systemd.install_unit, "uninstall": systemd.uninstall_unit, "socket": control.show_socket}[
            action
        ]
        actions[action] = lambda: perform(invocation, options, as_json)
    if action not in actions:
        known = ", ".join([*actions, "install", "uninstall", "socket", "logs"])
        raise ClientError(f"unknown action {action!r} of daemon; use one of {known}", _EINVAL)
    if operands:
        raise ClientError(f"daemon {action} takes no arguments, but got {' '.join(operands)!r}", _EINVAL)
    text, code = actions[action]()
    say(text)
    return code


def _run_program(command: str, invocation: Invocation, operands: list[str], as_json: bool) -> NoReturn:
    """Become another program of aliend. Raises ClientError."""
    module, args = "aliend.sandbox", [arg for arg in invocation.args if arg != "sandbox"]
    if command == "cluster":
        if len(operands) != 2 or operands[0] != "certs" or operands[1].startswith("-"):
            raise ClientError("cluster takes only: certs DIRECTORY; see `alienctl help cluster`", _EINVAL)
        module, args = "aliend.storage.cluster.certificates", [operands[1], *(["--json"] if as_json else [])]
    os.execve(sys.executable, [*interpreter.command(module), *args], interpreter.clean(invocation.environment))


def _version(invocation: Invocation, as_json: bool) -> int:
    request = bytes_field(1, VERSION.encode()) + number_field(2, CONTRACT)
    try:
        answer = ask(invocation, b"/aliend.v1.DaemonService/Hello", request, _HELLO_WAIT)
        hello = wire_replies.hello(answer)
    except NoDaemonError:
        hello = None
    python, xrootd = platform.python_version(), _xrootd_version()
    if as_json:
        daemon = {"version": hello.version, "contract": hello.contract, "pid": hello.pid} if hello else None
        say(json.dumps({"client": VERSION, "daemon": daemon, "python": python, "xrootd": xrootd}))
        return 0
    running = f"{hello.version} (pid {hello.pid})" if hello else "not running"
    say(f"alienctl {VERSION}\ndaemon: {running}\nPython version: {python} ({sys.executable})")
    say(f"XRootD version: {xrootd or 'not found'}")
    return 0


def _xrootd_version() -> str:
    """Return the version of XRootD's Python package in our environment; empty if it is not installed."""
    try:
        return metadata.version("xrootd")
    except metadata.PackageNotFoundError:
        return ""


def _help_of(invocation: Invocation, operands: list[str]) -> int:
    """Print our help page, or the central service's own text.

    With `--local`, which the daemon adds if it cannot ask the service, only print how to get that text.
    """
    is_local = operands[0] == "--local" and len(operands) > 1
    command = operands[is_local]
    if command == "--man":
        say(man_page.page(operands[1] if len(operands) > 1 else "alienctl"))
        return 0
    if command in pages.PAGES or command in pages.TOPICS or command in pages.GROUPS:
        say(pages.text_of(command))
        return 0
    if is_local:
        say(f"{command} is a command of the central service; log in to read its help")
        say("run: `alienctl login`")
        return 0
    invocation.args = [command, "-h"]
    return CommandRun(invocation).run()
