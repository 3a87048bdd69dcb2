"""The words of `alienctl sandbox`, and what help says about them."""

from __future__ import annotations

import argparse

from aliend.sandbox.protocol import faults, settings
from aliend.sandbox.server import control_socket
from aliend.sandbox.storage import storage_faults

CLEAR = "clear"
WORDS = {
    "up": "start the grid, and say what there is",
    "down": "stop it; its files stay",
    "status": "tell whether it is up",
    "env": 'print the exports that make commands use it: eval "$(alienctl sandbox env)"',
    "reset": "put catalogue and storage back to what they were at first",
    "fault": "make something fail, or tell what is made to fail",
    "stats": "tell logins, commands and connections",
    "set": "change limits of the service, or show them",
    "file": "make a file of a chosen size",
}


def parser() -> argparse.ArgumentParser:
    """What reads the words."""
    top = argparse.ArgumentParser(
        prog="alienctl sandbox",
        description="A grid of your own on this machine.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = {}
    branches = top.add_subparsers(dest="word", required=True, metavar=" | ".join(WORDS))
    for word, meaning in WORDS.items():
        branch = branches.add_parser(
            word, help=meaning, description=meaning, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        branch.add_argument("--json", action="store_true", help="print one JSON object")
        known[word] = branch
    for word in ("up", "reset"):
        known[word].add_argument("--storage", type=int, metavar="N", help="so many storage elements (2)")
        known[word].add_argument("--files", type=int, metavar="N", help="so many catalogue entries more (0)")
    known["up"].add_argument(
        "--fetch", action="store_true", help="without xrootd: unpack the distribution's packages of it, without root"
    )
    _fault(known["fault"])
    known["stats"].add_argument("--reset", action="store_true", help="and begin to count anew")
    known["set"].add_argument("settings", nargs="*", metavar="NAME=VALUE")
    known["set"].epilog = f"names: {', '.join(settings.names())}; times are seconds, the others on or off"
    known["file"].add_argument("lfn")
    known["file"].add_argument("size", type=_size, help="bytes; 10K, 3M, 1G are multiples of 1024")
    known["file"].add_argument("--copies", type=int, default=1, help="on so many storage elements (1)")
    return top


def _fault(branch: argparse.ArgumentParser) -> None:
    branch.usage = (
        "alienctl sandbox fault [KIND [VALUE] [--command NAME] [--times N]]\n"
        "       alienctl sandbox fault KIND SE [VALUE]\n"
        "       alienctl sandbox fault clear"
    )
    branch.add_argument("kind", nargs="?", default="", metavar="KIND")
    branch.add_argument("values", nargs="*", metavar="VALUE")
    branch.add_argument("--command", default="", metavar="NAME", help="only for the commands of this name")
    branch.add_argument("--times", type=int, metavar="N", help="so many times; 0: until it is cleared")
    tables = (
        ("the next command", faults.ONCE),
        ("until it is cleared", faults.LASTING),
        ("at once", control_socket.ACTIONS),
        ("a storage element SE, until it is cleared", storage_faults.KINDS),
    )
    lines = []
    for title, table in tables:
        lines += [f"{title}:", *(f"  {kind:20}{meaning}" for kind, meaning in table.items())]
    branch.epilog = "\n".join(lines)


def _size(text: str) -> int:
    factor = {"K": 1, "M": 2, "G": 3}.get(text[-1:].upper(), 0)
    return int(text[:-1] if factor else text) << 10 * factor


def order(kind: str, values: list[str], command: str, times: int | None) -> dict[str, object]:
    """The order to the server that the words after `fault` mean."""
    if not kind:
        return {"do": "faults"}
    if kind == CLEAR:
        return {"do": "clear"}
    rest = list(values)
    element = rest.pop(0) if kind in storage_faults.KINDS and rest else ""
    return {
        "do": "fault",
        "kind": kind,
        "element": element,
        "value": " ".join(rest),
        "command": command,
        "times": times,
    }
