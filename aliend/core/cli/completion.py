"""Decides how to complete the last word of a command line: as a command, an option, a local path, an LFN, ..."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LOCAL = re.compile(r"(?:-?file:)(?://(?=/))?")
_STORAGE = re.compile(r"(?:.*[@,!])?!?(?=[A-Z][A-Za-z0-9_-]*::|$)")
_PREFIX_COMMANDS = frozenset({"time", "help", "?"})
_TAKES_SE = frozenset({"listSEs", "listSEDistance", "mirror", "deleteMirror", "testSE", "resyncLDAP", "getSE"})
_TAKES_GRID_JOBS = frozenset({"kill", "resubmit", "masterjob", "jobInfo", "jobListMatch", "registerOutput", "ps"})
_VERBS = {
    "transfers": (
        *("list", "show", "top", "follow", "watch", "wait", "why", "cancel", "retry", "pause", "resume", "priority"),
        *("detach", "clean", "limit"),
    ),
    "daemon": (
        *("status", "start", "stop", "restart", "list", "check", "reload", "socket", "logs", "metrics", "install"),
        "uninstall",
    ),
    "sandbox": ("up", "down", "status", "env", "reset", "fault", "stats", "set", "file"),
    "bridge": ("on", "off", "status"),
    "root-plugin": ("install", "path"),
    "prompt": ("date", "pwd"),
    "completion": ("bash", "zsh", "fish"),
}
JOB_STATES = ("expanding", "active", "deleting", "paused", "done", "partial", "failed", "cancelled")
"""The states of transfer jobs."""
_EXECUTORS = ("local", "dask:tls://")
_TAKE_LOCAL_FILES = frozenset({"cert-import"})
_DIRECTORIES_ONLY = frozenset({"cd", "rmdir", "pushd"})


@dataclass(frozen=True, slots=True)
class CommandName:
    """The name of a command."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """An option of `command`."""

    command: str


@dataclass(frozen=True, slots=True)
class LocalPath:
    """A local path; `head` (`file:`) precedes it."""

    head: str
    path: str


@dataclass(frozen=True, slots=True)
class StorageElement:
    """The name of a storage element; `head` precedes it."""

    head: str


@dataclass(frozen=True, slots=True)
class TransferJob:
    """The number of a transfer job that the subcommand `verb` applies to, but for those in `without`."""

    verb: str
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GridJob:
    """The number of a grid job."""


@dataclass(frozen=True, slots=True)
class CatalogueName:
    """An LFN; `head` is its directory as typed, with the slash."""

    head: str
    only_directories: bool


CompletionKind = CommandName | Choice | Option | LocalPath | StorageElement | TransferJob | GridJob | CatalogueName


def completion_kind(args: Sequence[str]) -> CompletionKind:
    """Return how to complete the last of `args`."""
    before, word = list(args[:-1]), args[-1] if args else ""
    while before and before[0] in _PREFIX_COMMANDS:
        del before[0]
    if not before:
        return CommandName()
    command = before[0]
    if word.startswith("-") and not word.startswith("-file:"):
        return Option(command)
    local = _LOCAL.match(word)
    if local:
        return LocalPath(local[0], word[local.end() :])
    if command in _TAKE_LOCAL_FILES:
        return LocalPath("", word)
    storage = _STORAGE.match(word)
    if storage and ("@" in word or "::" in word or command in _TAKES_SE):
        return StorageElement(storage[0])
    if before[-1] == "--executor" and command in ("cp", "sync"):
        return LocalPath("dask:", word[5:]) if word.startswith(("dask:/", "dask:.")) else Choice(_EXECUTORS)
    if command in _VERBS and len(before) == 1:
        return Choice(_VERBS[command])
    if command == "transfers":
        return _transfers_kind(before)
    if command in _TAKES_GRID_JOBS:
        return GridJob()
    head = word[: word.rfind("/") + 1]
    return CatalogueName(head, only_directories=command in _DIRECTORIES_ONLY)


def _transfers_kind(before: Sequence[str]) -> CompletionKind:
    """Return how to complete an argument of `transfers VERB ...`; numbers of other kinds have no candidates."""
    verb, last = before[1], before[-1]
    if last == "--state":
        return Choice(JOB_STATES)
    if last.startswith("--") and last not in ("--all", "--failed", "--attempts", "--job", "--notify"):
        return Choice(())
    if verb == "list" or before[1:] == ["priority"] or (verb == "show" and len(before) > 2 and last.isdigit()):
        return Choice(())
    return TransferJob(verb, frozenset(before[2:]))
