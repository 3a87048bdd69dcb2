"""Commands that describe entries: stat, type, md5sum, lfn2guid, guid2lfn, guidinfo, uuid."""

from __future__ import annotations

import re

from aliend.sandbox.errors import BadArgumentsError, CommandCrashError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import NO_OPTIONS, Call, Command
from aliend.sandbox.state import guids
from aliend.sandbox.state.entries import Entry
from aliend.sandbox.state.replicas import Guid

_KINDS = {"f": "file", "d": "directory", "c": "collection"}


def stat(call: Call) -> None:
    """Print all facts about LFNs and GUIDs."""
    for operand in call.operands:
        entry = call.find(operand)
        if entry is None and guids.is_guid(operand):
            _stat_guid(call, operand)
            continue
        if entry is None:
            call.out.fail(2, operand)
            continue
        _stat_entry(call, entry)
        call.out.finish_result()


def _stat_entry(call: Call, entry: Entry) -> None:
    out, detailed = call.out, call.options.has("v")
    out.line(f"File: {entry.path}\nType: {entry.kind}\nOwner: {entry.owner}:{entry.group}\nPermissions: {entry.perm}")
    out.line(f"Last change: {formats.timestamp(entry.ctime)} ({entry.ctime})")
    if entry.expires is not None:
        rest = (entry.expires - call.now) / 1000
        when = f"which is in {formats.interval(rest)}" if rest > 0 else "EXPIRED"
        out.line(f"Expires: {formats.timestamp(entry.expires)} ({entry.expires}) {when}")
        out.key("expiretime", str(entry.expires // 1000))
    if detailed:
        out.keys(hostIndex="2", tableName="0")
        out.line("LFN shard: 2 / 0")
    out.keys(lfn=entry.path, type=entry.kind, owner=entry.owner, gowner=entry.group, perm=entry.perm)
    out.key("ctime", str(entry.ctime))
    if entry.job is not None:
        out.key("jobid", str(entry.job))
        out.line(f"Job ID: {entry.job}")
    if not entry.is_directory:
        _stat_file(call, entry, detailed=detailed)


def _stat_file(call: Call, entry: Entry, *, detailed: bool) -> None:
    out = call.out
    out.line(f"Size: {entry.size} ({formats.human(entry.size)})\nMD5: {entry.md5}")
    out.keys(size=str(entry.size), md5=entry.md5)
    if entry.guid is None:
        return
    out.keys(guid=entry.guid, mtime=str(guids.creation_time(entry.guid)))
    record = call.catalogue.replicas.guid(entry.guid) if detailed else None
    if record is None:
        out.line(f"GUID: {entry.guid}\n\tGUID created on {guids.creation_text(entry.guid)}")
        return
    out.line("GUID detailed information:")
    _describe(call, record, "    ", detailed=True)


def _stat_guid(call: Call, operand: str) -> None:
    record = call.catalogue.replicas.guid(operand)
    if record is None:
        call.out.warn(f"This GUID does not exist in the catalogue: {operand}\n")
        return
    _describe(call, record, "", detailed=call.options.has("v"))
    call.out.finish_result()


def _describe(call: Call, record: Guid, indent: str, *, detailed: bool) -> None:
    out = call.out
    lines = [
        f"GUID: {record.guid}",
        f"Owner: {record.owner}:{record.group}",
        f"Permissions: {record.perm}",
        f"Size: {record.size} ({formats.human(record.size)})",
        *([f"Job ID: {record.job}"] if record.job else []),
        *(["GUID shard: 1 / 0"] if detailed else []),
        *([f"MD5: {record.md5}"] if record.md5 else []),
        f"Created: {guids.creation_text(record.guid)}",
        f"Last change: {formats.timestamp(record.ctime)} ({record.ctime})",
    ]
    for line in lines:
        out.line(indent + line)
    out.keys(guid=record.guid, owner=record.owner, gowner=record.group, perm=record.perm, size=str(record.size))
    if record.md5:
        out.key("md5", record.md5)
    out.keys(mtime=str(guids.creation_time(record.guid)), ctime=str(record.ctime))
    if record.job:
        out.key("jobid", str(record.job))
    if detailed:
        out.keys(host="1", tableName="0")
    _list_replicas(call, record, indent)


def _list_replicas(call: Call, record: Guid, indent: str) -> None:
    replicas = call.catalogue.replicas.replicas_of(record.guid)
    if not replicas:
        call.out.line(f"{indent}No physical replicas")
        return
    call.out.line(f"{indent}Replicas:")
    found = {}
    for replica in replicas:
        found["ZIP" if replica.archive else replica.se.key if replica.se else "Unknown"] = replica.pfn
        call.out.line(f"\t {replica.title:<30} pfn => {replica.pfn}\n")
    call.out.key("replicas", found)


def kind(call: Call) -> None:
    """Print the type of an LFN."""
    call.silence_on("s")
    if len(call.operands) != 1:
        raise BadArgumentsError
    entry = call.entry(call.operands[0])
    word = _KINDS.get(entry.kind, "unknown")
    call.out.keys(lfn=entry.path, type=word)
    call.out.line(word)


def md5sum(call: Call) -> None:
    """Print the md5 of LFNs and GUIDs in the catalogue; no keys."""
    for operand in call.operands:
        entry = call.find(operand)
        record = call.catalogue.replicas.guid(operand) if entry is None and guids.is_guid(operand) else None
        found = entry or record
        if found is None:
            call.out.fail(2, operand)
        elif found.md5:
            call.out.line(f"{found.md5}\t{operand}")
        elif entry is None:
            call.out.fail(61, f"GUID {operand} doesn't have an associated MD5 checksum")
        elif entry.kind != "f":
            call.out.fail(22, f"This entry is not a file: {operand}")
        else:
            call.out.fail(61, f"This file doesn't have a valid associated MD5 checksum: {operand}")


def lfn2guid(call: Call) -> None:
    """Print the GUID of an LFN."""
    if len(call.operands) != 1:
        raise CommandCrashError("java.lang.NullPointerException")
    entry = call.entry(call.operands[0])
    call.out.keys(lfn=entry.path, type=entry.kind)
    if entry.is_directory:
        raise CommandFailedError(21, entry.path)
    if entry.guid is None:
        raise CommandFailedError(61, f"Could not get the GUID for [{entry.path}].")
    call.out.line(f"{entry.path:<80}{entry.guid}")
    call.out.key("guid", entry.guid)


def guid2lfn(call: Call) -> None:
    """Print the LFN of each GUID in the operands."""
    asked: dict[str, bool] = {}
    for operand in call.operands:
        guids_in_operand = [part for part in re.split(r"[\s;#/\\?]+", operand) if guids.is_guid(part)]
        if not guids_in_operand:
            raise CommandFailedError(22, f"No GUID in this string: {operand}")
        asked |= {guid.lower(): call.catalogue.replicas.guid(guid) is not None for guid in guids_in_operand}
    # the service answers for those that exist first
    for guid in sorted(asked, key=lambda guid: not asked[guid]):
        _lfn_of(call, guid)
        call.out.finish_result()


def _lfn_of(call: Call, guid: str) -> None:
    out = call.out
    out.key("guid", guid)
    if call.catalogue.replicas.guid(guid) is None:
        out.key("error", "No GUID")
        out.fail(2, f"GUID cannot be found in the database: {guid}")
        return
    entry = call.catalogue.names.with_guid(guid.lower())
    if entry is None:
        out.key("error", "No LFN")
        out.fail(2, f"No LFNs are associated to this GUID [{guid}].")
        return
    out.line(f"{guid:<40}{entry.path}")
    out.key("lfn", entry.path)


def guidinfo(call: Call) -> None:
    """Print the creation time and machine that a GUID contains."""
    for operand in call.operands:
        call.out.key("guid", operand)
        call.out.line(operand)
        parsed = guids.parse(operand)
        if parsed is None:
            call.out.key("error", "Invalid UUID")
            call.out.warn("  Invalid UUID\n")
        elif guids.version(parsed) != 1:
            raise CommandCrashError("java.lang.UnsupportedOperationException: Not a time-based UUID")
        else:
            guid = str(parsed)
            call.out.line(f"  Created: {guids.creation_text(guid)}")
            call.out.keys(mtime=str(guids.creation_time(guid)), mac=guids.hardware_address(guid))
        call.out.finish_result()


def uuid_facts(call: Call) -> None:
    """Print creation time and machine of GUIDs or of LFNs' GUIDs; all in one result, whose keys the last one sets."""
    for operand in call.operands:
        entry = call.find(operand)
        parsed = guids.parse(operand if entry is None else entry.guid or "")
        if parsed is None:
            call.out.fail(2, f"{operand} is neither an UUID nor a LFN")
            continue
        if guids.version(parsed) != 1:
            call.out.fail(22, f"UUID version {guids.version(parsed)} is not supported (not created by us)")
            continue
        guid = str(parsed)
        call.out.line(f"{operand} : created on {guids.creation_text(guid)}")
        call.out.keys(mtime=str(guids.creation_time(guid)), mac=guids.hardware_address(guid))


COMMANDS = {
    "stat": Command(stat, "[-v] <filename1> [<or uuid>] ...", option_set("v")),
    "type": Command(kind, "<lfn>", option_set("z s"), hides_option_errors=True),
    "md5sum": Command(md5sum, "<filename1> [<or guid>] ...", NO_OPTIONS),
    "lfn2guid": Command(lfn2guid, "<filename>"),
    "guid2lfn": Command(guid2lfn, "<GUID>"),
    "uuid": Command(uuid_facts, "<uuid|lfn> ...", NO_OPTIONS),
    "guidinfo": Command(guidinfo, "<uuid> ...", option_set("v")),
}
