"""`python -m aliend.sandbox`: the words of the command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from aliend.sandbox import control, serving
from aliend.sandbox.errors import SandboxError
from aliend.sandbox.layout import Layout, locate

_NOT_UP = 3
_WORDS = {
    "up": "start the grid, and say what there is",
    "down": "stop it; its files stay",
    "status": "tell whether it is up",
    "env": 'print the exports that make commands use it: eval "$(alienctl sandbox env)"',
    "reset": "put catalogue and storage back to what they were at first",
}


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words say; the exit code."""
    arguments = list(sys.argv[1:] if words is None else words)
    if arguments[:1] == ["serve"] and len(arguments) == 3:
        return serving.run(Layout(Path(arguments[1])), int(arguments[2]))
    chosen = _parser().parse_args(arguments)
    layout = locate(os.environ)
    try:
        match chosen.word:
            case "up":
                return _up(layout)
            case "down":
                return _down(layout)
            case "status":
                return _status(layout, as_json=chosen.json)
            case "env":
                return _env(layout)
            case _:
                return _reset(layout)
    except (SandboxError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="alienctl sandbox",
        description="A grid of your own on this machine.",
        epilog="\n".join(f"  {word:8}{meaning}" for word, meaning in _WORDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("word", choices=_WORDS, metavar=" | ".join(_WORDS))
    parser.add_argument("--json", action="store_true", help="print one JSON object (status)")
    return parser


def _up(layout: Layout) -> int:
    with control.turn(layout):
        if control.server_pid(layout) is not None:
            _say("The sandbox grid is up already.")
            return 0
        state = control.start(layout)
    _say("The sandbox grid is up.")
    _describe(layout, state)
    _say('Use it with: alienctl --profile sandbox ls, or eval "$(alienctl sandbox env)"')
    return 0


def _down(layout: Layout) -> int:
    if not layout.root.exists():
        _say("The sandbox grid was not up.")
        return 0
    with control.turn(layout):
        stopped = control.stop(layout)
    _say("The sandbox grid is down." if stopped else "The sandbox grid was not up.")
    return 0


def _status(layout: Layout, *, as_json: bool) -> int:
    pid = control.server_pid(layout)
    state = serving.previous_state(layout) if pid else {}
    if as_json:
        _say(json.dumps({"running": pid is not None, "directory": str(layout.root), **state}))
    elif pid is None:
        _say("The sandbox grid is not up.")
    else:
        _say(f"The sandbox grid is up (process {pid}).")
        _describe(layout, state)
    return 0 if pid else _NOT_UP


def _env(layout: Layout) -> int:
    if control.server_pid(layout) is None:
        raise SandboxError(control.NOT_UP)
    _say("\n".join(control.exports(layout, os.environ)))
    return 0


def _reset(layout: Layout) -> int:
    with control.turn(layout):
        was_up = control.stop(layout)
        control.wipe(layout)
        if was_up:
            control.start(layout)
    _say("The sandbox grid is as it was at first." + ("" if was_up else " It is not up."))
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


if __name__ == "__main__":
    sys.exit(main())
