"""`python -m aliend.sandbox`: runs the subcommands of `alienctl sandbox` and prints their results."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aliend.sandbox import cli, control, grid_size
from aliend.sandbox.control_client import NOT_RUNNING, send_request
from aliend.sandbox.errors import SandboxError
from aliend.sandbox.grid_size import GridSize
from aliend.sandbox.layout import Layout, locate, previous_state
from aliend.sandbox.storage import xrootd_packages, xrootd_program

_NOT_RUNNING_EXIT, _SIGPIPE_EXIT = 3, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the subcommand in `argv` (default: those of the process) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["serve"] and len(arguments) == 3:
        # with all of the service, which the other subcommands do not need
        from aliend.sandbox.server import background_process

        return background_process.run(Layout(Path(arguments[1])), int(arguments[2]))
    try:
        try:
            return _run_command(locate(os.environ), cli.parser().parse_args(arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # the reader of the output has closed the pipe
        os._exit(_SIGPIPE_EXIT)
    except (SandboxError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run_command(layout: Layout, arguments: argparse.Namespace) -> int:
    match arguments.subcommand:
        case "up":
            return _up(layout, arguments)
        case "down":
            return _down(layout, arguments)
        case "status":
            return _status(layout, as_json=arguments.json)
        case "env":
            return _env(layout, arguments)
        case "reset":
            return _reset(layout, arguments)
        case "fault":
            return _fault(layout, arguments)
        case "stats":
            return _stats(layout, arguments)
        case "set":
            return _set(layout, arguments)
        case _:
            return _file(layout, arguments)


def _up(layout: Layout, arguments: argparse.Namespace) -> int:
    with control.control_lock(layout):
        wanted = grid_size.load(layout).resized(arguments.storage, arguments.files)
        if control.server_pid(layout) is not None:
            if wanted != grid_size.load(layout):
                raise SandboxError("cannot change the size of a running sandbox grid; run: alienctl sandbox down")
            return _done(layout, arguments, "the sandbox grid is already up")
        _refuse_to_shrink(layout, wanted)
        if arguments.fetch and xrootd_program.find(layout, os.environ) is None:
            xrootd_packages.unpack(layout.xrootd, _print_error)
        grid_size.save(layout, wanted)
        state = control.start(layout)
    if arguments.json:
        return _done(layout, arguments)
    _print("the sandbox grid is up")
    _describe(layout, state)
    _print('use it with `alienctl --profile sandbox ls`, or for a whole shell: eval "$(alienctl sandbox env)"')
    return 0


def _refuse_to_shrink(layout: Layout, wanted: GridSize) -> None:
    present = grid_size.load(layout)
    if layout.catalogue.exists() and (wanted.storage < present.storage or wanted.files < present.files):
        size = f"--storage {wanted.storage} --files {wanted.files}"
        raise SandboxError(f"a sandbox grid cannot shrink; recreate it with: alienctl sandbox reset {size}")


def _down(layout: Layout, arguments: argparse.Namespace) -> int:
    stopped = False
    if layout.root.exists():
        with control.control_lock(layout):
            stopped = control.stop(layout)
    return _done(layout, arguments, "the sandbox grid is down" if stopped else "the sandbox grid was not up")


def _done(layout: Layout, arguments: argparse.Namespace, text: str = "") -> int:
    """Print the result of a subcommand: `text`, or with `--json` the status."""
    if arguments.json:
        _status(layout, as_json=True)
    else:
        _print(text)
    return 0


def _status(layout: Layout, *, as_json: bool) -> int:
    pid = control.server_pid(layout)
    state = previous_state(layout) if pid else {}
    if as_json:
        _print(json.dumps({"running": pid is not None, "directory": str(layout.root), **state}))
    elif pid is None:
        _print("the sandbox grid is not up")
    else:
        _print(f"the sandbox grid is up (process {pid})")
        _describe(layout, state)
    return 0 if pid else _NOT_RUNNING_EXIT


def _env(layout: Layout, arguments: argparse.Namespace) -> int:
    if control.server_pid(layout) is None:
        raise SandboxError(NOT_RUNNING)
    variables = control.exports(layout, os.environ)
    lines = (f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    _print(json.dumps(variables) if arguments.json else "\n".join(lines))
    return 0


def _reset(layout: Layout, arguments: argparse.Namespace) -> int:
    with control.control_lock(layout):
        wanted = grid_size.load(layout).resized(arguments.storage, arguments.files)
        was_up = control.stop(layout)
        control.wipe(layout)
        grid_size.save(layout, wanted)
        if was_up:
            control.start(layout)
    return _done(layout, arguments, "the sandbox grid is in its initial state" + ("" if was_up else "; it is not up"))


def _fault(layout: Layout, arguments: argparse.Namespace) -> int:
    request = cli.fault_request(arguments.kind, arguments.values, arguments.command, arguments.times)
    answer = send_request(layout, request)
    if arguments.json:
        _print(json.dumps(answer))
        return 0
    for fault in answer["faults"]:
        _print(_fault_line(fault))
    if not answer["faults"]:
        _print("no faults are active")
    return 0


def _fault_line(fault: dict[str, Any]) -> str:
    line = f"{fault['kind']} {fault.get('element', '')}".rstrip()
    line += f" {fault['value']:g}" if fault.get("value") else ""
    if "times" in fault:
        line += f", for {fault['command'] or 'every command'}"
        line += f", {fault['times']} times" if fault["times"] > 1 else ", once" if fault["times"] else ""
    return line


def _stats(layout: Layout, arguments: argparse.Namespace) -> int:
    answer = send_request(layout, {"do": "stats", "reset": arguments.reset})
    if arguments.json:
        _print(json.dumps(answer))
        return 0
    connections = answer["connections"]
    _print(f"logins       {answer['logins']}")
    _print(f"connections  {connections['now']} open, {connections['most']} at most")
    for name, count in answer["commands"].items():
        _print(f"  {name:20}{count:>8}")
    return 0


def _set(layout: Layout, arguments: argparse.Namespace) -> int:
    settings = send_request(layout, {"do": "set", "settings": arguments.settings})["settings"]
    _print(json.dumps(dict(setting.split("=", 1) for setting in settings)) if arguments.json else "\n".join(settings))
    return 0


def _file(layout: Layout, arguments: argparse.Namespace) -> int:
    request = {"do": "file", "lfn": arguments.lfn, "size": arguments.size, "copies": arguments.copies}
    answer = send_request(layout, request)
    elements = "storage element" if answer["copies"] == 1 else "storage elements"
    line = f"{answer['lfn']} has {answer['size']} bytes on {answer['copies']} {elements}"
    _print(json.dumps(answer) if arguments.json else line)
    return 0


def _describe(layout: Layout, state: dict[str, object]) -> None:
    elements = state.get("elements")
    assert isinstance(elements, list)
    users = state.get("users")
    assert isinstance(users, list)
    _print(f"  central service   wss://{state['host']}:{state['port']}/websocket/json")
    for element in elements:
        _print(f"  storage element   {element['name']} at {element['url']}")
    _print(f"  users             {', '.join(users)} (you are {users[0]})")
    _print(f"  files             {layout.root}")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _print_error(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
