"""The words of `cp` become absolute sources, a target and a storage wish. Pure: nothing is looked up anywhere.

A name is local if and only if it begins with `file:`; every other one is an LFN, with or without `alien:`. A storage
wish follows an LFN after `@`: comma-separated `tag:N`, `tag=N`, `VO::SITE::SE` and `!VO::SITE::SE`. Only what has that
form counts as one, so that `@` and `,` may stand in names.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aliend.core import paths
from aliend.errors import UsageError

Side = Literal["local", "catalogue"]

ADVICE = "exactly one side must be local; a local name begins with file: (as in file:data/)"
_WISH = re.compile(r"(?:[A-Za-z_][\w-]*[:=]\d+|!?[\w.*+-]+::[\w.*+-]+::[\w.*+-]+)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the user is: directory and home in the catalogue (both end in `/`), local directory (absolute)."""

    directory: str
    home: str
    local: str


@dataclass(frozen=True, slots=True)
class Location:
    """One name of the user: absolute, on one side; a trailing slash is kept. `storage` is the wish behind its `@`."""

    side: Side
    name: str
    storage: str = ""


@dataclass(frozen=True, slots=True)
class CopyWords:
    """The words of `cp`, taken apart but not yet resolved."""

    sources: tuple[str, ...]
    target: str
    force: bool = False
    detach: bool = False
    parallel: int = 0
    priority: int = 0
    touch_empty: bool = False


_FLAGS = {
    "-f": "force",
    "-force": "force",
    "--force": "force",
    "--detach": "detach",
    "-detach": "detach",
    "--touch-empty": "touch_empty",
}
_NUMBERS = {"-T": "parallel", "--priority": "priority"}
_SILENT = ("-r", "-R", "--recursive")
"""Accepted without effect: directories are always copied whole."""


def parse_copy(words: tuple[str, ...]) -> CopyWords:
    """Take the words of `cp` apart. Raises UsageError, which names the word; nothing is ignored silently."""
    names: list[str] = []
    values: dict[str, int | bool] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            names += rest
            break
        if word in _FLAGS:
            values[_FLAGS[word]] = True
        elif word in _NUMBERS:
            values[_NUMBERS[word]] = _number(word, rest.pop(0) if rest else "")
        elif word.startswith("-") and len(word) > 1 and word not in _SILENT:
            known = " ".join(sorted({*_FLAGS, *_NUMBERS, *_SILENT}))
            raise UsageError(f"cp: there is no option {word}; the options are: {known}")
        elif word not in _SILENT:
            names.append(word)
    if len(names) < 2:
        raise UsageError("cp needs at least one source and a target: cp [options] SOURCE... TARGET (see: help cp)")
    return CopyWords(tuple(names[:-1]), names[-1], **values)  # type: ignore[arg-type]  # the keys are those of the tables


def locate(word: str, place: Place) -> Location:
    """The absolute meaning of one name. Raises UsageError for an empty one."""
    if word.startswith("file:"):
        return Location("local", _local(word.removeprefix("file:"), place.local))
    name, at, wish = word.rpartition("@")
    storage = wish.replace("=", ":") if at and _is_wish(wish) else ""
    text = name if storage else word
    if not text:
        raise UsageError("An empty name is not a file")
    return Location("catalogue", paths.resolve(text, place.directory, place.home), storage)


def is_relative_local(word: str) -> bool:
    """Whether a name is local and needs a directory to start from."""
    text = word.removeprefix("file:")
    return word.startswith("file:") and (not text.startswith("/") or (text[:2] == "//" and text[:3] != "///"))


def direction_of(sources: Sequence[Location], target: Location) -> Literal["download", "upload"]:
    """Which way the bytes go. Raises UsageError unless exactly one side is local."""
    sides = {source.side for source in sources}
    if len(sides) > 1:
        raise UsageError("the sources must be all local or all in the catalogue")
    if target.side in sides:
        where = "local" if target.side == "local" else "in the catalogue"
        raise UsageError(f"source and target are both {where}; {ADVICE}")
    return "download" if target.side == "local" else "upload"


def _is_wish(text: str) -> bool:
    return bool(text) and all(_WISH.fullmatch(part) for part in text.split(","))


def _local(text: str, directory: str) -> str:
    """`x`, `./x`, `//x` are relative, `/x`, `///x` absolute; `~` is left alone (the user's shell has had its turn)."""
    if text.startswith("///"):
        text = "/" + text.lstrip("/")
    text = text.removeprefix("//") if text.startswith("//") else text
    if not text:
        raise UsageError("file: needs a name behind it")
    if "\0" in text:
        raise UsageError("A local name cannot contain a NUL character")
    absolute = posixpath.normpath(posixpath.join(directory, text))
    return absolute + "/" if text.endswith("/") and absolute != "/" else absolute


def _number(option: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise UsageError(f"cp: {option} needs a number, not {text!r}") from None
    if option == "-T" and number < 1:
        raise UsageError("cp: -T needs a number of at least 1")
    return number
