"""Resolves the paths of `cp` and splits off storage specifications. Pure: nothing is looked up.

A path is local if and only if it begins with `file:`; every other one is an LFN, with or without `alien:`. A storage
specification follows an LFN after `@`: comma-separated `tag:N`, `tag=N`, `VO::SITE::SE` and `!VO::SITE::SE`. Names may
contain `@` and `,`, but text after `@` that looks like a misspelt specification is refused.
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
_LIKE_A_TERM = re.compile(r"\s*(?:!.*|!?[A-Za-z_][\w.*+ -]*[:=].*|.*::.*|(?i:disk|tape|custodial)[\W_]*\d*\W*)")
"""A misspelt specification: a tag without a valid number, or a storage element whose name lacks a part."""


@dataclass(frozen=True, slots=True)
class PathContext:
    """What relative paths refer to: directory and home in the catalogue (ending in `/`), local directory and home.

    An empty `local_home` leaves `~` in local paths unchanged.
    """

    directory: str
    home: str
    local_directory: str
    local_home: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """An absolute path on one side; a trailing slash is kept. `storage` is the specification after its `@`."""

    side: Side
    name: str
    storage: str = ""


def resolve_path(name: str, context: PathContext, *, no_storage: bool = False) -> ResolvedPath:
    """Resolve one path; if `no_storage`, `@` has no meaning in it.

    Raises UsageError for an empty path, and for a misspelt storage specification, which would become part of the name.
    """
    if name.startswith("file:"):
        return ResolvedPath("local", local_name(name, context))
    text, storage = (name, "") if no_storage else _split_storage(name)
    if not text:
        raise UsageError("empty path")
    return ResolvedPath("catalogue", paths.resolve(text, context.directory, context.home), storage)


def parse_storage_spec(text: str) -> str:
    """Return a storage specification as the service understands it. Raises UsageError for anything else."""
    if text and not _is_storage_spec(text):
        raise UsageError(f"invalid storage specification {text!r}; example: disk:2,ALICE::CERN::EOS,!ALICE::X::SE")
    return text.replace("=", ":")


def is_relative_local(path: str) -> bool:
    """Return whether a path is local and relative."""
    text = _local_part(path)
    return path.startswith("file:") and (not text.startswith("/") or (text[:2] == "//" and text[:3] != "///"))


def direction_of(sources: Sequence[ResolvedPath], target: ResolvedPath) -> Direction:
    """Return the direction of a copy. Raises UsageError for mixed sources, and if nothing is in the catalogue."""
    sides = {source.side for source in sources}
    if len(sides) > 1:
        raise UsageError("the sources must be either all local or all in the catalogue")
    if sides == {"catalogue"}:
        return "download" if target.side == "local" else "copy"
    if target.side == "local":
        raise UsageError("source and target are both local (file:); one of them must be in the catalogue")
    return "upload"


def require_explicit_target(target: str) -> None:
    """Raise UsageError if a target in the catalogue, of sources there, may have been meant as a local one."""
    if not target.startswith(("alien:", "/alice/")):
        raise UsageError(
            f"source and target are both in the catalogue\nto copy within the catalogue, write alien:{target}; for a "
            f"local target, write file:{target}"
        )


def _local_part(path: str) -> str:
    if not path.startswith("file:"):
        return path
    return path.removeprefix("file:").removeprefix(":")


def _split_storage(path: str) -> tuple[str, str]:
    """Return the path, and the storage specifications after its `@`."""
    specs: list[str] = []
    while True:
        name, at, spec = path.rpartition("@")
        if not at or not _is_storage_spec(spec):
            _refuse_misspelt_storage(path)
            return path, ",".join(specs)
        path = name
        specs.insert(0, parse_storage_spec(spec))


def _refuse_misspelt_storage(path: str) -> None:
    """Raise UsageError if text after an `@` in the last component looks like a storage specification but is not one."""
    for text in path.rstrip("/").rpartition("/")[2].split("@")[1:]:
        if not text or any(map(_LIKE_A_TERM.fullmatch, text.split(","))):
            raise UsageError(
                f"invalid storage specification '@{text}' in {path}; examples: @disk:2, @disk:1,ALICE::CERN::EOS\n"
                f"if the name contains it, request the storage with --to: `--to disk:2`"
            )


def _is_storage_spec(text: str) -> bool:
    return bool(text) and all(_STORAGE_TERM.fullmatch(part) for part in text.split(","))


def local_name(path: str, context: PathContext) -> str:
    """Return the absolute form of a local path, with or without `file:` in front of it. Raises UsageError.

    `x`, `./x`, `//x` are relative, `/x`, `///x` absolute; `~` is the user's home. An empty path or `//` is the
    current directory. `file::x` is the same as `file:x`.
    """
    text = _local_part(path)
    if text.startswith("///"):
        text = "/" + text.lstrip("/")
    text = text.removeprefix("//") if text.startswith("//") else text
    text = text or "./"
    if "\0" in text:
        raise UsageError("a local path cannot contain a NUL character")
    if context.local_home and (text == "~" or text.startswith("~/")):
        text = context.local_home + text[1:]
    absolute = posixpath.normpath(posixpath.join(context.local_directory, text))
    return absolute + "/" if text.endswith("/") and absolute != "/" else absolute
