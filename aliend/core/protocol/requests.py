"""Requests to the central service: their JSON text, and properties of each command.

A request has no id on the wire: the sender must wait for its reply. Sending is left to `aliend.central`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aliend.core.catalogue.paths import MISREAD, is_misread
from aliend.errors import UsageError

CHARACTER_LIMIT = 8192
"""A longer request is answered once and makes its connection unusable (wire specification 1.4)."""

OPERAND_LIMIT = 50
"""The most names in one request, so that a batch is answered quickly."""

SESSION_COMMANDS = frozenset({"cd", "user", "setSite", "timing"})
"""Commands that change the state of one connection; here that state belongs to the user's session."""

_READ_ONLY = """
    ls find stat whereis type pwd du md5sum lfn2guid guid2lfn guidinfo uuid listSEs listSEDistance
    listTransfer xrdstat toXml listFilesFromCollection archiveList showTagValue cat grep changeDiff
    whoami whois groups groupmembers echo version motd time commandlist ping ps masterjob w uptime
    packages listCEs listpartitions jobListMatch top df token access fquota jquota
"""
READ_ONLY_COMMANDS = frozenset(_READ_ONLY.split())
"""Commands that change nothing."""
_MODIFIERS = frozenset({"-nomsg", "-nokeys", "-showmsg", "-showkeys", "-allkeys"})
HELP_OPTIONS = frozenset({"-h", "--h", "-help", "--help"})
_TOKEN_SWITCHES_USER = re.compile(r"-+f*u")
_SESSION_OPTION = re.compile(r"-pwd=|-silent$")


@dataclass(frozen=True, slots=True)
class Request:
    """One command with its options and operands, which are sent unsplit and unquoted."""

    command: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.command, *self.options))


def encode(request: Request, directory: str = "") -> str:
    """Return the text to send; with `directory` (absolute) the command runs there (`-pwd=`).

    Raises UsageError if an argument is not valid text (a file name that is not UTF-8), and for a change whose names the
    service would take for others.
    """
    refuse_misread_names(request)
    options = [f"-pwd={directory}", *request.options] if directory else list(request.options)
    text = json.dumps({"command": request.command, "options": options}, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{request.command}: a name is not valid UTF-8; the catalogue cannot store it") from error
    return text


def from_json(text: str) -> Request:
    """Parse a request that a user wrote as JSON. Raises UsageError."""
    try:
        document = json.loads(text)
        command, options = document["command"], document.get("options") or []
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError('a request in JSON is {"command": "NAME", "options": ["...", ...]}') from error
    if not isinstance(command, str) or not isinstance(options, list):
        raise UsageError('a request in JSON is {"command": "NAME", "options": ["...", ...]}')
    return Request(command, tuple(map(str, options)))


def with_modifiers(options: Sequence[str], *, whole: bool) -> tuple[str, ...]:
    """Prepend `-nokeys` and `-nomsg` as alien.py does; `-showkeys`, `-allkeys` and `-showmsg` disable them.

    By default keys are omitted, because only messages are shown; with `whole` nothing is omitted.
    """
    kept = tuple(option for option in options if option not in _MODIFIERS)
    if whole:
        return kept
    hide_keys = not {"-showkeys", "-allkeys"}.intersection(options)
    hide_messages = "-nomsg" in options and "-showmsg" not in options
    return (*(("-nokeys",) if hide_keys else ()), *(("-nomsg",) if hide_messages else ()), *kept)


def fits(text: str) -> bool:
    """Return whether `text` is within the service's limit, which counts UTF-16 units."""
    return len(text) <= CHARACTER_LIMIT // 2 or len(text.encode("utf-16-le")) <= 2 * CHARACTER_LIMIT


def changes_state(request: Request) -> bool:
    """Return whether executing `request` twice may differ from once; True for unknown commands (section 7)."""
    if any(option in HELP_OPTIONS for option in request.options):
        return False
    if request.command not in READ_ONLY_COMMANDS:
        return True
    match request.command:
        case "access":
            return "read" not in request.options or any(option.startswith("write") for option in request.options)
        case "find" | "toXml":
            return _stores_collection(request.options)
        case "fquota" | "jquota":
            return "set" in request.options
        case "cat":
            return any(option.startswith("-") and "o" in option for option in request.options)
        case "token":
            return session_change(request) != ""
    return False


def _stores_collection(options: Sequence[str]) -> bool:
    """Return whether the options contain `-x LFN` in any spelling; `-x -` only prints.

    Option letters may be combined and contain their value, hence every `x` counts.
    """
    followers = (*options, "")[1:]
    return any(
        option.startswith("-") and "x" in option and not (option == "-x" and follower == "-")
        for option, follower in zip(options, followers, strict=True)
    )


def session_change(request: Request) -> str:
    """Return the argument of `request` that would change the state of a connection; empty: none."""
    if request.command in SESSION_COMMANDS:
        return request.command
    for option in request.options:
        if _SESSION_OPTION.match(option):
            return option.partition("=")[0]
        if request.command == "token" and _TOKEN_SWITCHES_USER.match(option):
            return "token -u"
    return ""


def changes_connection(request: Request) -> bool:
    """Return whether `request` changes more of a connection than its directory, which requests carry themselves."""
    return session_change(request) not in ("", "cd", "-pwd")


def refuse_change(request: Request) -> None:
    """Raise UsageError for a request that would change the state of a connection."""
    if argument := session_change(request):
        raise UsageError(f"`{argument}` is not allowed here: it would change the session of all commands")


def refuse_misread_names(request: Request) -> None:
    """Raise UsageError for a change whose names the service would take for others."""
    if not changes_state(request):
        return
    operands = [option for option in request.options if not option.startswith("-")]
    if request.command == "submit":
        operands = operands[:1]  # the arguments of the job follow
    for name in filter(is_misread, operands):
        raise UsageError(f"{request.command}: {name}: {MISREAD}; nothing was done")


def batches(command: str, options: Iterable[str], operands: Sequence[str], directory: str = "") -> list[Request]:
    """Split `operands` into requests of at most 50 operands within the limit of 8192 characters.

    A single operand that exceeds the limit gets a request of its own, which then exceeds it too.
    """
    fixed = tuple(options)
    requests: list[Request] = []
    batch: list[str] = []
    for operand in operands:
        grown = Request(command, (*fixed, *batch, operand))
        if batch and (len(batch) >= OPERAND_LIMIT or not fits(encode(grown, directory))):
            requests.append(Request(command, (*fixed, *batch)))
            batch = []
        batch.append(operand)
    return [*requests, Request(command, (*fixed, *batch))] if batch else requests
