"""Queries to the conditions database (CCDB): the arguments of `ccdb`, URLs and answers. Pure: no HTTP, no files.

A query is `PATH[/TIME][/KEY=VALUE...]`. `latest/` of the service returns the newest object for each path, `browse/`
every version. An object has an ETag and is valid from `Valid-From` until `Valid-Until` (POSIX milliseconds).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urljoin

from aliend.core.cli.numbers import parse_whole
from aliend.core.cli.options import Option, parse_options
from aliend.errors import UsageError, WebError

Fetch = Literal["", "get", "mirror"]
"""What to download: nothing, files with readable names, or files as a CCDB server stores them."""

DEFAULT_HOST = "http://alice-ccdb.cern.ch/"
RUN_PATH = "RCT/Info/RunInformation"
"""The path with the times of runs."""

_DIGITS_OF_TIME = 13
_PROPERTY_NAMES = {"Created": "CreateTime", "Valid-Until": "ValidUntil"}
_NOT_PROPERTIES = frozenset({"path", "replicas", "ETag", "Valid-From", "Content-Length", "fileName"})
_REDUNDANT = frozenset(
    {
        "createTime",
        "lastModified",
        "id",
        "validFrom",
        "validUntil",
        "initialValidity",
        "InitialValidityLimit",
        "MD5",
        "contentType",
        "size",
        "Content-Disposition",
        "partName",
    }
)
"""Fields that repeat another field."""
_OPTIONS = {
    **{f"-{key}": Option(key) for key in ("history", "report", "unixtime", "http", "get", "mirror")},
    **{f"-{key}": Option(key, "a value") for key in ("limit", "run", "objtime", "host", "header", "dst")},
}


@dataclass(frozen=True, slots=True)
class Query:
    """A query. `time` and `run` are digits or empty; `headers` are sent unchanged."""

    path: str
    time: str = ""
    run: str = ""
    constraints: tuple[str, ...] = ()
    host: str = ""
    limit: int = 10
    headers: tuple[tuple[str, str], ...] = ()
    history: bool = False
    report: bool = False
    unixtime: bool = False
    http: bool = False
    fetch: Fetch = ""
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder below the path: objects and bytes in it and below it; None if not counted."""

    name: str
    counted: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class CalibrationObject:
    """One version of an object: times in POSIX milliseconds, size in bytes, md5 in lower case (empty: unknown).

    `replicas` are absolute URLs; `fields` are all fields except redundant ones.
    """

    path: str
    etag: str
    name: str
    kind: str
    valid_from: int
    valid_until: int
    size: int
    md5: str
    replicas: tuple[str, ...]
    fields: Mapping[str, Any]

    @property
    def lifetime(self) -> int:
        """Return the milliseconds for which it is valid."""
        return self.valid_until - self.valid_from


def parse(args: Sequence[str]) -> Query:
    """Parse the arguments. Raises UsageError."""
    options = parse_options("ccdb", args, _OPTIONS)
    if len(options.operands) != 1:
        raise UsageError("usage: ccdb [OPTIONS] PATH[/TIME][/KEY=VALUE...] (see `alienctl help ccdb`)")
    for one, other in (("get", "mirror"), ("run", "objtime")):
        if options.has(one) and options.has(other):
            raise UsageError(f"ccdb: -{one} and -{other} cannot be combined")
    (text,) = options.operands
    parts = [part for part in text.replace(".*", "").replace("*", "").split("/") if part]
    times = [part for part in parts if _is_time(part)]
    if len(times) > 1:
        raise UsageError(f"ccdb: {text} has more than one time")
    time = times[0] if times else options.last("objtime")
    if time and not _is_time(time):
        raise UsageError(f"ccdb: -objtime needs {_DIGITS_OF_TIME} digits (POSIX milliseconds), not {time!r}")
    run, host = options.last("run"), options.last("host")
    if run and not _is_number(run):
        raise UsageError(f"ccdb: -run needs a run number, not {run!r}")
    return Query(
        path="/".join(part for part in parts if "=" not in part and not _is_time(part)),
        time=time,
        run="" if time else run,
        constraints=tuple(part for part in parts if "=" in part),
        host=base_of(host) if host else "",
        limit=options.number("limit", 10, least=1),
        headers=tuple(_header(value) for value in options.all("header")),
        history=options.has("history"),
        report=options.has("report"),
        unixtime=options.has("unixtime"),
        http=options.has("http"),
        fetch="get" if options.has("get") else "mirror" if options.has("mirror") else "",
        directory=options.last("dst"),
    )


