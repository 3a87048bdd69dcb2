"""Commands that add and remove replicas: mirror, deleteMirror, listTransfer."""

from __future__ import annotations

from collections.abc import Sequence

from aliend.sandbox.errors import NO_COMMAND, BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol.options import integer, option_set
from aliend.sandbox.service.bookings import StorageSpec, choose_elements, parse_storage_spec
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state import guids
from aliend.sandbox.state.mirror_queue import PlannedTransfer, Transfer
from aliend.sandbox.state.replicas import Guid

_ATTEMPTS = 5


def mirror(call: Call) -> None:
    """Queue copies of files to other storage elements; problems appear only as warnings."""
    if not call.operands:
        return
    operand, *rest = call.operands
    attempts = call.options.integer("try", 32)
    if call.options.has("g") and not guids.is_guid(operand):
        raise CommandFailedError(22, f"Invalid GUID value: {operand}")
    spec = _storage_spec(call, rest)
    if spec is None:
        call.out.fail_with(2, NO_COMMAND)
        return
    if not spec.named and not spec.qos:
        return
    attempts = attempts if attempts is not None and attempts > 0 else _ATTEMPTS
    paths = [operand] if guids.is_guid(operand) else call.expand(operand)
    if not paths:
        raise CommandFailedError(2, operand)
    for path in paths:
        _mirror(call, path, spec, attempts)


def _storage_spec(call: Call, rest: Sequence[str]) -> StorageSpec | None:
    """Return the target specification, or None if it is invalid."""
    specs = call.options.value("S")
    if specs is None:
        return StorageSpec(named=[rest[0].upper()]) if len(rest) == 1 else None
    try:
        return None if "=" in specs else parse_storage_spec(specs)
    except CommandFailedError:
        return None


def _mirror(call: Call, path: str, spec: StorageSpec, attempts: int) -> None:
    record, lfn = _record(call, path)
    if record is None or not call.principal.can_become(record.owner):
        call.out.warn(f"Failed to mirror {path}\n")
        return
    record = _archive_of(call, record)
    replicas = call.catalogue.replicas.replicas_of(record.guid)
    holding = {replica.se.key for replica in replicas if replica.se is not None}
    transfer = PlannedTransfer(record.guid, lfn, call.principal.name, attempts, _removed(call))
    spec = StorageSpec(list(spec.named), [*spec.excluded, *holding], dict(spec.qos))
    for se in choose_elements(call, spec):
        if not holding:
            call.out.warn(f"{se.key}: cannot locate real pfns\n")
            continue
        number = call.catalogue.transfers.queue(transfer, se.number, call.now)
        call.out.line(f"{se.key}: queued transfer ID {number}")


def _removed(call: Call) -> int | None:
    name = call.options.value("r")
    se = call.catalogue.replicas.element(name) if name else None
    return None if se is None else se.number


def _record(call: Call, path: str) -> tuple[Guid | None, str]:
    if guids.is_guid(path):
        return call.catalogue.replicas.guid(path), ""
    entry = call.find(path)
    if entry is None or entry.guid is None:
        return None, path
    return call.catalogue.replicas.guid(entry.guid), entry.path


def _archive_of(call: Call, record: Guid) -> Guid:
    for replica in call.catalogue.replicas.replicas_of(record.guid):
        if replica.archive is not None:
            return call.catalogue.replicas.guid(replica.archive[0]) or record
    return record


def delete_mirror(call: Call) -> None:
    """Remove the replica of a file on one storage element, even the last one."""
    if len(call.operands) != 2:
        raise BadArgumentsError
    path, name = call.operands
    as_guid = call.options.has("g")
    if as_guid and not guids.is_guid(path):
        raise CommandFailedError(22, f"{path} is not a valid GUID")
    if as_guid and call.catalogue.replicas.guid(path) is None:
        raise CommandFailedError(2, path)
    se = call.catalogue.replicas.element(name)
    if se is None:
        raise CommandFailedError(121, "Error deleting mirror: failed to get SE")
    entry = None if as_guid else call.find(path)
    record = call.catalogue.replicas.guid(path if as_guid else entry.guid if entry and entry.guid else "")
    if record is None:
        raise CommandFailedError(121, "Error deleting mirror: invalid GUID")
    if not call.principal.can_become(record.owner):
        raise CommandFailedError(121, "Error deleting mirror: user not authorized")
    if not call.catalogue.replicas.remove_replica(record.guid, se.number):
        raise CommandFailedError(121, "Error deleting mirror: unknown error")
    call.out.line(f"Mirror scheduled to be deleted from {name}")


def list_transfers(call: Call) -> None:
    """List the queued transfers as a table; text only."""
    given = call.options
    most = given.value("list")
    count = integer(most, 32) if most is not None else None
    if most is not None and (count is None or count < 0):
        raise CommandFailedError(22, "Please provide a valid number for -list argument")
    given.integer("id")
    source = "\t\tSource" if given.has("jdl") else ""
    reason = "\t\tError reason" if given.has("verbose") else ""
    call.out.line(f"TransferId\t   Status\t   User\t\tDestination      \tSize{source}\t\tAttempts{reason}\tFile name")
    rows = [transfer for transfer in call.catalogue.transfers.newest() if _is_wanted(call, transfer)][:count]
    if not given.has("desc"):
        rows.reverse()
    for transfer in rows:
        _show_transfer(call, transfer)
    call.out.line(f"\nTotal: {len(rows)} transfers")


def _show_transfer(call: Call, transfer: Transfer) -> None:
    se = call.catalogue.replicas.numbered(transfer.target)
    record = call.catalogue.replicas.guid(transfer.guid)
    target = se.key if se else ""
    description = f'FromLFN = "{transfer.lfn}"; ToSE = "{target}";' if call.options.has("jdl") else ""
    call.out.line(
        f"{transfer.id}\t   {transfer.status}\t   {transfer.owner}\t{target}{record.size if record else 0:>14}"
        f"\t\t{description}\t{transfer.attempts}\t{transfer.lfn or transfer.guid}"
    )


def _is_wanted(call: Call, transfer: Transfer) -> bool:
    se = call.catalogue.replicas.numbered(transfer.target)
    has = {
        "status": transfer.status,
        "user": transfer.owner,
        "id": str(transfer.id),
        "destination": se.key if se else "",
    }
    given = {name: call.options.value(name) for name in has}
    return all(value is None or value.upper() == has[name].upper() for name, value in given.items())


COMMANDS = {
    "mirror": Command(
        mirror,
        "[-g] [-try <attempts>] [-r <SE>] [-S <specs>] <lfn|guid> [<SE>]",
        option_set("g", "try r S"),
    ),
    "deleteMirror": Command(delete_mirror, "[-g] <lfn|guid> <SE>", option_set("g")),
    "listTransfer": Command(
        list_transfers,
        "[-status <status>] [-user <user>] [-id <id>] [-destination <SE>] [-list <count>] [-verbose] [-jdl] [-desc]",
        option_set("verbose summary all_status jdl desc", "status user id destination list"),
        needs_arguments=False,
    ),
}
