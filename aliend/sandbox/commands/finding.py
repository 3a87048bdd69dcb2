"""The command find: entries below a directory by a pattern of their path (wire specification, section 3.2)."""

from __future__ import annotations

import asyncio
import re
from html import escape

from aliend.sandbox import guids, paths, texts
from aliend.sandbox.call import Call, Command
from aliend.sandbox.entries import BEYOND, Entry
from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.options import option_set

_MOST = 1_000_000
_AT_A_TIME = 2_000
"""So many entries are worked on before other connections get their turn."""


async def find(call: Call) -> None:
    """Search below a directory; matching is by substring, `*` is any text and `_` any character."""
    if call.given.has("x") and call.given.value("x") != "-":
        raise CommandFailedError(38, "not part of this sandbox yet")
    base, pattern = _words(call)
    limit, offset = _limits(call)
    start = call.find(base)
    if start is None or not start.is_directory:
        raise CommandFailedError(20, base)
    entries = (await _remembered(call, start.path, pattern))[offset : offset + limit]
    site = call.given.value("S")
    if site is not None:
        entries = _by_distance(call, entries, site)
    await _show(call, entries)


async def _remembered(call: Call, start: str, pattern: str) -> list[Entry]:
    asked = (start, pattern, *sorted((name, tuple(values)) for name, values in call.given.values.items()))
    known = call.service.searches.get(asked)
    if known is None:
        known = await _sorted(call, start, pattern)
        call.service.searches.put(asked, known)
    return known


async def _sorted(call: Call, start: str, pattern: str) -> list[Entry]:
    def key(entry: Entry) -> str:
        return paths.collation_key(entry.path)

    entries = await _search(call, start, pattern)
    if call.given.has("s"):
        return entries
    if len(entries) > _AT_A_TIME:
        await asyncio.to_thread(entries.sort, key=key)
    else:
        entries.sort(key=key)
    return entries


def _words(call: Call) -> tuple[str, str]:
    if len(call.operands) >= 2:
        return call.operands[0], call.operands[1]
    word = call.operands[0] if call.operands else ""
    star = word.find("*")
    slash = word.rfind("/", 0, star) if star >= 0 else -1
    if slash < 0:
        call.out.fail(
            22,
            f"I can't infer the search pattern from `{word}`, please pass the base directory and the search pattern "
            "separately",
        )
        raise BadArgumentsError
    return word[: slash + 1], word[slash + 1 :]


def _limits(call: Call) -> tuple[int, int]:
    limit, offset = call.given.integer("l"), call.given.integer("o")
    if limit is not None and limit <= 0:
        call.out.warn(f"Ignoring the invalid limit {limit}\n")
        limit = None
    if offset is not None and offset < 0:
        call.out.warn(f"Ignoring the invalid offset {offset}\n")
        offset = None
    return (_MOST if limit is None else limit), offset or 0


async def _search(call: Call, start: str, pattern: str) -> list[Entry]:
    fixed = re.split("[_%]", start, maxsplit=1)[0]
    conditions, values = ["path >= ?", "path < ?", "replicated = 0"], [fixed, fixed + BEYOND]
    if call.given.has("r"):
        conditions.append("path REGEXP ?")
        values.append(re.escape(start) + pattern)
    else:
        likes = _likes(start, pattern)
        conditions.append(f"({' OR '.join(['path LIKE ?'] * len(likes))})")
        values += likes
    for excluded in call.given.values.get("e", []):
        conditions.append("path NOT LIKE ?")
        values.append(start + excluded.replace("*", "%"))
    if not call.given.has("d"):
        conditions.append("type != 'd'")
    job = call.given.integer("j")
    if job is not None:
        conditions.append("jobid = ?")
        values.append(str(job))
    found: list[Entry] = []
    for entry in call.catalogue.names.select(" AND ".join(conditions), values):
        found.append(entry)
        if len(found) % _AT_A_TIME == 0:
            await asyncio.sleep(0)
    return found