def base_of(host: str) -> str:
    """Return the URL of a host, with scheme and final slash. Raises UsageError for a scheme other than HTTP."""
    url = host if "://" in host else f"http://{host}"
    if not url.startswith(("http://", "https://")) or not url.partition("://")[2].strip("/"):
        raise UsageError(f"ccdb: invalid host {host!r}; use NAME[:PORT], http://... or https://...")
    return url.rstrip("/") + "/"


def url_of(query: Query, base: str, time: str) -> str:
    """Return the URL of a query; `time` is digits or empty."""
    words = [query.path, time, *query.constraints]
    path = "/".join(quote(word, safe="/=:,;@+~!$&()'-._") for word in words if word)
    endpoint = "browse" if query.history or query.report else "latest"
    return f"{base}{endpoint}/{path}" + ("?report=true" if query.report else "")


def folders_of(document: object) -> list[Folder]:
    """Return the folders of an answer."""
    folders = []
    for folder in _list_member(document, "subfolders"):
        if isinstance(folder, dict):
            names = ("ownFiles", "ownSize", "filesInSubfolders", "sizeOfSubfolders")
            counted = tuple(_integer(folder.get(name)) for name in names)
            folders.append(Folder(str(folder.get("name", "")), counted))  # type: ignore[arg-type]  # four of them
        else:
            folders.append(Folder(str(folder)))
    return folders


def objects_of(document: object, base: str) -> list[CalibrationObject]:
    """Return the objects of an answer; replica URLs without a host are relative to `base`. Raises WebError."""
    return [_object(entry, base) for entry in _list_member(document, "objects")]


def targets_of(items: Sequence[CalibrationObject], fetch: Fetch) -> list[str]:
    """Return the names of the objects' files below the download directory; only equal names contain the ETag."""
    if fetch == "mirror":
        return [f"{item.path}/{item.valid_from}/{item.etag}" for item in items]
    plain = [f"{item.path}/{item.name}" for item in items]
    names = []
    for item, name in zip(items, plain, strict=True):
        stem, extension = posixpath.splitext(item.name)
        names.append(f"{item.path}/{stem}_{item.etag}{extension}" if plain.count(name) > 1 else name)
    return names


def properties_of(item: CalibrationObject) -> str:
    """Return the properties that a CCDB server stores beside a file: a line `KEY=VALUE` for each field."""
    kept = {_PROPERTY_NAMES.get(key, key): value for key, value in item.fields.items() if key not in _NOT_PROPERTIES}
    kept["OriginalFileName"] = item.name
    return "".join(f"{key}={_one_line(value)}\n" for key, value in kept.items())


def _object(document: object, base: str) -> CalibrationObject:
    if not isinstance(document, dict) or "path" not in document:
        raise WebError("invalid CCDB reply: object without a path")
    fields = {str(key): value for key, value in document.items() if key not in _REDUNDANT}
    etag = str(document.get("ETag") or document.get("id", "")).strip('"')
    size = _integer(document.get("Content-Length", document.get("size")))
    name = str(document.get("fileName") or "") or etag
    return CalibrationObject(
        path=str(document["path"]).strip("/"),
        etag=etag,
        name=posixpath.basename(name),
        kind=str(document.get("ObjectType", "")),
        valid_from=_integer(document.get("Valid-From", document.get("validFrom"))),
        valid_until=_integer(document.get("Valid-Until", document.get("validUntil"))),
        size=size,
        md5=str(document.get("Content-MD5") or document.get("MD5") or "").lower(),
        replicas=tuple(urljoin(base, str(url)) for url in _list_member(document, "replicas")),
        fields=fields,
    )


def _list_member(document: object, name: str) -> list[object]:
    members = document.get(name) if isinstance(document, dict) else None
    if members is None and isinstance(document, dict):
        return []
    if not isinstance(members, list):
        raise WebError(f"invalid CCDB reply: no list of {name}")
    return members


def _integer(value: object) -> int:
    return parse_whole(str(value)) or 0


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not (name + value).isprintable():
        raise UsageError(f'ccdb: -header needs "NAME: VALUE", not {text!r}')
    return name.strip(), value.strip()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_time(text: str) -> bool:
    return len(text) == _DIGITS_OF_TIME and _is_number(text)


def _one_line(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
