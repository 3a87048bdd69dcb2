"""Commands that check storage: xrdstat, randomPFNs, testSE. The sandbox reads its disks instead of asking servers."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import integer, option_set
from aliend.sandbox.service import jdl
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.service.contents import replica_file
from aliend.sandbox.state import guids, paths
from aliend.sandbox.state.entries import Entry
from aliend.sandbox.state.replicas import Guid, StorageElement

_MOST_PFNS = 10_000


@dataclass(frozen=True, slots=True)
class _PhysicalReplica:
    se: StorageElement | None
    pfn: str
    size: int | None

    @property
    def name(self) -> str:
        """Return the storage element's name, in its own spelling."""
        return self.se.name if self.se else "(unknown SE)"


def xrdstat(call: Call) -> None:
    """Check that the replicas in the catalogue exist on storage; a bad one does not change the exit code."""
    chosen = _chosen_elements(call)
    for operand in dict.fromkeys([*call.operands, *_files_of_jobs(call)]):
        copies = _copies(call, operand)
        for copy in copies or []:
            if not chosen or (copy.se is not None and copy.se.key in chosen):
                _check(call, copy)


def _chosen_elements(call: Call) -> set[str]:
    chosen = set()
    for word in filter(None, re.split("[,;]", call.options.value("s") or "")):
        se = call.catalogue.replicas.element(word)
        if se is None:
            call.out.fail(6, f"The SE you have indicated doesn't exist: {word}")
        else:
            chosen.add(se.key)
    return chosen


def _files_of_jobs(call: Call) -> list[str]:
    words = ",".join(call.options.values.get("p", [])).split(",") if call.options.has("p") else []
    numbers = [(word, integer(word)) for word in words]
    for word, number in numbers:
        if number is None:
            call.out.fail(84, f"Invalid job ID: {word}")
    found: list[str] = []
    for number in [number for _, number in numbers if number is not None]:
        job = call.catalogue.jobs.get(number)
        if job is None:
            call.out.fail(121, f"Cannot retrieve JDL of job ID {number}")
            continue
        files = [item.partition(",")[0].removeprefix("LF:") for item in jdl.parse(job.jdl).items("InputData")]
        if not files:
            call.out.fail(61, f"Job ID {number} doesn't have input data, nothing to check for it")
        found += files
    return found


def _copies(call: Call, operand: str) -> list[_PhysicalReplica] | None:
    """Return the replicas of an operand after a line about it; None, with the error, if there is no such file."""
    replicas, entry = call.catalogue.replicas, _real_entry(call, call.find(operand))
    if entry is not None:
        title, record = entry.path, replicas.guid(entry.guid or "")
    elif guids.is_guid(operand):
        record = _record_of(call, operand)
        title = record.guid if record else ""
    elif operand.startswith("root://"):
        call.out.line(f"Checking this PFN: {operand}")
        owners = [se for se in replicas.elements() if operand.startswith(se.daemon.rstrip("/") + "/")]
        return [_PhysicalReplica(owners[0] if owners else None, operand, None)]
    else:
        call.out.fail(2, f"This LFN does not exist in the catalogue: {operand}")
        return None
    if record is None:
        return None
    call.out.line(f"Checking the replicas of {title}")
    found = [(replica.se, replica.pfn) for replica in replicas.replicas_of(record.guid)]
    return [_PhysicalReplica(se, pfn, record.size) for se, pfn in found]


def _real_entry(call: Call, entry: Entry | None) -> Entry | None:
    """Return the file that has replicas: for an archive member the archive in its directory; None without a GUID."""
    if entry is None or entry.guid is None:
        return None
    archives = [found.archive for found in call.catalogue.replicas.replicas_of(entry.guid) if found.archive]
    if not archives:
        return entry
    guid, member = archives[0]
    directory = call.catalogue.names.get(paths.parent(paths.parent(entry.path) if "/" in member else entry.path))
    beside = call.catalogue.names.children(directory) if directory else []
    return next((each for each in beside if each.guid == guid), None)


