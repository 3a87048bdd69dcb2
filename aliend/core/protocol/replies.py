"""Parses replies of the central service from JSON text to values, and rejects any other structure.

Most values on the wire are strings, so numbers are converted here. The meaning of a reply to a command is left to
`aliend.central.catalogue`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aliend.core.catalogue.entries import Entry, EntryType, Member, Replica, Ticket
from aliend.core.catalogue.paths import without_slash
from aliend.core.catalogue.replica_url import is_http, member_of, url_problem, with_member
from aliend.core.cli.escaping import escape_attributes, escape_names, escape_newlines
from aliend.core.cli.numbers import LARGEST, LATEST_MS, parse_whole
from aliend.core.protocol.requests import Request
from aliend.errors import BadReply, InvalidValue, ServiceError

EMPTY, NOT_JSON, WRONG_SHAPE = 70, 22, 42
"""Exit codes for the three kinds of invalid replies, as in alien.py."""

NO_DIRECTORY = "[none]"
"""The directory that the service reports if it has none."""

Result = Mapping[str, Any]

_LARGEST_CODE = (1 << 31) - 1
_QUOTED = 40
"""Characters of an invalid value that a message quotes."""

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_COUNT = re.compile(r"\nFound \d+ maching entries[^\n]*$")

_NAMES = ("lfn", "path", "name", "entry", "fileName", "pfn")
"""The fields of results that are names of files."""

_TYPES: Mapping[str, EntryType] = {"d": "directory", "c": "collection"}


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. `error` with `exit_code` 0 is a warning. `directory` ends in `/`.

    `timing` is the time that the service took (milliseconds, as text; empty: not requested).
    """

    exit_code: int
    error: str
    user: str
    directory: str
    results: tuple[Result, ...]
    timing: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the document as the service writes it; metadata are strings."""
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
        """Return the messages of all results, one per line."""
        return "\n".join(str(result["message"]) for result in self.results if result.get("message"))

    def shown_text(self) -> str:
        """Return the messages as `text` does, with the newlines in names escaped."""
        names = {str(result[key]) for result in self.results for key in _NAMES if result.get(key)}
        return escape_names(self.text(), names)

    def checked(self, request: Request) -> Reply:
        """Return itself. Raises ServiceError if the service reports a failure."""
        if self.exit_code:
            raise ServiceError(request.command, self.exit_code, self.error.strip())
        return self


def names_text(results: Iterable[Result]) -> str:
    """Return the messages of results that are names (`ls`, `find`), one per line, see `core.cli.escaping`."""
    return "\n".join(_name_line(str(result["message"])) for result in results if result.get("message"))


def _name_line(message: str) -> str:
    """Return a name as one line; `find -c` adds a line to the last name. Help stays as it is, collections stay XML.

    Help begins with a newline; a collection is XML, which no name and no LFN looks like.
    """
    is_collection = message.startswith("<?xml") and message.rstrip().endswith("</alien>")
    if is_collection:
        return escape_attributes(message)
    if "\n" not in message or message.startswith("\n"):
        return message
    count = _COUNT.search(message)
    return escape_newlines(message[: count.start()]) + count[0] if count else escape_newlines(message)


def parse(text: str, request: Request) -> Reply:
    """Parse the complete reply to `request`. Raises BadReply for an incomplete or unexpected document."""
    if not text.strip():
        raise BadReply(f"{request.command}: the central service sent an empty reply, so the command failed", EMPTY)
    try:
        document = encodable(json.loads(text), text)
    except (ValueError, RecursionError) as error:
        raise BadReply(
            f"{request.command}: the reply of the central service is not JSON ({error})", NOT_JSON
        ) from error
    if not isinstance(document, dict):
        raise wrong_shape(request, "it is not an object")
    return build_reply(document.get("metadata"), document.get("results"), request)


def encodable(value: Any, text: str) -> Any:  # noqa: ANN401 - any value of JSON
    """Return a value of JSON that `text` contains, with U+FFFD for what no text and no byte can become.

    JSON can name half of a surrogate pair; only those that stand for bytes (see `surrogateescape`) can be written.
    """
    return _without_halves(value) if "\\u" in text and _HALF.search(text) else value


def _without_halves(value: Any) -> Any:  # noqa: ANN401 - any value of JSON
    if isinstance(value, str):
        return _NO_BYTE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_halves(item) for item in value]
    if isinstance(value, dict):
        return {_without_halves(key): _without_halves(item) for key, item in value.items()}
    return value


def build_reply(metadata: object, results: object, request: Request) -> Reply:
    """Build a reply from its two members as JSON values. Raises BadReply (42) for an unexpected structure."""
    if not isinstance(metadata, dict):
        raise wrong_shape(request, "metadata is missing")
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise wrong_shape(request, "results is not a list of objects")
    given = _text(metadata.get("exitcode"))
    code = parse_whole(given, -_LARGEST_CODE, _LARGEST_CODE)
    if code is None:
        error = wrong_shape(request, "the exit code is missing or not a whole number")
        raise InvalidValue(str(error)) if given else error
    error_text, user, directory = (_text(metadata.get(key)) for key in ("error", "user", "currentdir"))
    return Reply(code, error_text, user, directory, tuple(results), _text(metadata.get("timing_ms")))


def wrong_shape(request: Request, why: str) -> BadReply:
    """Return the error for JSON with an unexpected structure."""
    return BadReply(f"{request.command}: invalid reply of the central service: {why}", WRONG_SHAPE)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _number(result: Result, key: str, most: int = LARGEST) -> int:
    """Return a whole number from 0 to `most`; 0 if the service sent none. Raises InvalidValue."""
    value = result.get(key)
    if value in (None, ""):
        return 0
    number = parse_whole(str(value), 0, most)
    if number is None:
        name = next((str(result[key]) for key in ("lfn", "path", "url") if result.get(key)), "")
        raise InvalidValue(
            f"the central service sent {str(value)[:_QUOTED]!r} as {key}{f' of {name}' if name else ''}, "
            f"which is not a whole number from 0 to {most}; report it to the administrators of the catalogue"
        )
    return number


def _octal_mode(permissions: str) -> str:
    """Return three octal digits for `drwxr-xr-x`; digits stay as they are."""
    if len(permissions) != 10:
        return permissions
    triples = (permissions[1:4], permissions[4:7], permissions[7:10])
    return "".join(str(sum(4 >> index for index, sign in enumerate(bits) if sign != "-")) for bits in triples)


def _normalised_lfn(lfn: str, kind: EntryType) -> str:
    """Return the LFN, with one final slash for a directory (`ls -F` sends two)."""
    return f"{without_slash(lfn).rstrip('/')}/" if kind == "directory" else lfn


def entries_of_listing(results: Iterable[Result]) -> list[Entry]:
    """Return the entries of `ls -l`, which have neither md5 nor GUID; the permissions begin with the type."""
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
        changed_ms=_number(result, "ctime", LATEST_MS),
    )


def entries_of_stat(results: Iterable[Result]) -> list[Entry]:
    """Return the entries of `stat`, in the order of the existing operands, or of `find -f`."""
    return [_entry_of_stat(result) for result in results if result.get("lfn")]


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
        changed_ms=_number(result, "ctime", LATEST_MS),
        md5=_text(result.get("md5")).lower(),
        guid=_text(result.get("guid")).lower(),
        job=_text(result.get("jobid")),
    )


def replicas_of(results: Iterable[Result]) -> list[Replica]:
    """Return the replicas of `whereis`, without the header and results without a PFN."""
    return [
        Replica(_text(result.get("seName")).upper(), _text(result["pfn"])) for result in results if result.get("pfn")
    ]


def members_of(results: Iterable[Result]) -> dict[str, Member]:
    """Return the archive members in a reply to `stat -v`, by LFN. Their only replica is `guid:///U?ZIP=name`."""
    by_lfn = {}
    for result in results:
        replicas = result.get("replicas")
        pfn = _text(replicas.get("ZIP")) if isinstance(replicas, Mapping) else ""
        guid, zip_, name = pfn.removeprefix("guid:///").partition("?ZIP=")
        if zip_ and guid and name:
            by_lfn[_text(result.get("lfn"))] = Member(guid.lower(), name)
    return by_lfn


def tickets_of(results: Iterable[Result], *, http: bool = False) -> list[Ticket]:
    """Return the tickets of `access`, best first, without results that have no `url` (a removed storage element).

    With `http` they have the HTTP URLs, from the first line of the message; replicas without one are omitted. Only the
    other URL names the member of an archive. A ticket for any other URL would read or write files of this machine:
    raises InvalidValue.
    """
    if http:
        results = [{**result, "url": url} for result in results if (url := _http_url(result))]
    return [_ticket(result, http=http) for result in results if result.get("url")]


def _ticket(result: Result, *, http: bool) -> Ticket:
    url, se = _text(result["url"]), _text(result.get("se")).upper()
    if problem := url_problem(url, http=http):
        raise InvalidValue(f"the central service sent the URL {url!r} for {se or 'a replica'}, which {problem}")
    return Ticket(
        url=url,
        envelope=_text(result.get("envelope")),
        guid=_text(result.get("guid")).lower(),
        se=se,
        size=_number(result, "size"),
        md5=_text(result.get("md5")).lower(),
    )


def _http_url(result: Result) -> str:
    first = _text(result.get("message")).partition("\n")[0].strip()
    member = member_of(_text(result.get("url")))
    if not is_http(first):
        return ""
    return with_member(first, member) if member and not member_of(first) else first
