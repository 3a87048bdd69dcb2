"""Commands for archive members and expiry times: archiveList, lfnexpiretime."""

from __future__ import annotations

import uuid
from calendar import monthrange
from datetime import UTC, datetime, timedelta

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state import guids
from aliend.sandbox.state.entries import Entry
from aliend.sandbox.state.replicas import Guid

_NO_STORAGE = 99
"""The number of the pseudo storage element `no_se` of archive members."""
_SMALLEST_TABLE = 16
_LAST_YEAR = 9000


def archive_list(call: Call) -> None:
    """List the members of archives; the values end with a newline, as those of the service do."""
    for operand in call.operands:
        archive, entry = _archive(call, operand)
        name = entry.path if entry else archive.guid
        members = call.catalogue.replicas.members(archive.guid)
        if not members:
            call.out.line(f"{operand} is not an archive with known members")
            continue
        call.out.line(f"Content of: {name} ({archive.size} bytes = {formats.human(archive.size)})")
        for member in _in_java_order(members):
            _show(call, archive, name, member)


def _archive(call: Call, operand: str) -> tuple[Guid, Entry | None]:
    entry = None if guids.is_guid(operand) else call.find(operand)
    guid = operand if guids.is_guid(operand) else entry.guid if entry else None
    record = call.catalogue.replicas.guid(guid) if guid else None
    if record is None:
        raise CommandFailedError(2, f"{operand} does not exist in the catalogue")
    return record, entry or call.catalogue.names.with_guid(record.guid)


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
    if not call.operands:
        raise BadArgumentsError
    removing, extending = call.options.has("r"), call.options.has("e")
    spans = {name: call.options.integer(name) or 0 for name in ("d", "w", "m", "y")}
    if not removing and not any(value > 0 for value in spans.values()):
        raise BadArgumentsError
    for operand in call.operands:
        entry = call.find(operand)
        if entry is None:
            call.out.fail(2, operand)
            continue
        for each in _with_siblings(call, entry):
            if call.may_write(each):
                start = each.expires if extending and each.expires else call.now
                call.catalogue.names.update(each, expires=None if removing else _later(start, spans))
    call.out.line(_wording(call.operands, spans, removing=removing, extending=extending))


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
    year = min(moment.year + spans["y"] + months // 12, _LAST_YEAR)
    month = months % 12 + 1
    day = min(moment.day, monthrange(year, month)[1])
    days = min(spans["d"] + 7 * spans["w"], 365 * 500)
    return int((moment.replace(year=year, month=month, day=day) + timedelta(days=days)).timestamp()) * 1000


def _wording(operands: list[str], spans: dict[str, int], *, removing: bool, extending: bool) -> str:
    files = ", ".join(operands)
    if removing:
        return f"Removing the expire time of {files}"
    units = {"d": "days", "w": "weeks", "m": "months", "y": "years"}
    span = ", ".join(f"{spans[name]} {unit}" for name, unit in units.items() if spans[name] > 0)
    return f"{'Extending' if extending else 'Setting'} the expire time of {files} by {span}"


COMMANDS = {
    "archiveList": Command(archive_list, "<lfn|guid> ...", option_set()),
    "lfnexpiretime": Command(
        expire,
        "[-a|-e|-r] [-d <days>] [-w <weeks>] [-m <months>] [-y <years>] <file> ...",
        option_set("a e r", "d w m y"),
    ),
}