def _record_of(call: Call, guid: str) -> Guid | None:
    """Return the record of a GUID, or of the archive that it is a member of; None with the error."""
    record = call.catalogue.replicas.guid(guid)
    if record is None:
        call.out.fail(2, f"This GUID does not exist in the catalogue: {guid}")
        return None
    archives = [found.archive for found in call.catalogue.replicas.replicas_of(guid) if found.archive]
    if not archives:
        return record
    call.out.line(f"{guid} is a member of a ZIP archive")
    record = call.catalogue.replicas.guid(archives[0][0])
    if record is None:
        call.out.fail(2, f"The archive GUID does not exist in the catalogue: {archives[0][0]} (for {guid})")
    return record


def _check(call: Call, copy: _PhysicalReplica) -> None:
    given, out = call.options, call.out
    online, bring = given.has("o"), given.has("O") and not given.has("o")
    out.keys(seName=copy.se.key if copy.se else "UNKNOWN", seNumber=str(copy.se.number if copy.se else 0), pfn=copy.pfn)
    out.text(f"\t{copy.name:<20}\t{copy.pfn}\t")
    begin = time.perf_counter()
    size, problem = _stored_size(call, copy)
    if problem:
        _report_problem(call, copy, size, problem)
    elif online or (bring and not given.has("i")):
        out.key("status", "online")
        out.line("Online")
    elif bring:
        out.key("status", "prepare_queued")
        out.line("prepare request sent")
    else:
        out.key("status", "ok")
        out.line("OK")
        if given.has("d"):
            took = int((time.perf_counter() - begin) * 1000)
            out.line("\t\tDownloaded file matches the catalogue details")
            out.keys(dowloadedInMillis=str(took), downloadSize=str(size))
        elif given.has("v"):
            answer = f"Path:   {_path(copy)}\nSize:   {size}\nFlags:  16 (IsReadable)"
            out.line(answer)
            out.key("statResponse", answer)
    out.finish_result()


def _report_problem(call: Call, copy: _PhysicalReplica, size: int | None, problem: str) -> None:
    given, out = call.options, call.out
    title, status = "ERR", "error"
    if given.has("o"):
        title = "IO error"
    elif given.has("O"):
        title, status = "prepare request failed", "prepare_failed"
    elif given.has("d") and size is not None:
        out.fail(5, problem)
    out.key("status", status)
    out.line(title)
    if given.has("v"):
        out.line(problem)
        out.key("errorMessage", problem)
    if given.has("c"):
        command = f"xrdfs {copy.pfn.split('/')[2]} stat {_path(copy)}"
        out.line(command)
        out.key("failedCommand", command)


def _path(copy: _PhysicalReplica) -> str:
    return f"/{copy.pfn.split('/', 3)[-1].lstrip('/')}"


def _stored_size(call: Call, copy: _PhysicalReplica) -> tuple[int | None, str]:
    if not call.service.storage_directories:
        return copy.size, ""
    file = replica_file(call.service, copy.se.number, copy.pfn) if copy.se else None
    if file is None or not file.is_file():
        return None, "No such file or directory"
    size = file.stat().st_size
    if copy.size is not None and size != copy.size:
        return size, f"Downloaded file size is different from the catalogue ({size} vs {copy.size})"
    return size, ""


def random_pfns(call: Call) -> None:
    """Print random files of a storage element; text only."""
    if len(call.operands) != 2:
        raise BadArgumentsError
    name, text = call.operands
    number, count = integer(name, 32), integer(text, 32)
    se = call.catalogue.replicas.element(name)
    if number is None and se is None:
        raise CommandFailedError(6, f"Unknown SE {name}")
    if count is None:
        raise BadArgumentsError
    stored = call.catalogue.replicas.stored_on(se.number if se else number or 0)
    for pfn, size in random.sample(stored, max(0, min(count, len(stored), _MOST_PFNS))):
        call.out.line(f"{pfn}\t{formats.human(size)}")


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
    ),
    "randomPFNs": Command(random_pfns, "<SE name or number> <count>"),
    "testSE": Command(test_element, "[-v] [-c] [-t] [-a] <SE name, number or @tag> ...", option_set("v c t a")),
}
