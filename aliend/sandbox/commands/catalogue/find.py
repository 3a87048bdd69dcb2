"""The command find: entries below a directory by a pattern of their path (wire specification, section 3.2)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service import contents, xml_collection
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.service.xml_collection import CollectionSource
from aliend.sandbox.state import paths
from aliend.sandbox.state.entries import AFTER_PREFIX, Entry

_MAX_RESULTS = 1_000_000
_BATCH_SIZE = 2_000
"""The number of entries that are processed before other connections run."""

_VERSIONED_NAME = re.compile(r"Run(?P<first_run>\d+)_(?P<last_run>\d+)_v(?P<version>\d+)_s(?P<subversion>\d+)\.root")
_VERSION_CONDITION = re.compile(
    r"(?:CDB:)?(first_run|last_run|version|subversion)\s*(<=|>=|=|<|>)\s*(\d+)", re.IGNORECASE
)


async def find(call: Call) -> None:
    """Search below a directory; matching is by substring, `*` is any text and `_` any character."""
    call.options.integer("j")
    limit, offset = _limits(call)
    base, pattern = _operands(call)
    start = call.find(base)
    if start is None or not start.is_directory:
        raise CommandFailedError(20, base)
    target = call.options.value("x")
    _check_versions(call)
    if _has_bad_expression(call, pattern):
        _count(call, [])
        return
    if target in (None, "-"):
        entries = (await _cached_search(call, start.path, pattern))[offset : offset + limit]
    else:
        entries = (await _sorted(call, start.path, pattern))[:limit]
    site = call.options.value("S")
    if site is not None:
        entries = _by_distance(call, entries, site)
    if target in (None, "-"):
        await _show(call, entries)
        return
    # an existing or unwritable target gives no error
    path = call.resolve(str(target))
    contents.store(call, path, xml_collection.write(entries, _origin(call, paths.name(path))).encode())


async def _cached_search(call: Call, start: str, pattern: str) -> list[Entry]:
    key = (
        start,
        pattern,
        *call.operands[2:],
        *sorted((name, tuple(values)) for name, values in call.options.values.items()),
    )
    entries = call.service.find_cache.get(key)
    if entries is None:
        entries = await _sorted(call, start, pattern)
        call.service.find_cache.put(key, entries)
    return entries


async def _sorted(call: Call, start: str, pattern: str) -> list[Entry]:
    def key(entry: Entry) -> str:
        return paths.collation_key(entry.path)

    entries = await _search(call, start, pattern)
    if call.options.has("y"):
        entries = _newest_versions(entries, " ".join(call.operands[2:]))
    if call.options.has("s"):
        return entries
    if len(entries) > _BATCH_SIZE:
        await asyncio.to_thread(entries.sort, key=key)
    else:
        entries.sort(key=key)
    return entries


def _origin(call: Call, name: str = "tempCollection") -> CollectionSource:
    words = [*(f"-{option}" for option in call.options.values if option != "x"), "-x", "-", *call.operands]
    return CollectionSource(f"find {' '.join(words)}", call.principal.name, call.now, name)


def _operands(call: Call) -> tuple[str, str]:
    if len(call.operands) >= 2:
        return call.operands[0], call.operands[1]
    if not call.operands:
        raise BadArgumentsError
    word = call.operands[0]
    star = word.find("*")
    slash = word.rfind("/", 0, star) if star > 0 else -1
    if slash <= 0:
        call.out.fail(
            22,
            f"I can't infer the search pattern from `{word}`, please pass the base directory and the search pattern "
            "separately",
        )
        call.out.text(call.usage)
        raise BadArgumentsError
    return word[:slash], word[slash + 1 :]


def _check_versions(call: Call) -> None:
    """Demand the name of a tag in the query of `-y`; without one the service fails. Raises CommandFailedError."""
    query = " ".join(call.operands[2:])
    if call.options.has("y") and ":" not in query:
        raise CommandFailedError(121, f"begin 0, end -1, length {len(query)}")


def _has_bad_expression(call: Call, pattern: str) -> bool:
    """Return whether a regular expression is invalid, which the service's database refuses without an error."""
    if not call.options.has("r"):
        return False
    try:
        for text in (pattern, *call.options.values.get("e", [])):
            re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return True
    return False


def _limits(call: Call) -> tuple[int, int]:
    limit, offset = call.options.integer("l"), call.options.integer("o")
    if call.options.value("x") not in (None, "-"):
        offset = None
    if limit is not None and limit <= 0:
        call.out.warn(f"Limit value has to be strictly positive, ignoring indicated value ({limit})\n")
        limit = None
    if offset is not None and offset < 0:
        call.out.warn(f"Offset value cannot be negative, ignoring indicated value ({offset})\n")
        offset = None
    return (_MAX_RESULTS if limit is None else limit), offset or 0


