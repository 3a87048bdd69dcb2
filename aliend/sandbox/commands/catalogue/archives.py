"""Commands for archive members and expiry times: archiveList, lfnexpiretime."""

from __future__ import annotations

import uuid
from calendar import monthrange
from datetime import UTC, datetime, timedelta

from aliend.sandbox.errors import CommandCrashError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state import guids
from aliend.sandbox.state.entries import Entry
from aliend.sandbox.state.replicas import Guid

_NO_STORAGE = 99
"""The number of the pseudo storage element `no_se` of archive members."""
_SMALLEST_TABLE = 16
_FIRST_YEAR, _LAST_YEAR, _MOST_DAYS = 1000, 9000, 365 * 500


def archive_list(call: Call) -> None:
    """List the members of archives; the values end with a newline, as those of the service do."""
    found: dict[str | None, Entry | Guid | None] = {}
    for operand in call.operands:
        entry = call.find(operand)
        record = call.catalogue.replicas.guid(operand) if entry is None and guids.is_guid(operand) else None
        if entry is None and record is None:
            call.out.fail(2, f"{operand} does not exist in the catalogue")
        else:
            found[entry.guid if entry else operand.lower()] = entry or record
    for guid, each in found.items():
        assert each is not None
        name = each.path if isinstance(each, Entry) else each.guid
        call.out.line(f"Content of: {name} ({each.size} bytes = {formats.human(each.size)})")
        archive = call.catalogue.replicas.guid(guid) if guid else None
        members = call.catalogue.replicas.members(archive.guid) if archive else []
        if archive is None or not members:
            call.out.line("  there are no files pointing to this entry, looks like this is not a ZIP archive")
            continue
        for member in _in_java_order(members):
            _show(call, archive, name, member)


def _in_java_order(members: list[Guid]) -> list[Guid]:
    """Sort members in the order of a Java hash table of this size."""
    size = _SMALLEST_TABLE
    while size * 3 // 4 < len(members):
        size *= 2
    return sorted(members, key=lambda member: _bucket(member.guid, size))


def _bucket(guid: str, size: int) -> int:
    value = uuid.UUID(guid).int
    folded = value >> 64 ^ value & (1 << 64) - 1
    code = (folded >> 32 ^ folded) & 0xFFFFFFFF
    return (code ^ code >> 16) & size - 1


def _show(call: Call, archive: Guid, name: str, member: Guid) -> None:
    entry = call.catalogue.names.with_guid(member.guid)
    title = entry.name if entry else member.guid
    share = formats.number(100 * member.size / archive.size) if archive.size else "0"
    call.out.line(
        f"  {title}\t , guid {member.guid} ({member.size} bytes = {formats.human(member.size)}"
        f" = {share}% of the archive)"
    )
    call.out.keys(archive_guid=f"{archive.guid}\n", archive_name=f"{name}\n", member_guid=_dump(call, member))
    call.out.key("member_size", f"{member.size}\n")
    call.out.finish_result()


def _dump(call: Call, record: Guid) -> str:
    listed = [_NO_STORAGE, *([0] if call.catalogue.replicas.was_visited(record.guid) else [])]
    facts = (
        ("guidID\t\t", f"{call.catalogue.replicas.number_of(record.guid)} (exists: true)"),
        ("ctime\t\t", formats.timestamp(record.ctime)),
        ("owner\t\t", f"{record.owner}:{record.group}"),
        ("SE lists\t", f"{listed} , []"),
        ("aclId\t\t", "-1"),
        ("expireTime\t", "null"),
        ("size\t\t", str(record.size)),
        ("guid\t\t", record.guid),
        ("type\t\t", "0 (0)"),
        ("md5\t\t", str(record.md5).replace("None", "null")),
        ("permissions\t", record.perm),
        ("job ID\t", str(record.job or "unknown")),
    )
    return "".join(f"{label}: {value}\n" for label, value in facts)


def expire(call: Call) -> None:
    """Set, extend or remove the expiry time of files; a missing write permission gives no error."""
    removing, extending = call.options.has("r"), call.options.has("e")
    spans = {name: call.options.integer(name, 32) or 0 for name in ("d", "w", "m", "y")}
    paths = []
    for operand in call.operands:
        if not call.expand(operand):
            raise CommandCrashError("java.lang.IndexOutOfBoundsException: Index 0 out of bounds for length 0")
        paths.append(call.resolve(operand))
    days = spans["d"] + 7 * spans["w"] + 31 * spans["m"] + 365 * spans["y"]
    call.out.line(_wording(spans, days, removing=removing, extending=extending))
    if extending and not removing and not days:
        return
    for path in paths:
        entry = call.catalogue.names.get(path)
        for each in _with_siblings(call, entry) if entry else []:
            if call.may_write(each):
                start = each.expires if extending and each.expires else call.now
                call.catalogue.names.update(each, expires=None if removing else _later(start, spans))


def _with_siblings(call: Call, entry: Entry) -> list[Entry]:
    """Return the entry and the members of the same archive, which expire together."""
    replicas = call.catalogue.replicas
    archive = next((found.archive[0] for found in replicas.replicas_of(entry.guid or "") if found.archive), entry.guid)
    by_path = {entry.path: entry}
    for record in replicas.members(archive) if archive else []:
        member = call.catalogue.names.with_guid(record.guid)
        if member is not None:
            by_path[member.path] = member
    return list(by_path.values())


def _later(start: int, spans: dict[str, int]) -> int:
    moment = datetime.fromtimestamp(start // 1000, UTC)
    months = moment.month - 1 + spans["m"]
    year = max(_FIRST_YEAR, min(moment.year + spans["y"] + months // 12, _LAST_YEAR))
    month = months % 12 + 1
    day = min(moment.day, monthrange(year, month)[1])
    days = max(-_MOST_DAYS, min(spans["d"] + 7 * spans["w"], _MOST_DAYS))
    return int((moment.replace(year=year, month=month, day=day) + timedelta(days=days)).timestamp()) * 1000


def _wording(spans: dict[str, int], days: int, *, removing: bool, extending: bool) -> str:
    if removing:
        return "Removing expiration time"
    if extending:
        # the service prints its flag, not the time
        return "Extending the expiration time with true" if days else "No amount of time specified for extension"
    if days <= 0:
        return "Marking the targets as expired"
    units = {"y": "year", "m": "month", "w": "weeks", "d": "day"}
    parts = [f"{spans[name]} {unit}{'s' if spans[name] > 1 else ''}" for name, unit in units.items() if spans[name] > 0]
    return f"Setting the expiration time to {', '.join(parts) or 'no time'} from now"


COMMANDS = {
    "archiveList": Command(archive_list, "<lfn|guid> ...", option_set("v")),
    "lfnexpiretime": Command(
        expire,
        "[-a|-e|-r] [-d <days>] [-w <weeks>] [-m <months>] [-y <years>] <file> ...",
        option_set("a e r", "d w m y"),
    ),
}
