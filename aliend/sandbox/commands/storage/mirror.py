"""Commands that add and remove replicas: mirror, deleteMirror, listTransfer."""

from __future__ import annotations

from collections.abc import Sequence

from aliend.sandbox.errors import NO_COMMAND, BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.bookings import StorageSpec, choose_elements, parse_storage_spec
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state import guids
from aliend.sandbox.state.mirror_queue import PlannedTransfer, Transfer
from aliend.sandbox.state.replicas import Guid, StorageElement

_ATTEMPTS = 5
_LISTED = 20


def mirror(call: Call) -> None:
    """Queue copies of files to other storage elements; problems appear only as warnings."""
    operand, *rest = call.operands
    if call.options.has("g") and not guids.is_guid(operand):
        raise CommandFailedError(22, f"Invalid GUID value: {operand}")
    spec = _storage_spec(call, rest)
    if spec is None:
        call.out.fail_with(2, NO_COMMAND)
        return
    attempts = call.options.integer("try") or _ATTEMPTS
    paths = [operand] if guids.is_guid(operand) else call.expand(operand)
    if not paths:
        raise CommandFailedError(2, operand)
    for path in paths:
        _mirror(call, path, spec, attempts)


def _storage_spec(call: Call, rest: Sequence[str]) -> StorageSpec | None:
    """Return the target specification, or None if it is invalid."""
    specs = call.options.value("S")
    if specs is None:
        return StorageSpec(named=[rest[0].upper()]) if rest else None
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
    if not holding:
        call.out.warn(f"cannot locate real pfns of {path}\n")
        return
    transfer = PlannedTransfer(record.guid, lfn, call.principal.name, attempts, _removed(call))
    if call.options.has("S"):
        spec = StorageSpec(list(spec.named), [*spec.excluded, *holding], dict(spec.qos))
        targets: list[StorageElement] = choose_elements(call, spec)
    else:
        targets = _named(call, spec.named[0], holding)
    for se in targets:
        number = call.catalogue.transfers.queue(transfer, se.number, call.now)
        call.out.line(f"{se.key}: queued transfer ID {number}")


def _named(call: Call, name: str, holding: set[str]) -> list[StorageElement]:
    se = call.catalogue.replicas.element(name)
    if se is None:
        call.out.warn(f"{name}: no such storage element\n")
        return []
    if se.key in holding:
        call.out.warn(f"{se.key}: file already exists on SE\n")
        return []
    return [se]


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
    if len(call.operands) < 2:
        raise BadArgumentsError
    path, name = call.operands[:2]
    if call.options.has("g") and not guids.is_guid(path):
        raise CommandFailedError(121, "Error deleting mirror: invalid GUID")
    record, _ = _record(call, path)
    if record is None:
        raise CommandFailedError(121, "Error deleting mirror: invalid GUID")
    se = call.catalogue.replicas.element(name)
    if se is None:
        raise CommandFailedError(121, "Error deleting mirror: failed to get SE")
    if not call.principal.can_become(record.owner):
        raise CommandFailedError(121, "Error deleting mirror: user not authorized")
    if not call.catalogue.replicas.remove_replica(record.guid, se.number):
        raise CommandFailedError(121, "Error deleting mirror: unknown error")
    call.out.line(f"Mirror scheduled to be deleted from {name}")


def list_transfers(call: Call) -> None:
    """List the queued transfers as a table; text only."""
    most = call.options.integer("list")
    rows = [transfer for transfer in call.catalogue.transfers.newest() if _is_wanted(call, transfer)]
    rows = rows[: _LISTED if most is None or most <= 0 else most]
    if not call.options.has("desc"):
        rows.reverse()
    call.out.line(f"{'TransferId':>10}  {'Status':<12}  {'User':<10}  {'Destination':<30}  {'Size':>12}  Source")
    for transfer in rows:
        se = call.catalogue.replicas.numbered(transfer.target)
        record = call.catalogue.replicas.guid(transfer.guid)
        size = formats.human(record.size) if record else "-"
        call.out.line(
            f"{transfer.id:>10}  {transfer.status:<12}  {transfer.owner:<10}  {se.key if se else 'unknown':<30}"
            f"  {size:>12}  {transfer.lfn or transfer.guid}"
        )
        if call.options.has("verbose"):
            ended = formats.long_date(transfer.ended) if transfer.ended else "not ended"
            call.out.line(f"{'':12}queued {formats.long_date(transfer.created)}, {ended}, {transfer.attempts} attempts")
        if call.options.has("jdl"):
            call.out.line(f'{"":12}FromLFN = "{transfer.lfn}"; ToSE = "{se.key if se else ""}";')


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
        option_set("verbose jdl desc", "status user id destination list"),
        needs_arguments=False,
    ),
}
