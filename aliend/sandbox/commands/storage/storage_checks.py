"""Commands that check storage: xrdstat, randomPFNs, testSE. The sandbox reads its disks instead of asking servers."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.service.contents import replica_file
from aliend.sandbox.state import guids
from aliend.sandbox.state.replicas import Guid, Replica, StorageElement

_MOST_PFNS = 10_000


@dataclass(frozen=True, slots=True)
class _PhysicalReplica:
    se: StorageElement
    pfn: str
    size: int | None


def xrdstat(call: Call) -> None:
    """Check that the replicas in the catalogue exist on storage; a bad one does not change the exit code."""
    operands = call.operands + _files_of_jobs(call)
    if not operands:
        raise BadArgumentsError
    chosen = {name.upper() for text in call.options.values.get("s", []) for name in text.split(",")}
    for operand in operands:
        title, copies = _copies(call, operand)
        call.out.line(f"Checking the replicas of {title}")
        for copy in copies:
            if not chosen or copy.se.key in chosen:
                _check(call, copy)


def _files_of_jobs(call: Call) -> list[str]:
    numbers = ",".join(call.options.values.get("p", [])).split(",")
    found: list[str] = []
    for number in filter(str.isdecimal, numbers):
        found += [entry.path for entry in call.catalogue.names.select("jobid = ?", [number])]
    return found


def _copies(call: Call, operand: str) -> tuple[str, list[_PhysicalReplica]]:
    replicas = call.catalogue.replicas
    if operand.startswith("root://"):
        elements = [se for se in replicas.elements() if operand.startswith(se.daemon.rstrip("/") + "/")]
        if not elements:
            raise CommandFailedError(6, f"No storage element has {operand}")
        return operand, [_PhysicalReplica(elements[0], operand, None)]
    if guids.is_guid(operand):
        record, title = replicas.guid(operand), operand
    else:
        entry = call.entry(operand)
        if entry.is_directory:
            raise CommandFailedError(22, f"{operand} is not a file")
        record, title = replicas.guid(entry.guid or ""), entry.path
    if record is None:
        raise CommandFailedError(2, operand)
    copies = _physical(call, record)
    if not copies:
        raise CommandFailedError(61, f"{operand} has no replicas")
    return title, copies


def _physical(call: Call, record: Guid) -> list[_PhysicalReplica]:
    replicas: list[Replica] = call.catalogue.replicas.replicas_of(record.guid)
    archives = [replica.archive[0] for replica in replicas if replica.archive]
    if archives:
        archive = call.catalogue.replicas.guid(archives[0])
        return _physical(call, archive) if archive else []
    return [_PhysicalReplica(replica.se, replica.pfn, record.size) for replica in replicas if replica.se is not None]


def _check(call: Call, copy: _PhysicalReplica) -> None:
    given, out = call.options, call.out
    out.keys(seName=copy.se.key, seNumber=str(copy.se.number), pfn=copy.pfn)
    if given.has("O"):
        _report(call, copy, "prepare_queued", "PREPARE QUEUED")
        return
    begin = time.perf_counter()
    size, problem = _stored_size(call, copy)
    if problem:
        if given.has("v"):
            out.key("errorMessage", problem)
        if given.has("c"):
            out.key("failedCommand", f"xrdfs {copy.pfn.split('//')[1]} stat /{copy.pfn.split('/', 3)[-1].lstrip('/')}")
        if given.has("d") and size is not None:
            out.fail(5, problem)
        _report(call, copy, "offline" if given.has("o") else "error", f"ERROR: {problem}")
        return
    if given.has("d"):
        out.keys(dowloadedInMillis=str(int((time.perf_counter() - begin) * 1000)), downloadSize=str(size))
    if given.has("v"):
        out.key(
            "statResponse", f"Path: /{copy.pfn.split('/', 3)[-1].lstrip('/')}\nSize: {size}\nFlags: 16 (IsReadable)"
        )
    _report(call, copy, "online" if given.has("o") else "ok", "ONLINE" if given.has("o") else "OK")


def _report(call: Call, copy: _PhysicalReplica, status: str, text: str) -> None:
    call.out.key("status", status)
    call.out.line(f"\t{copy.se.name}\t{copy.pfn}\t{text}")
    call.out.finish_result()


def _stored_size(call: Call, copy: _PhysicalReplica) -> tuple[int | None, str]:
    if not call.service.storage_directories:
        return copy.size, ""
    file = replica_file(call.service, copy.se.number, copy.pfn)
    if file is None or not file.is_file():
        return None, "No such file or directory"
    size = file.stat().st_size
    if copy.size is not None and size != copy.size:
        return size, f"the file has {size} bytes instead of {copy.size}"
    return size, ""


def random_pfns(call: Call) -> None:
    """Print random files of a storage element; text only."""
    if len(call.operands) != 2 or not call.operands[1].isdecimal():
        raise BadArgumentsError
    name, count = call.operands[0], min(int(call.operands[1]), _MOST_PFNS)
    se = _element(call, name)
    if se is None:
        raise CommandFailedError(6, f"Unknown SE {name}")
    stored = call.catalogue.replicas.stored_on(se.number)
    for pfn, size in random.sample(stored, min(count, len(stored))):
        call.out.line(f"{pfn}\t{size}")


def _element(call: Call, name: str) -> StorageElement | None:
    replicas = call.catalogue.replicas
    return replicas.numbered(int(name)) if name.isdecimal() and len(name) < 10 else replicas.element(name)


def test_element(call: Call) -> None:
    """Test whether the directories of storage elements are usable; text only."""
    elements = call.catalogue.replicas.elements()
    for word in [se.name for se in elements] if call.options.has("a") else call.operands:
        named = _element(call, word)
        meant = [se for se in elements if word.startswith("@") and word[1:].lower() in se.qos]
        meant += [] if named is None else [named]
        if not meant:
            call.out.fail(6, f"Unknown SE {word}")
        for se in meant:
            _test(call, se)


def _test(call: Call, se: StorageElement) -> None:
    call.out.line(f"{se.name}")
    directory = call.service.storage_directories.get(se.number)
    usable = directory is None or directory.is_dir()
    for title in ("Open write test", "Open read test", "Open delete test"):
        call.out.line(
            f"  {title}: {'reading and writing without a token is possible here' if usable else 'no storage'}"
        )
    for title in ("Authenticated write test", "Authenticated read test", "Authenticated delete test"):
        call.out.line(f"  {title}: {'works' if usable else 'fails, the storage is not there'}")
    call.out.line(f"  Space information: {se.used} of {se.capacity} bytes are used")


COMMANDS = {
    "xrdstat": Command(
        xrdstat,
        "[-d [-i]] [-v] [-c] [-o|-O] [-4|-6] [-s <SEs>] [-p <job ids>] <lfn|guid|URL> ...",
        option_set("d i v c o O 4 6", "s", "p"),
        options_suffice=True,
    ),
    "randomPFNs": Command(random_pfns, "<SE name or number> <count>"),
    "testSE": Command(
        test_element, "[-v] [-c] [-t] [-a] <SE name, number or @tag> ...", option_set("v c t a"), options_suffice=True
    ),
}
