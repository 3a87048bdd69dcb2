"""The write path: selects storage elements, books replicas on them, and commits replicas (specification, section 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from aliend.sandbox.errors import CommandFailedError
from aliend.sandbox.protocol.options import integer
from aliend.sandbox.service.call import Call
from aliend.sandbox.state import guids
from aliend.sandbox.state.entries import Entry, NewEntry
from aliend.sandbox.state.paths import collapse
from aliend.sandbox.state.replicas import Guid, StorageElement

_BOOKING_LIFETIME = 86400
_PERM = "755"


@dataclass(slots=True)
class StorageSpec:
    """A parsed operand such as `disk:2,ALICE::A::B,!ALICE::C::D`."""

    named: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    qos: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be written; None stands for values that the request does not give."""

    lfn: str
    size: int | None
    md5: str | None
    job: int | None


Booked = tuple[StorageElement, str, Guid]
"""A storage element, the PFN there, and the GUID record to be stored."""


def parse_storage_spec(text: str) -> StorageSpec:
    """Read the third operand of `access`. Raises CommandFailedError 22."""
    spec = StorageSpec()
    for part in text.split(","):
        if "::" in part:
            if part.find("::") != part.rfind("::"):
                (spec.excluded if part.startswith("!") else spec.named).append(part.removeprefix("!").upper())
        elif found := re.fullmatch("([^:]+):(.*)|([^:=]+)=(.*)", part, re.DOTALL):
            spec.qos[(found[1] or found[3]).strip().lower()] = _count(part, found[2] if found[1] else found[4])
        elif part.strip():
            raise CommandFailedError(22, f"Don't know what to do with `{part}`")
    return spec


def _count(spec: str, text: str) -> int:
    count = integer(text.strip(), 32)
    if count is None:
        raise CommandFailedError(22, f"Invalid format of the QoS string `{spec}`")
    if count <= 0:
        raise CommandFailedError(22, f"The number replicas has to be stricly positive in `{spec}`")
    return count


def book(call: Call, upload: Upload, spec: StorageSpec) -> list[Booked]:
    """Book an upload on storage elements; silently omit elements that refuse it.

    Raises CommandFailedError if the LFN exists with different content.
    """
    path = collapse(upload.lfn)
    entry = call.catalogue.names.get(path)
    record = _record(call, upload, entry)
    if not _may_write(call, path, entry):
        return []
    exists = call.catalogue.replicas.guid(record.guid) is not None
    if not exists and not _fits_quota(call, record):
        return []
    booked = []
    for se in choose_elements(call, spec):
        pfn = guids.replica_url(se.daemon, se.path, record.guid)
        if not (exists and _conflicts(call, record, se, upload)) and _reserve(call, path, pfn, se, record):
            booked.append((se, pfn, record))
    return booked


def _record(call: Call, upload: Upload, entry: Entry | None) -> Guid:
    if entry is None or entry.guid is None:
        guid, principal = call.service.guids.make(call.now), call.principal
        values = (max(0, upload.size or 0), upload.md5, call.now, upload.job)
        return Guid(guid, principal.name, principal.group, _PERM, *values)
    differs = (
        (upload.size is not None and upload.size >= 0 and upload.size != entry.size)
        or (upload.md5 and entry.md5 and upload.md5.lower() != entry.md5.lower())
        or (upload.job is not None and upload.job >= 0 and entry.job is not None and upload.job != entry.job)
    )
    if differs:
        raise CommandFailedError(
            22, "You seem to want to write a different file from the existing one in the catalogue"
        )
    record = call.catalogue.replicas.guid(entry.guid)
    if record is None:
        raise CommandFailedError(117, "Could not retrieve the GUID entry for the existing file")
    return record


def _may_write(call: Call, path: str, entry: Entry | None) -> bool:
    return call.may_write(entry if entry is not None else call.catalogue.names.nearest_directory(path))


def _fits_quota(call: Call, record: Guid) -> bool:
    quota = call.catalogue.quotas.get(record.owner)
    return quota is None or quota.allows(record.size)


