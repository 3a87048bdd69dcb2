"""Replies of the central service: from JSON text to values, refusing everything of another shape.

Values on the wire are strings with few exceptions, so numbers are made here. What a reply means for a command that was
asked is left to `aliend.central.catalogue`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aliend.core.catalogue.entries import Entry, EntryType, Member, Replica, Ticket
from aliend.core.catalogue.paths import without_slash
from aliend.core.catalogue.replica_url import is_http, member_of, with_member
from aliend.core.cli.escaping import escape_newlines
from aliend.core.protocol.requests import Request
from aliend.errors import BadReply, ServiceError

EMPTY, NOT_JSON, WRONG_SHAPE = 70, 22, 42
"""Exit codes for the three kinds of garbage, the incumbent client's."""

NO_DIRECTORY = "[none]"
"""What the service reports as directory where it has none."""

Result = Mapping[str, Any]

_COUNT = re.compile(r"\nFound \d+ maching entries[^\n]*$")

_TYPES: Mapping[str, EntryType] = {"d": "directory", "c": "collection"}


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. `error` may be set while `exit_code` is 0: a warning. `directory` ends in `/`.

    `timing` is how long it took the service (milliseconds, as text; empty: it was not asked to tell).
    """

    exit_code: int
    error: str
    user: str
    directory: str
    results: tuple[Result, ...]
    timing: str = ""

    def to_json(self) -> dict[str, Any]:
        """The document as the service writes it; metadata are strings."""
        metadata = {
            "exitcode": str(self.exit_code),
            "error": self.error,
            "user": self.user,
            "currentdir": self.directory,
        }
        if self.timing:
            metadata["timing_ms"] = self.timing
        return {"metadata": metadata, "results": [dict(result) for result in self.results]}

    def text(self) -> str:
        """The messages of all results, one after the other."""
        return "\n".join(str(result["message"]) for result in self.results if result.get("message"))

    def checked(self, request: Request) -> Reply:
        """Return itself, or raise ServiceError where the service reports a failure."""
        if self.exit_code:
            raise ServiceError(request.command, self.exit_code, self.error.strip())
        return self


def names_text(results: Iterable[Result]) -> str:
    """The messages of results that are a name each (`ls`, `find`), one a line: see `core.visible.in_line`."""
    return "\n".join(_name_line(str(result["message"])) for result in results if result.get("message"))


def _name_line(message: str) -> str:
    """A name in one line; `find -c` adds a line to the last one. Texts stay: help, a collection in XML.

    Help begins with a newline; a collection has slashes and begins with none, which neither a name nor an LFN does.
    """
    is_collection = message.startswith("<?xml") and message.rstrip().endswith("</alien>")
    if "\n" not in message or message.startswith("\n") or is_collection:
        return message
    count = _COUNT.search(message)
    return escape_newlines(message[: count.start()]) + count[0] if count else escape_newlines(message)


def parse(text: str, request: Request) -> Reply:
    """Read the whole reply to `request`; BadReply for anything but a complete document of the right shape."""
    if not text.strip():
        raise BadReply(f"{request.command}: the central service sent an empty reply, which means it failed", EMPTY)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadReply(f"{request.command}: the central service's reply is not JSON ({error})", NOT_JSON) from error
    if not isinstance(document, dict):
        raise wrong_shape(request, "it is no object")
    return build_reply(document.get("metadata"), document.get("results"), request)


def build_reply(metadata: object, results: object, request: Request) -> Reply:
    """Make a reply of its two members as JSON values; BadReply (42) where they are not as the service writes them."""
    if not isinstance(metadata, dict):
        raise wrong_shape(request, "it has no metadata")
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise wrong_shape(request, "its results are no list of objects")
    try:
        code = int(metadata["exitcode"])
    except (KeyError, TypeError, ValueError) as error:
        raise wrong_shape(request, "it has no exit code") from error
    error_text, user, directory = (_text(metadata.get(key)) for key in ("error", "user", "currentdir"))
    return Reply(code, error_text, user, directory, tuple(results), _text(metadata.get("timing_ms")))


def wrong_shape(request: Request, why: str) -> BadReply:
    """The error for JSON of another shape."""
    return BadReply(f"{request.command}: the central service's reply has a wrong shape: {why}", WRONG_SHAPE)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _number(result: Result, key: str) -> int:
    value = result.get(key)
    if value in (None, ""):
        return 0
    try:
        return int(str(value))
    except ValueError as error:
        raise BadReply(f"the central service sent {value!r} as {key}, not a number", WRONG_SHAPE) from error


def _octal_mode(permissions: str) -> str:
    """Three octal digits of `drwxr-xr-x`; digits stay as they are."""
    if len(permissions) != 10:
        return permissions
    triples = (permissions[1:4], permissions[4:7], permissions[7:10])
    return "".join(str(sum(4 >> place for place, sign in enumerate(bits) if sign != "-")) for bits in triples)


def _normalised_lfn(lfn: str, kind: EntryType) -> str:
    """One slash at the end of a directory (`ls -F` sends two), none at the end of anything else."""
    return f"{without_slash(lfn).rstrip('/')}/" if kind == "directory" else lfn


def entries_of_listing(results: Iterable[Result]) -> list[Entry]:
    """Entries of `ls -l`: neither md5 nor guid are told; a type shows in the first letter of the permissions."""
    return [_entry_of_listing(result) for result in results if result.get("path")]


def _entry_of_listing(result: Result) -> Entry:
    permissions, path = _text(result.get("permissions")), _text(result["path"])
    kind = _TYPES.get(permissions[:1], "directory" if path.endswith("/") else "file")
    return Entry(
        lfn=_normalised_lfn(path, kind),
        type=kind,
        size=_number(result, "size"),
        owner=_text(result.get("user")),
        group=_text(result.get("group")),
        permissions=_octal_mode(permissions),
        changed_ms=_number(result, "ctime"),
    )


def entries_of_stat(results: Iterable[Result]) -> list[Entry]:
    """Entries of `stat`, in the order of the operands that exist."""
    return [_entry_of_stat(result) for result in results if result.get("lfn")]


def entries_of_find(results: Iterable[Result]) -> list[Entry]:
    """Entries of `find -f`."""
    return entries_of_stat(results)


def _entry_of_stat(result: Result) -> Entry:
    path = _text(result["lfn"])
    kind = _TYPES.get(_text(result.get("type")), "directory" if path.endswith("/") else "file")
    return Entry(
        lfn=_normalised_lfn(path, kind),
        type=kind,
        size=_number(result, "size"),
        owner=_text(result.get("owner")),
        group=_text(result.get("gowner")),
        permissions=_octal_mode(_text(result.get("perm"))),
        changed_ms=_number(result, "ctime"),
        md5=_text(result.get("md5")).lower(),
        guid=_text(result.get("guid")).lower(),
        job=_text(result.get("jobid")),
    )


def replicas_of(results: Iterable[Result]) -> list[Replica]:
    """Replicas of `whereis`; the header's text and anything without a PFN is left out."""
    return [
        Replica(_text(result.get("seName")).upper(), _text(result["pfn"])) for result in results if result.get("pfn")
    ]