async def _search(call: Call, start: str, pattern: str) -> list[Entry]:
    fixed = re.split("[_%]", start, maxsplit=1)[0]
    conditions, values = ["path >= ?", "path < ?", "replicated = 0"], [fixed, fixed + AFTER_PREFIX]
    expression = call.options.has("r")
    # a star is a wildcard in the pattern, but not in what is excluded
    text = pattern if expression else pattern.replace("*", "%")
    for word, sign in ((text, ""), *((excluded, "NOT ") for excluded in call.options.values.get("e", []))):
        condition, texts = _condition(start, word, expression=expression)
        conditions.append(f"{sign}({condition})")
        values += texts
    if not call.options.has("d"):
        conditions.append("type != 'd'")
    job = call.options.integer("j")
    if job is not None and job > 0:
        conditions.append("jobid = ?")
        values.append(str(job))
    found: list[Entry] = []
    for entry in call.catalogue.names.select(" AND ".join(conditions), values):
        found.append(entry)
        if len(found) % _BATCH_SIZE == 0:
            await asyncio.sleep(0)
    return found


def _condition(start: str, pattern: str, *, expression: bool) -> tuple[str, list[str]]:
    if expression:
        return "path REGEXP ?", [re.escape(start) + pattern]
    likes = _likes(start, pattern)
    return " OR ".join(["path LIKE ?"] * len(likes)), likes


def _likes(start: str, text: str) -> list[str]:
    before = "" if text.startswith("%") else "%"
    after = "" if text.endswith("%") else "%"
    likes = [f"{start}{before}{text}{after}"]
    if text.startswith("/"):
        likes.append(f"{start}{text[1:]}{after}")
    return likes


def _by_distance(call: Call, entries: list[Entry], site: str) -> list[Entry]:
    distances = call.catalogue.replicas.distances(site)
    ranked = []
    for entry in entries:
        elements = [replica.se for replica in call.catalogue.replicas.replicas_of(entry.guid or "")]
        known = [distances.get(se.number, 1.0) for se in elements if se is not None]
        if known:
            ranked.append((min(known), entry))
    return [entry for _, entry in sorted(ranked, key=lambda pair: pair[0])]


async def _show(call: Call, entries: list[Entry]) -> None:
    out, last = call.out, len(entries) - 1
    document = call.options.has("x")
    for index, entry in enumerate(entries):
        if index % _BATCH_SIZE == _BATCH_SIZE - 1:
            await asyncio.sleep(0)
        out.key("lfn", entry.path)
        if call.options.has("w", "f"):
            out.keys(**xml_collection.metadata(entry))
        if call.options.has("f"):
            out.keys(**xml_collection.more_metadata(entry))
        if not document:
            out.line(_line(call, entry))
        elif index == last:
            out.line(xml_collection.write(entries, _origin(call)))
        if index == last:
            _count(call, entries)
        out.finish_result()


def _count(call: Call, entries: list[Entry]) -> None:
    if call.options.has("c"):
        size = sum(entry.size for entry in entries)
        total = formats.human(size) if call.options.has("h") else str(size)
        call.out.line(f"Found {len(entries)} maching entries{f', of {total}' if call.options.has('w') else ''}")


def _line(call: Call, entry: Entry) -> str:
    if not call.options.has("w"):
        return entry.path
    size = formats.human(entry.size) if call.options.has("h") else str(entry.size)
    mode = formats.permissions(entry.kind, entry.perm)
    return f"{mode}   {entry.owner:>8} {entry.group:>8} {size:>12} {formats.short_date(entry.ctime)}     {entry.path}"


def _newest_versions(entries: Iterable[Entry], query: str) -> list[Entry]:
    """Return the newest version in each directory that matches a query such as `CDB:first_run<=5 and CDB:last_run>=5`.

    Omit files whose names contain no version.
    """
    best: dict[str, tuple[tuple[int, int], Entry]] = {}
    for entry in entries:
        found = _VERSIONED_NAME.fullmatch(entry.name)
        if found is None or not _matches_versions({name: int(text) for name, text in found.groupdict().items()}, query):
            continue
        directory, version = paths.parent(entry.path), (int(found["version"]), int(found["subversion"]))
        if directory not in best or best[directory][0] < version:
            best[directory] = (version, entry)
    return [entry for _, entry in best.values()]


def _matches_versions(numbers: dict[str, int], query: str) -> bool:
    for name, sign, text in _VERSION_CONDITION.findall(query):
        value, limit = numbers[name.lower()], int(text)
        if value == limit:
            if "=" not in sign:
                return False
        elif (value < limit) != (sign[0] == "<") or sign == "=":
            return False
    return True


COMMANDS = {
    "find": Command(
        find,
        "[-l <count>] [-o <offset>] [-s] [-d] [-w[h]] [-f] [-c] [-j <id>] [-r] [-e <pattern>] [-S <site>]"
        " [-x <lfn> | -x -] <path> <pattern>",
        option_set("s d a w h f c r y z", "l o j S x", "e"),
    )
}
