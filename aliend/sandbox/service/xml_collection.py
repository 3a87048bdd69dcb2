"""Writes and reads XML collections of catalogue entries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape, unescape

from aliend.sandbox.protocol import formats
from aliend.sandbox.state import guids
from aliend.sandbox.state.entries import Entry

_FILE = re.compile(r"<file\s+(.*?)/?>", re.DOTALL)
_MOST_LINES_BEFORE = 10
"""The number of lines in which the text of a collection must begin."""
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_ORDER = (
    *("name", "aclId", "broken", "ctime", "dir", "entryId", "expiretime", "gowner", "guid", "guidtime", "jobid"),
    *("lfn", "md5", "owner", "perm", "replicated", "size", "turl", "type"),
)


@dataclass(frozen=True, slots=True)
class CollectionSource:
    """The origin of a collection: command line, user and time (POSIX milliseconds)."""

    command: str
    creator: str
    now: int
    name: str = "tempCollection"


def metadata(entry: Entry) -> dict[str, str]:
    """Return the fields of an entry in the long forms of `find`."""
    return {
        "perm": entry.perm,
        "owner": entry.owner,
        "gowner": entry.group,
        "size": str(entry.size),
        "ctime": str(entry.ctime),
        "guid": entry.guid or "",
    }


def more_metadata(entry: Entry) -> dict[str, str]:
    """Return the additional fields of `find -f`."""
    return {
        "name": entry.name,
        "aclId": "",
        "broken": str(entry.broken),
        "dir": str(entry.parent),
        "entryId": str(entry.id),
        "expiretime": "" if entry.expires is None else str(entry.expires),
        "guidtime": guids.index_time(entry.guid) if entry.guid else "",
        "md5": entry.md5 or "",
        "jobid": "-1" if entry.job is None else str(entry.job),
        "replicated": str(entry.replicated),
        "type": entry.kind,
    }


def write(entries: Iterable[Entry], origin: CollectionSource) -> str:
    """Return the XML text of a collection, without a final newline."""
    return wrap([_element(entry) for entry in entries], origin)


def wrap(elements: Iterable[str], origin: CollectionSource) -> str:
    """Return the XML text around the elements of files."""
    lines = ['<?xml version="1.0"?>', "<alien>", f'  <collection name="{escape(origin.name)}">']
    for number, element in enumerate(elements, 1):
        lines += [f'    <event name="{number}">', f"      {element}", "    </event>"]
    lines += [
        f'    <info command="{escape(origin.command)}" creator="{origin.creator}"'
        f' date="{formats.long_date(origin.now)}" timestamp="{origin.now}" />',
        "  </collection>",
        "</alien>",
    ]
    return "\n".join(lines)


def elements(text: str) -> list[str]:
    """Return the `file` elements in the XML text of a collection, unchanged."""
    return [found[0] for found in _FILE.finditer(text)]


def read(text: str) -> list[dict[str, str]] | None:
    """Return the attributes of each file of a collection; None if a long text does not begin as a collection.

    A short text that is no collection has no files, as for the service.
    """
    lines = [line.strip() for line in text.splitlines()]
    if len(lines) > _MOST_LINES_BEFORE and not any(line.startswith("<alien>") for line in lines[:_MOST_LINES_BEFORE]):
        return None
    return [{name: unescape(value) for name, value in _ATTRIBUTE.findall(found[1])} for found in _FILE.finditer(text)]


def _element(entry: Entry) -> str:
    facts = {**metadata(entry), **more_metadata(entry), "lfn": entry.path, "turl": f"alien://{entry.path}"}
    facts |= {"guidtime": "", "jobid": "" if entry.job is None else str(entry.job)}
    for name, moment in (("ctime", entry.ctime), ("expiretime", entry.expires)):
        facts[name] = "" if moment is None else formats.timestamp(moment)[:19]
    attributes = " ".join(f'{name}="{escape(facts[name])}"' for name in _ORDER)
    return f"<file {attributes} />"
