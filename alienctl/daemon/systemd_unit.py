"""Writes the systemd user units with the daemon's path: `aliend.service`, and `aliend@.service` for other profiles."""

import os
import sys

from alienctl import ClientError
from alienctl.daemon.directories import configuration_home
from alienctl.invocation import Invocation

_ENVIRONMENT = (b"XDG_CONFIG_HOME", b"XDG_STATE_HOME")
"""Variables that select the daemon's directories; systemd does not have those of the user's shell."""


def file_of(invocation: Invocation) -> str:
    """Return the unit's file; all profiles but `default` share a template."""
    name = "aliend.service" if invocation.profile == "default" else "aliend@.service"
    return f"{configuration_home(invocation)}/systemd/user/{name}"


def write(invocation: Invocation) -> bool:
    """Write the unit's file; return whether it has changed. Raises ClientError."""
    target = file_of(invocation)
    text = _unit(os.path.basename(target), invocation)
    try:
        with open(target, encoding="utf-8") as file:
            if file.read() == text:
                return False
    except (OSError, ValueError):
        pass  # it does not exist, or is replaced
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        temporary = f"{target}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, target)
    except OSError as error:
        raise ClientError(f"cannot write the unit {target}: {error.strerror}", error.errno or 1) from None
    return True


def _unit(name: str, invocation: Invocation) -> str:
    """Return the shipped unit with the daemon's path and the directories of this user."""
    lines = []
    for line in _shipped(name).splitlines():
        if line.startswith("ExecStart="):
            options = line.removeprefix("ExecStart=").split()[1:]
            lines += [f"Environment={_quoted(text)}" for text in _variables(invocation)]
            line = " ".join([f"ExecStart={_daemon_command()}", *options])
        lines.append(line)
    return "\n".join(lines) + "\n"


def _variables(invocation: Invocation) -> list[str]:
    values = ((name, invocation.environment.get(name, b"")) for name in _ENVIRONMENT)
    return [f"{name.decode()}={os.fsdecode(value)}" for name, value in values if value]


def _shipped(name: str) -> str:
    """Return the unit in the installed package, or in a checkout."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    places = (f"{root}/aliend/systemd/{name}", f"{root}/systemd/{name}")
    for place in places:
        if os.path.exists(place):
            with open(place, encoding="utf-8") as unit:
                return unit.read()
    raise ClientError(f"this installation has no systemd unit ({' or '.join(places)}); reinstall aliend", 2)


def _daemon_command() -> str:
    """Return the `aliend` beside our interpreter, else the module; never one of another installation."""
    beside = os.path.join(os.path.dirname(sys.executable), "aliend")
    return _program(beside) if os.access(beside, os.X_OK) else f"{_program(sys.executable)} -I -m aliend"


def _program(path: str) -> str:
    """Return a path quoted for ExecStart, where `$` is special too."""
    return _quoted(path.replace("$", "$$"))


def _quoted(text: str) -> str:
    """Return a text quoted for systemd (systemd.syntax, Quoting; `%` starts a specifier)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if any(sign in escaped for sign in " '\"\\") else escaped
