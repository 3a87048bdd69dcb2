"""The command line of `alienctl sandbox`: subcommands, options and their help texts."""

from __future__ import annotations

import argparse

from aliend.sandbox.protocol import faults, settings

CLEAR = "clear"
COMMANDS = {
    "up": "start the grid and print its addresses and users",
    "down": "stop the grid; its files stay",
    "status": "print whether the grid is up",
    "env": 'print the variables that make commands use the grid: eval "$(alienctl sandbox env)"',
    "reset": "restore the initial catalogue and storage",
    "fault": "inject a fault, or list the active faults",
    "stats": "print the numbers of logins, commands, connections and hanging commands",
    "set": "change limits of the service, or list them",
    "file": "create a file of a given size",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the subcommands."""
    top = argparse.ArgumentParser(
        prog="alienctl sandbox",
        description="A grid of your own on this machine.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = {}
    branches = top.add_subparsers(dest="subcommand", required=True, metavar=" | ".join(COMMANDS))
    for name, summary in COMMANDS.items():
        branch = branches.add_parser(
            name, help=summary, description=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        branch.add_argument("--json", action="store_true", help="print one JSON object")
        subparsers[name] = branch
    for name in ("up", "reset"):
        subparsers[name].add_argument(
            "--storage", type=int, metavar="N", help="number of storage elements (default: 2)"
        )
        subparsers[name].add_argument(
            "--files", type=int, metavar="N", help="number of additional catalogue entries (default: 0)"
        )
    subparsers["up"].add_argument(
        "--fetch", action="store_true", help="if xrootd is missing, unpack the distribution's packages without root"
    )
    _fault(subparsers["fault"])
    subparsers["stats"].add_argument("--reset", action="store_true", help="reset the counters to zero afterwards")
    subparsers["set"].add_argument("settings", nargs="*", metavar="NAME=VALUE")
    subparsers["set"].epilog = f"names: {', '.join(settings.names())}; times are in seconds, the others are on or off"
    subparsers["file"].add_argument("lfn")
    subparsers["file"].add_argument("size", type=_size, help="size in bytes; K, M and G are powers of 1024")
    subparsers["file"].add_argument("--copies", type=int, default=1, help="number of replicas (default: 1)")
    return top


def _fault(branch: argparse.ArgumentParser) -> None:
    branch.usage = (
        "alienctl sandbox fault [KIND [VALUE] [--command NAME] [--times N]]\n"
        "       alienctl sandbox fault KIND SE [VALUE]\n"
        "       alienctl sandbox fault clear"
    )
    branch.add_argument("kind", nargs="?", default="", metavar="KIND")
    branch.add_argument("values", nargs="*", metavar="VALUE")
    branch.add_argument("--command", default="", metavar="NAME", help="affect only commands with this name")
    branch.add_argument(
        "--times", type=int, metavar="N", help="number of commands to affect; 0: all until the fault is cleared"
    )
    tables = (
        ("faults of the next command", faults.ONCE),
        ("faults that last until cleared", faults.LASTING),
        ("immediate faults", faults.IMMEDIATE),
        ("faults of a storage element SE, until cleared", faults.STORAGE),
    )
    lines = []
    for title, table in tables:
        lines += [f"{title}:", *(f"  {kind:20}{effect}" for kind, effect in table.items())]
    branch.epilog = "\n".join(lines)


def _size(text: str) -> int:
    factor = {"K": 1, "M": 2, "G": 3}.get(text[-1:].upper(), 0)
    return int(text[:-1] if factor else text) << 10 * factor


def fault_request(kind: str, values: list[str], command: str, times: int | None) -> dict[str, object]:
    """Return the request to the server for the arguments of `fault`."""
    if not kind:
        return {"do": "faults"}
    if kind == CLEAR:
        return {"do": "clear"}
    rest = list(values)
    element = rest.pop(0) if kind in faults.STORAGE and rest else ""
    return {
        "do": "fault",
        "kind": kind,
        "element": element,
        "value": " ".join(rest),
        "command": command,
        "times": times,
    }
