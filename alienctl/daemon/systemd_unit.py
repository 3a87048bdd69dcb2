"""`alienctl daemon install`: puts the systemd user unit in place, with the daemon's real path in it."""

import json
import os
import shutil
import subprocess
import sys

from alienctl import ClientError
from alienctl.invocation import Invocation

_UNIT = "aliend.service"
_ENABLE = "systemctl --user enable --now aliend"
_RELOAD = ("systemctl", "--user", "daemon-reload")
_RELOAD_LIMIT = 15.0


def install(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Write the unit; return the text for standard output and the exit code. Raises ClientError."""
    unit = _with_command(_read_unit(), _daemon_command())
    home = os.fsdecode(invocation.environment.get(b"HOME", b"")) or os.path.expanduser("~")
    configuration = os.fsdecode(invocation.environment.get(b"XDG_CONFIG_HOME", b"")) or f"{home}/.config"
    target = f"{configuration}/systemd/user/{_UNIT}"
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _replace(target, unit)
    except OSError as error:
        raise ClientError(f"the unit {target} cannot be written: {error.strerror}", error.errno or 1) from None
    _reload()
    if as_json:
        return json.dumps({"unit": target, "enable": _ENABLE}), 0
    return f"The unit is in place: {target}\nEnable and start it with: {_ENABLE}", 0


def _read_unit() -> str:
    """The unit as it was shipped: in the installed package, or in a checkout."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    places = (f"{root}/aliend/systemd/{_UNIT}", f"{root}/systemd/{_UNIT}")
    for place in places:
        if os.path.exists(place):
            with open(place, encoding="utf-8") as unit:
                return unit.read()
    raise ClientError(f"the unit is missing in this installation: {' or '.join(places)}", 2)


def _daemon_command() -> str:
    """The `aliend` beside our interpreter, else the one in the search path, else the module."""
    beside = os.path.join(os.path.dirname(sys.executable), "aliend")
    found = beside if os.access(beside, os.X_OK) else shutil.which("aliend")
    return _quoted(found) if found else f"{_quoted(sys.executable)} -m aliend"


def _quoted(path: str) -> str:
    """A path as systemd reads it in ExecStart (systemd.syntax, Quoting; `%` and `$` are special)."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if " " in path else escaped


def _with_command(unit: str, command: str) -> str:
    """The unit with `command` in place of the program in ExecStart; the program's options stay."""
    lines = []
    for line in unit.splitlines():
        if line.startswith("ExecStart="):
            options = line.removeprefix("ExecStart=").split()[1:]
            lines.append(" ".join([f"ExecStart={command}", *options]))
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _replace(target: str, text: str) -> None:
    temporary = f"{target}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as unit:
        unit.write(text)
    os.replace(temporary, target)


def _reload() -> None:
    """Make systemd read the unit; where it does not run, there is nothing to do."""
    if shutil.which(_RELOAD[0]):
        try:
            subprocess.run(_RELOAD, stdin=subprocess.DEVNULL, capture_output=True, timeout=_RELOAD_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return