def _conflicts(call: Call, record: Guid, se: StorageElement, upload: Upload) -> bool:
    if not call.principal.may_write(record.owner, record.group, record.perm):
        return True
    if upload.size is not None and upload.size >= 0 and upload.size != record.size:
        return True
    return any(replica.se == se for replica in call.catalogue.replicas.replicas_of(record.guid))


def choose_elements(call: Call, spec: StorageSpec) -> list[StorageElement]:
    """Return the storage elements for a write, in the order of `spec`; fewer than requested is no error."""
    elements = call.catalogue.replicas.elements()
    chosen = [se for name in spec.named for se in elements if _is_named(se, name) and se.key not in spec.excluded]
    qos = spec.qos
    if not spec.named and not qos:
        qos = {"disk": call.service.default_replicas}
    distances = call.catalogue.replicas.distances(call.session.site)
    nearest = [se for se in elements if not distances or se.number in distances]
    nearest.sort(key=lambda se: distances.get(se.number, 0.0) + se.demote_write)
    taken = {se.key for se in chosen} | set(spec.excluded)
    for tag, count in qos.items():
        chosen += [se for se in nearest if tag in se.qos and se.key not in taken][:count]
    return [se for se in chosen if not se.exclusive_write or call.principal.name in se.exclusive_write]


def _is_named(se: StorageElement, name: str) -> bool:
    if se.key == name:
        return True
    if not re.search("[*+.]", name):
        return False
    try:
        return re.search(name, se.key, re.IGNORECASE) is not None
    except re.error:
        return False


def _reserve(call: Call, path: str, pfn: str, se: StorageElement, record: Guid) -> bool:
    database, expires = call.catalogue.database, call.now // 1000 + _BOOKING_LIFETIME
    key = (record.guid, se.key, pfn)
    database.execute("DELETE FROM booked WHERE guid = ? AND se = ? AND pfn = ? AND expires < 0", key)
    row = database.execute("SELECT owner FROM booked WHERE guid = ? AND se = ? AND pfn = ?", key).fetchone()
    if row is not None:
        if not call.principal.can_become(row["owner"]):
            return False
        database.execute("UPDATE booked SET expires = ? WHERE guid = ? AND se = ? AND pfn = ?", (expires, *key))
        return True
    call.catalogue.replicas.cancel_deletion(record.guid, se.number)
    principal = call.principal
    database.execute(
        "INSERT INTO booked VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(path, record.guid, pfn, se.key, principal.name, principal.group),
            *(record.md5, record.size, record.job, expires),
        ),
    )
    return True


def commit(call: Call, pfn: str, size: int, md5: str | None) -> bool:
    """Register the replica that was booked under `pfn` with this size and md5; return false if none was booked.

    An existing LFN stays unchanged, which counts as success: the service verifies nothing here.
    """
    database = call.catalogue.database
    rows = database.execute("SELECT * FROM booked WHERE pfn = ?", (pfn,)).fetchall()
    if len(rows) != 1 or rows[0]["owner"] != call.principal.name:
        return False
    row = dict(rows[0])
    se = call.catalogue.replicas.element(row["se"])
    if se is None:
        return False
    existing = call.catalogue.replicas.guid(row["guid"])
    record = existing or Guid(row["guid"], row["owner"], row["gowner"], _PERM, size, md5, call.now, row["jobid"])
    record = replace(record, size=size, md5=md5 or record.md5 or row["md5"])
    call.catalogue.replicas.save(record)
    call.catalogue.replicas.add(record, se.number, pfn)
    _link(call, row, record)
    database.execute("DELETE FROM booked WHERE pfn = ?", (pfn,))
    return True


def _link(call: Call, row: dict[str, Any], record: Guid) -> None:
    names, path = call.catalogue.names, row["lfn"]
    if names.get(path) is not None:
        return
    above = names.nearest_directory(path)
    parent = path.rsplit("/", 1)[0] + "/"
    if above.path != parent:
        names.make_directory(parent, above.owner, above.group, call.now)
    names.insert(
        NewEntry(path, row["owner"], row["gowner"], _PERM, call.now, record.size, record.guid, record.md5, record.job)
    )