def _likes(start: str, pattern: str) -> list[str]:
    text = pattern.replace("*", "%")
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
        elements = [replica.se for replica in call.catalogue.replicas.of(entry.guid or "")]
        known = [distances.get(se.number, 1.0) for se in elements if se is not None]
        if known:
            ranked.append((min(known), entry))
    return [entry for _, entry in sorted(ranked, key=lambda pair: pair[0])]


async def _show(call: Call, entries: list[Entry]) -> None:
    out, last = call.out, len(entries) - 1
    document = call.given.has("x")
    for index, entry in enumerate(entries):
        if index % _AT_A_TIME == _AT_A_TIME - 1:
            await asyncio.sleep(0)
        out.key("lfn", entry.path)
        if call.given.has("w", "f"):
            out.keys(**_metadata(entry))
        if call.given.has("f"):
            out.keys(**_more_metadata(entry))
        if not document:
            out.line(_line(call, entry))
        elif index == last:
            out.line(_collection(call, entries))
        if index == last and call.given.has("c"):
            out.line(f"Found {len(entries)} maching entries{_total(call, entries)}")
        out.next()


def _total(call: Call, entries: list[Entry]) -> str:
    return f", of {texts.human(sum(entry.size for entry in entries))}" if call.given.has("w") else ""


def _line(call: Call, entry: Entry) -> str:
    if not call.given.has("w"):
        return entry.path
    size = texts.human(entry.size) if call.given.has("h") else str(entry.size)
    mode = texts.permissions(entry.kind, entry.perm)
    return f"{mode}   {entry.owner:>8} {entry.group:>8} {size:>12} {texts.short_date(entry.ctime)}     {entry.path}"


def _metadata(entry: Entry) -> dict[str, str]:
    return {
        "perm": entry.perm,
        "owner": entry.owner,
        "gowner": entry.group,
        "size": str(entry.size),
        "ctime": str(entry.ctime),
        "guid": entry.guid or "",
    }


def _more_metadata(entry: Entry) -> dict[str, str]:
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


def _collection(call: Call, entries: list[Entry]) -> str:
    lines = ['<?xml version="1.0"?>', "<alien>", '  <collection name="tempCollection">']
    for number, entry in enumerate(entries, 1):
        lines += [f'    <event name="{number}">', f"      {_file_element(entry)}", "    </event>"]
    words = [*(f"-{name}" for name in call.given.values if name != "x"), "-x", "-", *call.operands]
    lines += [
        f'    <info command="find {escape(" ".join(words))}" creator="{call.principal.name}"'
        f' date="{texts.long_date(call.now)}" timestamp="{call.now}" />',
        "  </collection>",
        "</alien>",
    ]
    return "\n".join(lines)


def _file_element(entry: Entry) -> str:
    facts = {**_metadata(entry), **_more_metadata(entry), "lfn": entry.path, "turl": f"alien://{entry.path}"}
    facts |= {"guidtime": "", "jobid": "" if entry.job is None else str(entry.job)}
    for name, moment in (("ctime", entry.ctime), ("expiretime", entry.expires)):
        facts[name] = "" if moment is None else texts.timestamp(moment)[:19]
    order = (
        *("name", "aclId", "broken", "ctime", "dir", "entryId", "expiretime", "gowner", "guid", "guidtime", "jobid"),
        *("lfn", "md5", "owner", "perm", "replicated", "size", "turl", "type"),
    )
    attributes = " ".join(f'{name}="{escape(facts[name])}"' for name in order)
    return f"<file {attributes} />"


COMMANDS = {
    "find": Command(
        find,
        "[-l <count>] [-o <offset>] [-s] [-d] [-w[h]] [-f] [-c] [-j <id>] [-r] [-e <pattern>] [-S <site>] [-x -]"
        " <path> <pattern>",
        option_set("s d a w h f c r y z", "l o j S x", "e"),
    )
}
