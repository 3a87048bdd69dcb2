"""The command whereis: the replicas of a file."""

from __future__ import annotations

from dataclasses import dataclass

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state import guids, paths
from aliend.sandbox.state.replicas import Replica


@dataclass(frozen=True, slots=True)
class _ReplicaLocation:
    number: int
    name: str
    pfn: str


def whereis(call: Call) -> None:
    """List the replicas of a file or GUID; with `-r` resolve those inside an archive."""
    if not call.operands:
        raise BadArgumentsError
    operand = call.operands[0]
    guid, title = _guid_of(call, operand)
    replicas = _replicas(call, guid)
    if not replicas:
        raise CommandFailedError(67, f"GUID {guid} has no replicas, this is a lost file")
    archive = replicas[0].archive
    if archive is not None:
        call.catalogue.replicas.mark_visited(guid)
    if archive is not None and call.options.has("r"):
        places = _inside(call, archive)
        call.out.line(f"{title} is inside a ZIP archive\n{_archive_line(call, archive[0])}")
    else:
        places = [_location(replica) for replica in replicas]
        call.out.line(f"{title} is in\n")
    for place in places:
        _show(call, place)


def _replicas(call: Call, guid: str) -> list[Replica]:
    replicas = call.service.replica_cache.get(guid)
    if replicas is None:
        replicas = call.catalogue.replicas.replicas_of(guid)
        call.service.replica_cache.put(guid, replicas)
    return replicas


def _guid_of(call: Call, operand: str) -> tuple[str, str]:
    if call.options.has("g") and not guids.is_guid(operand):
        raise CommandFailedError(22, f"This is not a valid GUID: {operand}")
    entry = None if call.options.has("g") else call.find(operand)
    if guids.is_guid(operand) and (entry is None or entry.guid is None):
        if call.catalogue.replicas.guid(operand) is None:
            raise CommandFailedError(2, f"GUID {operand} does not exist in the catalogue")
        return operand.lower(), f"the GUID {operand}"
    if entry is not None and entry.kind != "f":
        raise CommandFailedError(22, f"The path you indicated is not a file: {operand}")
    if entry is None or entry.guid is None:
        raise CommandFailedError(2, operand)
    return entry.guid, f"the file {paths.name(entry.path)}"


def _inside(call: Call, archive: tuple[str, str]) -> list[_ReplicaLocation]:
    guid, member = archive
    if call.catalogue.replicas.guid(guid) is None:
        raise CommandFailedError(2, f"Archive with GUID {guid} doesn't exist")
    locations = [_location(replica) for replica in _replicas(call, guid)]
    if not locations:
        raise CommandFailedError(77, f"Archive with GUID {guid} doesn't have any replicas, this file cannot be used")
    return [_ReplicaLocation(place.number, place.name, f"{place.pfn}?ZIP={member}") for place in locations]


def _archive_line(call: Call, guid: str) -> str:
    if not call.options.has("l"):
        return "    pass `-l` to whereis to try to resolve the archive LFN (slow, expensive operation!)\n"
    entry = call.catalogue.names.with_guid(guid)
    if entry is None:
        call.out.warn(f"Could not resolve the LFN for the archive guid {guid}\n")
    return f"    archive LFN: {entry.path}\n" if entry else ""


def _location(replica: Replica) -> _ReplicaLocation:
    if replica.archive:
        return _ReplicaLocation(0, "ArchiveMember", replica.pfn)
    if replica.se is None:
        return _ReplicaLocation(0, "Unknown", replica.pfn)
    return _ReplicaLocation(replica.se.number, replica.se.key, replica.pfn)


def _show(call: Call, place: _ReplicaLocation) -> None:
    name = "ZIP archive member" if place.name == "ArchiveMember" else f"SE => {place.name}"
    call.out.line(f"\t {name:<30} pfn => {place.pfn}")
    if place.number > 0:
        call.out.key("seNumber", str(place.number))
    call.out.keys(seName=place.name, pfn=place.pfn)
    call.out.finish_result()


COMMANDS = {"whereis": Command(whereis, "[-options] [<filename>]", option_set("g r l"))}
