"""Selects and orders the replicas that a user may read (wire specification, section 3.1, `read`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aliend.sandbox.service.bookings import StorageSpec
from aliend.sandbox.service.call import Call
from aliend.sandbox.state.replicas import StorageElement


@dataclass(frozen=True, slots=True)
class Ticket:
    """One readable replica. For an archive member all fields but `member` describe the archive."""

    se: StorageElement
    pfn: str
    guid: str
    size: int
    md5: str | None
    member: str = ""


def tickets(call: Call, guid: str, spec: StorageSpec, *, strict: bool) -> list[Ticket]:
    """Return the readable replicas of a GUID, best first; with `strict` only those on the named storage elements."""
    readable = list(_readable(call, guid))
    distances = call.catalogue.replicas.distances(call.session.site)
    if distances and len(readable) > 1:
        readable = [ticket for ticket in readable if ticket.se.number in distances]
    readable.sort(key=lambda ticket: distances.get(ticket.se.number, 1.0) + ticket.se.demote_read)
    readable = [ticket for ticket in readable if ticket.se.key not in spec.excluded]
    if strict and spec.named:
        return [ticket for ticket in readable if ticket.se.key in spec.named]
    return sorted(readable, key=lambda ticket: ticket.se.key not in spec.named)


def _readable(call: Call, guid: str, member: str = "") -> Iterator[Ticket]:
    record = call.catalogue.replicas.guid(guid)
    if record is None or not call.principal.may_read(record.owner, record.group, record.perm):
        return
    for replica in call.catalogue.replicas.replicas_of(guid):
        if replica.archive and not member:
            call.catalogue.replicas.mark_visited(guid)
            yield from _readable(call, *replica.archive)
        elif replica.se is not None:
            yield Ticket(replica.se, replica.pfn, record.guid, record.size, record.md5, member)
