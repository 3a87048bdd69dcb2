"""`python -m aliend.sandbox`: the words of the command line."""

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
from aliend.sandbox.control_client import NOT_UP, ask
from aliend.sandbox.errors import SandboxError
from aliend.sandbox.grid_size import Plan
from aliend.sandbox.layout import Layout, locate
from aliend.sandbox.server import background_process
from aliend.sandbox.storage import xrootd_packages, xrootd_program

_NOT_UP, _SIGPIPE_EXIT = 3, 141


def main(given: Sequence[str] | None = None) -> int:
    """Do what the words say; the exit code."""
    arguments = list(sys.argv[1:] if given is None else given)
    if arguments[:1] == ["serve"] and len(arguments) == 3:
        return background_process.run(Layout(Path(arguments[1])), int(arguments[2]))
    try:
        try:
            return _do(locate(os.environ), cli.parser().parse_args(arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # whoever read the output has gone
        os._exit(_SIGPIPE_EXIT)
    except (SandboxError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _do(layout: Layout, chosen: argparse.Namespace) -> int:
    match chosen.word:
        case "up":
            return _up(layout, chosen)
        case "down":
            return _down(layout, chosen)
        case "status":
            return _status(layout, as_json=chosen.json)
        case "env":
            return _env(layout, chosen)
        case "reset":
            return _reset(layout, chosen)
        case "fault":
            return _fault(layout, chosen)
        case "stats":
            return _stats(layout, chosen)
        case "set":
            return _set(layout, chosen)
        case _:
            return _file(layout, chosen)


def _up(layout: Layout, chosen: argparse.Namespace) -> int:
    with control.turn(layout):
        wanted = grid_size.load(layout).with_wishes(chosen.storage, chosen.files)
        if control.server_pid(layout) is not None:
            if wanted != grid_size.load(layout):
                raise SandboxError("The sandbox grid is up, and its size is that of its start: alienctl sandbox down")
            return _done(layout, chosen, "The sandbox grid is up already.")
        _refuse_to_shrink(layout, wanted)
        if chosen.fetch and xrootd_program.find(layout, os.environ) is None:
            xrootd_packages.unpack(layout.xrootd, _complain)
        grid_size.save(layout, wanted)
        state = control.start(layout)
    if chosen.json:
        return _done(layout, chosen)
    _say("The sandbox grid is up.")
    _describe(layout, state)
    _say('Use it with: alienctl --profile sandbox ls, or eval "$(alienctl sandbox env)"')
    return 0


def _refuse_to_shrink(layout: Layout, wanted: Plan) -> None:
    had = grid_size.load(layout)
    if layout.catalogue.exists() and (wanted.storage < had.storage or wanted.files < had.files):
        size = f"--storage {wanted.storage} --files {wanted.files}"
        raise SandboxError(f"A smaller sandbox grid is a new one: alienctl sandbox reset {size}")


def _down(layout: Layout, chosen: argparse.Namespace) -> int:
    stopped = False
    if layout.root.exists():
        with control.turn(layout):
            stopped = control.stop(layout)
    return _done(layout, chosen, "The sandbox grid is down." if stopped else "The sandbox grid was not up.")


def _done(layout: Layout, chosen: argparse.Namespace, text: str = "") -> int:
    """Say what a command has done: a text, or the status as JSON."""
    if chosen.json:
        _status(layout, as_json=True)
    else:
        _say(text)
    return 0


def _status(layout: Layout, *, as_json: bool) -> int:
    pid = control.server_pid(layout)
    state = background_process.previous_state(layout) if pid else {}
    if as_json:
        _say(json.dumps({"running": pid is not None, "directory": str(layout.root), **state}))
    elif pid is None:
        _say("The sandbox grid is not up.")
    else:
        _say(f"The sandbox grid is up (process {pid}).")
        _describe(layout, state)
    return 0 if pid else _NOT_UP


def _env(layout: Layout, chosen: argparse.Namespace) -> int:
    if control.server_pid(layout) is None:
        raise SandboxError(NOT_UP)
    variables = control.exports(layout, os.environ)
    lines = (f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    _say(json.dumps(variables) if chosen.json else "\n".join(lines))
    return 0


def _reset(layout: Layout, chosen: argparse.Namespace) -> int:
    with control.turn(layout):
        wanted = grid_size.load(layout).with_wishes(chosen.storage, chosen.files)
        was_up = control.stop(layout)
        control.wipe(layout)
        grid_size.save(layout, wanted)
        if was_up:
            control.start(layout)
    return _done(layout, chosen, "The sandbox grid is as it was at first." + ("" if was_up else " It is not up."))


def _fault(layout: Layout, chosen: argparse.Namespace) -> int:
    answer = ask(layout, cli.order(chosen.kind, chosen.values, chosen.command, chosen.times))
    if chosen.json:
        _say(json.dumps(answer))
        return 0
    for fault in answer["faults"]:
        _say(_fault_line(fault))
    if not answer["faults"]:
        _say("Nothing is made to fail.")
    return 0


def _fault_line(fault: dict[str, Any]) -> str:
    line = f"{fault['kind']} {fault.get('element', '')}".rstrip()
    line += f" {fault['value']:g}" if fault.get("value") else ""
    if "times" in fault:
        line += f", for {fault['command'] or 'any command'}"
        line += f", {fault['times']} times" if fault["times"] > 1 else ", once" if fault["times"] else ""
    return line


def _stats(layout: Layout, chosen: argparse.Namespace) -> int:
    answer = ask(layout, {"do": "stats", "reset": chosen.reset})
    if chosen.json:
        _say(json.dumps(answer))
        return 0
    connections = answer["connections"]
    _say(f"logins       {answer['logins']}")
    _say(f"connections  {connections['now']} now, {connections['most']} at most")
    for name, count in answer["commands"].items():
        _say(f"  {name:20}{count:>8}")
    return 0


def _set(layout: Layout, chosen: argparse.Namespace) -> int:
    settings = ask(layout, {"do": "set", "words": chosen.settings})["settings"]
    _say(json.dumps(dict(word.split("=", 1) for word in settings)) if chosen.json else "\n".join(settings))
    return 0


def _file(layout: Layout, chosen: argparse.Namespace) -> int:
    answer = ask(layout, {"do": "file", "lfn": chosen.lfn, "size": chosen.size, "copies": chosen.copies})
    line = f"{answer['lfn']} has {answer['size']} bytes on {answer['copies']} storage elements"
    _say(json.dumps(answer) if chosen.json else line)
    return 0


def _describe(layout: Layout, state: dict[str, object]) -> None:
    elements = state.get("elements")
    assert isinstance(elements, list)
    users = state.get("users")
    assert isinstance(users, list)
    _say(f"  central service   wss://{state['host']}:{state['port']}/websocket/json")
    for element in elements:
        _say(f"  storage element   {element['name']} at {element['url']}")
    _say(f"  users             {', '.join(users)} (you are {users[0]})")
    _say(f"  files             {layout.root}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
