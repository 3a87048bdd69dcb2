"""Commands for envelopes and replicas: access and commit (wire specification, sections 3.1 and 4)."""

from __future__ import annotations

from urllib.parse import quote

from aliend.sandbox.errors import CommandFailedError
from aliend.sandbox.protocol.options import integer, option_set
from aliend.sandbox.service import bookings, read_access
from aliend.sandbox.service.bookings import StorageSpec, Upload
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state import guids
from aliend.sandbox.state.entries import Entry
from aliend.sandbox.state.envelopes import Permit
from aliend.sandbox.state.replicas import StorageElement


def access(call: Call) -> None:
    """Issue tickets to read a file, or to write a new file or replicas of an existing one."""
    operands = call.operands
    if not operands:
        raise CommandFailedError(2)
    kind = operands[0]
    if len(operands) < 2 or not (kind == "read" or kind.startswith("write")):
        raise CommandFailedError(22, f"Invalid access type requested: {kind}")
    spec = bookings.parse_storage_spec(operands[2] if len(operands) > 2 else "")
    upload = Upload(operands[1], call.options.integer("s"), call.options.value("m") or None, call.options.integer("j"))
    if kind == "read":
        _read(call, operands[1], spec)
    else:
        _write(call, upload, spec)


def _read(call: Call, operand: str, spec: StorageSpec) -> None:
    entry, guid = _existing(call, operand)
    if guid is None:
        raise CommandFailedError(77, "No read PFNs")
    record = call.catalogue.replicas.guid(guid)
    tickets = read_access.tickets(call, guid, spec, strict=call.options.has("f"))
    if not tickets or record is None:
        raise CommandFailedError(77, "No read PFNs")
    size, md5 = (entry.size, entry.md5) if entry else (record.size, record.md5)
    for ticket in tickets:
        anchor = f"#{ticket.member}" if ticket.member else ""
        lfn = entry.path if entry and not ticket.member else "/NOLFN"
        permit = Permit("read", ticket.pfn, lfn, ticket.guid, ticket.se.key, ticket.size, ticket.md5)
        _show(call, permit, ticket.se, anchor)
        call.out.keys(nSEs=str(len(tickets)), md5=md5, size=str(size))
        call.out.finish_result()


def _existing(call: Call, operand: str) -> tuple[Entry | None, str | None]:
    entry = call.catalogue.names.get(operand) if operand.startswith("/") else None
    if entry is not None:
        return entry, entry.guid
    if guids.is_guid(operand) and call.catalogue.replicas.guid(operand):
        return None, operand.lower()
    raise CommandFailedError(2, operand)


def _write(call: Call, upload: Upload, spec: StorageSpec) -> None:
    if not upload.lfn.startswith("/"):
        raise CommandFailedError(2, upload.lfn)
    booked = bookings.book(call, upload, spec)
    if not booked:
        raise CommandFailedError(77, "No write PFNs")
    for se, pfn, record in booked:
        permit = Permit("write-once", pfn, upload.lfn, record.guid, se.key, record.size, record.md5)
        _show(call, permit, se, "")
        md5 = record.md5 if upload.md5 is None else upload.md5
        call.out.keys(nSEs=str(len(booked)), md5=md5, size=str(max(0, upload.size or 0)))
        call.out.finish_result()


def _show(call: Call, permit: Permit, se: StorageElement, anchor: str) -> None:
    token = call.service.sealer.seal(permit)
    first_line = permit.url
    if call.options.has("u"):
        sealed, mark, suffix = token.partition("&scitag")
        token = quote(sealed, safe="-") + mark + suffix
        first_line = "null"
    call.out.line(f"{first_line}\nSE: {se.key} (needs encrypted envelopes)\nEncrypted envelope:\n{token}")
    call.out.keys(
        envelope=token, url=permit.url + anchor, guid=permit.guid, se=se.key, tags=f"[{', '.join(sorted(se.qos))}]"
    )


def commit(call: Call) -> None:
    """Register an uploaded replica, without verification; a repetition fails."""
    words = [*call.operands, *[""] * 9][:9]
    token, size_text, lfn, echoed, md5 = words[0], words[1], words[2], words[5], words[8]
    size = integer(size_text) or 0
    if size <= 0 and "signature=" not in token:
        raise CommandFailedError(22, "Size should be known at commit time")
    pfn = call.service.sealer.open(token)
    known_md5 = md5 if md5 not in ("", "0") else None
    done = pfn is not None and bookings.commit(call, pfn, size, known_md5)
    call.out.keys(path=lfn, lfn="1" if done else "0")
    if done or echoed:
        call.out.key("pfn", pfn if done else echoed)
    call.out.line(f"{lfn} {1 if done else 0}")
    if not done:
        call.out.fail(53, "Nothing was registered")


COMMANDS = {
    "access": Command(
        access,
        "[-s <size>] [-m <md5>] [-j <job id>] [-f] [-u] <read|write> <lfn|guid> [<specs>]",
        option_set("f u", "s m j"),
    ),
    "commit": Command(commit, "<envelope> [size [lfn [perm [expire [pfn [se [guid [md5]]]]]]]]"),
}
