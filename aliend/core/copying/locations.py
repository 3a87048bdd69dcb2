"""The names of `cp` become absolute, and a storage wish is told from them. Pure: nothing is looked up anywhere.

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

from aliend.core.catalogue import paths
from aliend.core.transfers.job import Direction
from aliend.errors import UsageError

Side = Literal["local", "catalogue"]

_STORAGE_TERM = re.compile(r"(?:[A-Za-z_][\w-]*[:=]\d+|!?[\w.*+-]+::[\w.*+-]+::[\w.*+-]+)")


@dataclass(frozen=True, slots=True)
class PathContext:
    """Where the user is: directory and home in the catalogue (both end in `/`), local directory and home (absolute).

    An empty `local_home` leaves `~` in local names alone.
    """

    directory: str
    home: str
    local_directory: str
    local_home: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """One name of the user: absolute, on one side; a trailing slash is kept. `storage` is the wish behind its `@`."""

    side: Side
    name: str
    storage: str = ""


def resolve_path(name: str, context: PathContext, *, no_storage: bool = False) -> ResolvedPath:
    """The absolute meaning of one name; with `is_whole` there is no wish in it. Raises UsageError for an empty one."""
    if name.startswith("file:"):
        return ResolvedPath("local", local_name(name, context))
    text, storage = (name, "") if no_storage else _split_storage(name)
    if not text:
        raise UsageError("An empty name is not a file")
    return ResolvedPath("catalogue", paths.resolve(text, context.directory, context.home), storage)


def parse_storage_spec(text: str) -> str:
    """A storage wish as the service understands it. Raises UsageError for anything else."""
    if text and not _is_storage_spec(text):
        raise UsageError(f"a storage wish is as in disk:2,ALICE::CERN::EOS,!ALICE::X::SE, not {text!r}")
    return text.replace("=", ":")


def is_relative_local(word: str) -> bool:
    """Whether a name is local and needs a directory to start from."""
    text = _behind_file(word)
    return word.startswith("file:") and (not text.startswith("/") or (text[:2] == "//" and text[:3] != "///"))


def direction_of(sources: Sequence[ResolvedPath], target: ResolvedPath) -> Direction:
    """Which way the bytes go. Raises UsageError for sources on both sides, and where nothing is in the catalogue."""
    sides = {source.side for source in sources}
    if len(sides) > 1:
        raise UsageError("the sources must be all local or all in the catalogue")
    if sides == {"catalogue"}:
        return "download" if target.side == "local" else "copy"
    if target.side == "local":
        raise UsageError("source and target are both local (file:); one side must be in the catalogue")
    return "upload"


def require_explicit_target(word: str) -> None:
    """Raises UsageError if a target in the catalogue, of sources there, may have been meant as a local one."""
    if not word.startswith(("alien:", "/alice/")):
        raise UsageError(
            f"source and target are both in the catalogue: to copy within it write alien:{word}, and for a local "
            f"target file:{word}"
        )


def _behind_file(word: str) -> str:
    if not word.startswith("file:"):
        return word
    return word.removeprefix("file:").removeprefix(":")


def _split_storage(word: str) -> tuple[str, str]:
    """A name, and the wishes behind its `@`."""
    wishes: list[str] = []
    while True:
        name, at, wish = word.rpartition("@")
        if not at or not _is_storage_spec(wish):
            return word, ",".join(wishes)
        word = name
        wishes.insert(0, parse_storage_spec(wish))


def _is_storage_spec(text: str) -> bool:
    return bool(text) and all(_STORAGE_TERM.fullmatch(part) for part in text.split(","))


def local_name(word: str, place: PathContext) -> str:
    """Return the absolute local name of a word, with or without `file:` before it. Raises UsageError.

    `x`, `./x`, `//x` are relative, `/x`, `///x` absolute; `~` and `~/x` are in the user's home. Nothing, or `//`, is
    the directory where the user is. `file::x` is the same as `file:x`.
    """
    text = _behind_file(word)
    if text.startswith("///"):
        text = "/" + text.lstrip("/")
    text = text.removeprefix("//") if text.startswith("//") else text
    text = text or "./"
    if "\0" in text:
        raise UsageError("A local name cannot contain a NUL character")
    if place.local_home and (text == "~" or text.startswith("~/")):
        text = place.local_home + text[1:]
    absolute = posixpath.normpath(posixpath.join(place.local_directory, text))
    return absolute + "/" if text.endswith("/") and absolute != "/" else absolute
