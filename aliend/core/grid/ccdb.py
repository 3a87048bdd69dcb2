"""The words of `ccdb` and what the conditions database (CCDB) answers, as values. Pure: no HTTP, no files.

A query is `PATH[/TIME][/KEY=VALUE...]`. The service's `latest/` gives the newest object for each path, `browse/` every
version. An object is known by its ETag and holds from `Valid-From` until `Valid-Until` (POSIX milliseconds).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal
from urllib.parse import quote, urljoin

from aliend.errors import UsageError, WebError

Fetch = Literal["", "get", "mirror"]
"""What is brought here: nothing, files with readable names, or files as a server of CCDB objects keeps them."""

DEFAULT_HOST = "http://alice-ccdb.cern.ch/"
RUN_PATH = "RCT/Info/RunInformation"
"""Where the times of runs are."""

_DIGITS_OF_TIME = 13
_PROPERTY_NAMES = {"Created": "CreateTime", "Valid-Until": "ValidUntil", "fileName": "OriginalFileName"}
_NOT_PROPERTIES = frozenset({"path", "replicas", "ETag", "Valid-From", "Content-Length"})
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
    }
)
"""Fields that say again what another one says."""
_FLAGS = {
    "-history": "history",
    "-report": "report",
    "-unixtime": "unixtime",
    "-http": "http",
    "-get": "get",
    "-mirror": "mirror",
}
_VALUES = ("-limit", "-run", "-objtime", "-host", "-header", "-dst")


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for. `time` and `run` are digits or empty, `headers` go to the service as they are."""

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
    """A folder below the path: objects and bytes in itself and in those below it; None where nothing was counted."""

    name: str
    counted: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class CalibrationObject:
    """One version of an object: times in POSIX milliseconds, size in bytes, md5 in lower case (empty: unknown).

    `replicas` are absolute URLs; `fields` is what else is known, without repetitions.
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
        """Milliseconds for which it holds."""
        return self.valid_until - self.valid_from


def parse(args: Sequence[str]) -> Query:
    """Take the words apart. Raises UsageError."""
    flags: set[str] = set()
    values: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    names: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word in _FLAGS:
            flags.add(_FLAGS[word])
        elif word in _VALUES:
            if not rest:
                raise UsageError(f"ccdb: {word} needs a value behind it")
            value = rest.pop(0)
            if word == "-header":
                headers.append(_header(value))
            else:
                values[word] = value
        elif word.startswith("-"):
            near = get_close_matches(word, [*_FLAGS, *_VALUES], n=1)
            raise UsageError(f"ccdb: there is no option {word}" + (f"; did you mean {near[0]}?" if near else ""))
        else:
            names.append(word)
    if len(names) != 1:
        raise UsageError("ccdb takes one query: ccdb [OPTIONS] PATH[/TIME][/KEY=VALUE...] (see: help ccdb)")
    return _query(names[0], flags, values, tuple(headers))


def _query(text: str, flags: set[str], values: dict[str, str], headers: tuple[tuple[str, str], ...]) -> Query:
    if {"get", "mirror"} <= flags:
        raise UsageError("ccdb: -get and -mirror exclude each other")
    if {"-run", "-objtime"} <= values.keys():
        raise UsageError("ccdb: -run and -objtime exclude each other")
    parts = [part for part in text.replace(".*", "").replace("*", "").split("/") if part]
    times = [part for part in parts if _is_time(part)]
    if len(times) > 1:
        raise UsageError(f"ccdb: {text} has more than one time")
    time = times[0] if times else values.get("-objtime", "")
    if time and not _is_time(time):
        raise UsageError(f"ccdb: -objtime needs {_DIGITS_OF_TIME} digits (POSIX milliseconds), not {time!r}")
    run, limit, host = values.get("-run", ""), values.get("-limit", "10"), values.get("-host", "")
    if run and not _is_number(run):
        raise UsageError(f"ccdb: -run needs a run's number, not {run!r}")
    if not _is_number(limit) or not int(limit):
        raise UsageError(f"ccdb: -limit needs a number of at least 1, not {limit!r}")
    return Query(
        path="/".join(part for part in parts if "=" not in part and not _is_time(part)),
        time=time,
        run="" if time else run,
        constraints=tuple(part for part in parts if "=" in part),
        host=base_of(host) if host else "",
        limit=int(limit),
        headers=headers,
        history="history" in flags,
        report="report" in flags,
        unixtime="unixtime" in flags,
        http="http" in flags,
        fetch="get" if "get" in flags else "mirror" if "mirror" in flags else "",
        directory=values.get("-dst", ""),
    )


def base_of(host: str) -> str:
    """The URL of a host, with its scheme and a slash at the end. Raises UsageError for another scheme than HTTP's."""
    url = host if "://" in host else f"http://{host}"
    if not url.startswith(("http://", "https://")) or not url.partition("://")[2].strip("/"):
        raise UsageError(f"ccdb: {host!r} is no host; it is NAME[:PORT], http://... or https://...")
    return url.rstrip("/") + "/"


def url_of(query: Query, base: str, time: str) -> str:
    """Where the answer to the query is; `time` is digits or empty."""
    words = [query.path, time, *query.constraints]
    place = "/".join(quote(word, safe="/=:,;@+~!$&()'-._") for word in words if word)
    door = "browse" if query.history or query.report else "latest"
    return f"{base}{door}/{place}" + ("?report=true" if query.report else "")


def folders_of(document: object) -> list[Folder]:
    """The folders of an answer."""
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
    """The objects of an answer; replicas that are told without a host are at `base`. Raises WebError."""
    return [_object(one, base) for one in _list_member(document, "objects")]


def target_of(item: CalibrationObject, fetch: Fetch) -> str:
    """The name of an object's file below the directory that files are brought to."""
    if fetch == "mirror":
        return f"{item.path}/{item.valid_from}/{item.etag}"
    stem, extension = posixpath.splitext(item.name)
    return f"{item.path}/{stem}_{item.etag}{extension}"


def properties_of(item: CalibrationObject) -> str:
    """The text that a server of CCDB objects keeps beside a file: a line `KEY=VALUE` for each field."""
    kept = {_PROPERTY_NAMES.get(key, key): value for key, value in item.fields.items() if key not in _NOT_PROPERTIES}
    return "".join(f"{key}={_one_line(value)}\n" for key, value in kept.items())


def _object(document: object, base: str) -> CalibrationObject:
    if not isinstance(document, dict) or "path" not in document:
        raise WebError("The CCDB's answer has an object without a path; it cannot be understood")
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
        raise WebError(f"The CCDB's answer cannot be understood: it has no list of {name}")
    return members


def _integer(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


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
