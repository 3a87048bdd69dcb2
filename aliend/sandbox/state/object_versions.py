"""Versions of objects of a conditions database, which are told by the names of their files (`find -y`)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aliend.sandbox.state import paths
from aliend.sandbox.state.entries import Entry

_NAME = re.compile(r"Run(?P<first_run>\d+)_(?P<last_run>\d+)_v(?P<version>\d+)_s(?P<subversion>\d+)\.root")
_CONDITION = re.compile(r"(?:CDB:)?(first_run|last_run|version|subversion)\s*(<=|>=|=|<|>)\s*(\d+)", re.IGNORECASE)


def newest(entries: Iterable[Entry], query: str) -> list[Entry]:
    """The newest version in each directory, of those that fulfil a query as `CDB:first_run<=5 and CDB:last_run>=5`.

    Files whose names tell no version are left out.
    """
    best: dict[str, tuple[tuple[int, int], Entry]] = {}
    for entry in entries:
        found = _NAME.fullmatch(entry.name)
        if found is None or not _fulfils({name: int(text) for name, text in found.groupdict().items()}, query):
            continue
        directory, version = paths.parent(entry.path), (int(found["version"]), int(found["subversion"]))
        if directory not in best or best[directory][0] < version:
            best[directory] = (version, entry)
    return [entry for _, entry in best.values()]


def _fulfils(numbers: dict[str, int], query: str) -> bool:
    for name, sign, text in _CONDITION.findall(query):
        value, limit = numbers[name.lower()], int(text)
        if value == limit:
            if "=" not in sign:
                return False
        elif (value < limit) != (sign[0] == "<") or sign == "=":
            return False
    return True