def members_of(results: Iterable[Result]) -> dict[str, Member]:
    """Of a reply to `stat -v`: the files that lie in an archive, by LFN. Their only replica is `guid:///U?ZIP=name`."""
    by_lfn = {}
    for result in results:
        replicas = result.get("replicas")
        pfn = _text(replicas.get("ZIP")) if isinstance(replicas, Mapping) else ""
        guid, zip_, name = pfn.removeprefix("guid:///").partition("?ZIP=")
        if zip_ and guid and name:
            by_lfn[_text(result["lfn"])] = Member(guid.lower(), name)
    return by_lfn


def tickets_of(results: Iterable[Result], *, http: bool = False) -> list[Ticket]:
    """Tickets of `access`, best first; results without `url` (a vanished storage element) are left out.

    With `http` their URLs are those for HTTP, which stand in the first line of the message; replicas without are left
    out. An archive's member is named in the other URL only.
    """
    if http:
        results = [{**result, "url": url} for result in results if (url := _http_url(result))]
    return [
        Ticket(
            url=_text(result["url"]),
            envelope=_text(result.get("envelope")),
            guid=_text(result.get("guid")).lower(),
            se=_text(result.get("se")).upper(),
            size=_number(result, "size"),
            md5=_text(result.get("md5")).lower(),
        )
        for result in results
        if result.get("url")
    ]


def _http_url(result: Result) -> str:
    first = _text(result.get("message")).partition("\n")[0].strip()
    member = member_of(_text(result.get("url")))
    if not is_http(first):
        return ""
    return with_member(first, member) if member and not member_of(first) else first
