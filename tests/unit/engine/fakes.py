"""A catalogue and workers in memory, with injectable failures."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import zipfile
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from aliend.core.catalogue.entries import Entry, Member, Replica, Ticket
from aliend.core.grid.mirror_replies import MirrorState, QueuedMirror
from aliend.core.grid.quotas import FileQuota
from aliend.core.transfers.bandwidth import Rates
from aliend.errors import CopyError, ErrorKind, OutcomeUnknown, ServiceError
from aliend.storage.tasks import (
    AdoptPartial,
    Checksum,
    Checksummed,
    ChecksummedFiles,
    Checksums,
    Compare,
    Compared,
    Download,
    Downloaded,
    LeftBatch,
    Listed,
    ListMembers,
    Probe,
    Probed,
    R,
    RemovePartial,
    ReplicaOutcome,
    Result,
    Task,
    TaskOptions,
    ThirdParty,
    Upload,
    Uploaded,
)


def md5_of(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def read(path: str) -> bytes:
    return Path(path).read_bytes()


@dataclass
class Grid:
    """The state that the fakes share: files of the catalogue, replicas by GUID, bytes on storage by URL."""

    files: dict[str, Entry] = field(default_factory=dict)
    replicas: dict[str, dict[str, str]] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    archives: dict[str, tuple[str, str]] = field(default_factory=dict)
    ses: tuple[str, ...] = ("A::B::SE1", "A::B::SE2", "A::B::SE3")
    guids: int = 0

    def new_guid(self) -> str:
        self.guids += 1
        return f"guid-{self.guids}"

    def put(self, lfn: str, data: bytes, ses: Sequence[str] = ("A::B::SE1",)) -> Entry:
        guid = self.new_guid()
        self.files[lfn] = entry = Entry(lfn, "file", len(data), md5=md5_of(data), guid=guid)
        self.replicas[guid] = {}
        for se in ses:
            url = self.url(se, guid)
            self.replicas[guid][se] = url
            self.store(url, data)
        return entry

    def put_archive(
        self, directory: str, members: dict[str, bytes], name: str = "root_archive.zip", prefix: str = ""
    ) -> None:
        """An archive whose members are files of `directory`, each with the archive's only replica.

        In the archive their names begin with `prefix`.
        """
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for member, data in members.items():
                archive.writestr(prefix + member, data)
        whole = self.put(f"{directory}{name}", packed.getvalue())
        for member, data in members.items():
            self.put(f"{directory}{member}", data)
            self.archives[f"{directory}{member}"] = (whole.lfn, prefix + member)

    def url(self, se: str, guid: str) -> str:
        return f"root://{se}//{guid}"

    def store(self, url: str, data: bytes) -> None:
        self.stored[url] = data

    def content(self, url: str) -> bytes:
        return self.stored[url]


class FakeCatalogue:
    """A catalogue according to the specification. `faults[command]` are called, one a call, after or before it."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.calls: Counter[str] = Counter()
        self.before: dict[str, list[BaseException]] = {}
        self.after: dict[str, list[BaseException]] = {}
        self.log: list[tuple[str, ...]] = []
        self.mirrored: list[tuple[str, Ticket]] = []
        self.mirror_states: list[MirrorState] = []
        self.page = 2
        self.hold_commits_after = 1000
        """The number of commits after which further ones have no answer."""

    def _begin(self, command: str, *words: str) -> None:
        self.calls[command] += 1
        self.log.append((command, *words))
        if self.before.get(command):
            raise self.before[command].pop(0)

    def _end(self, command: str) -> None:
        if self.after.get(command):
            raise self.after[command].pop(0)

    def _is_directory(self, lfn: str) -> bool:
        return any(name.startswith(lfn.rstrip("/") + "/") for name in self.grid.files)

    def expect_commands(self, count: int, /) -> None:
        self.expected = count

    async def stat(self, lfns: Sequence[str], /) -> tuple[list[Entry], list[str]]:
        self._begin("stat", *lfns)
        found, missing = [], []
        for lfn in lfns:
            if lfn in self.grid.files:
                found.append(self.grid.files[lfn])
            elif self._is_directory(lfn):
                found.append(Entry(lfn.rstrip("/") + "/", "directory"))
            else:
                missing.append(lfn)
        return found, missing

    async def members(self, lfns: Sequence[str], /) -> dict[str, Member]:
        self._begin("members", *lfns)
        inside = {lfn: self.grid.archives[lfn] for lfn in lfns if lfn in self.grid.archives}
        return {lfn: Member(self.grid.files[whole].guid, name) for lfn, (whole, name) in inside.items()}

    async def find_files(
        self, directory: str, /, *, pattern: str = "*", options: Sequence[str] = (), quick: bool = False
    ) -> AsyncGenerator[list[Entry], None]:
        self._begin("find", directory)
        prefix = directory.rstrip("/") + "/"
        found = [entry for lfn, entry in sorted(self.grid.files.items()) if lfn.startswith(prefix)]
        for start in range(0, len(found), self.page):
            yield found[start : start + self.page]

    async def whereis(self, lfn: str, /) -> list[Replica]:
        self._begin("whereis", lfn)
        if lfn not in self.grid.files:
            raise ServiceError("whereis", 2, "No such file or directory")
        return [Replica(se, url) for se, url in self.grid.replicas.get(self.grid.files[lfn].guid, {}).items()]

    async def access_read(
        self, lfn: str, storage: str = "", /, *, strict: bool = False, http: bool = False
    ) -> list[Ticket]:
        self._begin("access", *filter(None, ("-f" if strict else "", lfn, storage)))
        entry = self.grid.files.get(lfn)
        if entry is None:
            raise ServiceError("access", 2, f"No such file or directory : {lfn}")
        archive, member = self.grid.archives.get(lfn, (lfn, ""))
        whole = self.grid.files[archive]
        anchor = f"#{member}" if member else ""
        replicas = self.grid.replicas.get(whole.guid, {}).items()
        if not replicas:
            raise ServiceError("access", 77, "No read PFNs")
        return [Ticket(url + anchor, "secret", whole.guid, se, entry.size, entry.md5) for se, url in replicas]

    async def access_write(self, lfn: str, size: int, md5: str, storage: str, /) -> list[Ticket]:
        self._begin("access", lfn, storage)
        entry = self.grid.files.get(lfn)
        guid = entry.guid if entry else self.grid.new_guid()
        words = storage.split(",")
        excluded = {word[1:] for word in words if word.startswith("!")} | set(self.grid.replicas.get(guid, {}))
        count = sum(int(word.split(":")[1]) for word in words if "::" not in word)
        named = [word for word in words if "::" in word and word[0] != "!" and word not in excluded]
        free = named + [se for se in self.grid.ses if se not in {*excluded, *named}][:count]
        if not free:
            raise ServiceError("access", 77, "No write PFNs")
        known = entry.md5 if entry else ""
        return [Ticket(self.grid.url(se, guid), "secret", guid, se, size, known) for se in free]

    async def commit(self, ticket: Ticket, size: int, lfn: str, md5: str, /) -> None:
        self._begin("commit", lfn, ticket.se)
        number = self.calls["commit"]
        while number > self.hold_commits_after:  # noqa: ASYNC110 - a fake
            await asyncio.sleep(0.001)
        assert md5_of(self.grid.content(ticket.url)) == md5
        known = self.grid.replicas.setdefault(ticket.guid, {})
        if ticket.se in known:
            raise ServiceError("commit", 53, "Nothing was registered")
        known[ticket.se] = ticket.url
        self.grid.files.setdefault(lfn, Entry(lfn, "file", size, md5=md5, guid=ticket.guid))
        self._end("commit")

    async def mirror(self, lfn: str, storage: str, /) -> tuple[list[QueuedMirror], str]:
        self._begin("mirror", lfn, storage)
        try:
            tickets = await self.access_write(lfn, 0, "", storage)
        except ServiceError as error:
            return [], str(error)
        self.mirrored = [(lfn, ticket) for ticket in tickets]
        return [QueuedMirror(ticket.se, number) for number, ticket in enumerate(tickets)], "queued"

    async def mirror_state(self, number: int, /) -> MirrorState:
        self._begin("mirror_state", str(number))
        state = self.mirror_states.pop(0) if self.mirror_states else "done"
        if state == "done":
            lfn, ticket = self.mirrored[number]
            self.grid.replicas[self.grid.files[lfn].guid][ticket.se] = ticket.url
        return state

    async def whoami(self) -> tuple[str, str]:
        return "alice", "/a/"

    async def file_quota(self, user: str, /) -> FileQuota:
        self._begin("fquota", user)
        return FileQuota(0, 0, 0, 0)

    async def touch(self, lfn: str, /) -> None:
        self._begin("touch", lfn)
        self.grid.files[lfn] = Entry(lfn, "file", 0, md5=md5_of(b""))

    async def remove(self, lfn: str, /) -> None:
        self._begin("remove", lfn)
        del self.grid.files[lfn]
        self._end("remove")

    async def remove_all(self, lfns: Sequence[str], /) -> None:
        self._begin("remove", *lfns)
        for lfn in lfns:
            self.grid.files.pop(lfn, None)
        self._end("remove")

    async def move(self, source: str, target: str, /) -> None:
        self._begin("move", source, target)
        assert target not in self.grid.files, "the service would rename the source to a backup"
        if source not in self.grid.files:
            raise ServiceError("mv", 22, "Source cannot be found")
        entry = self.grid.files.pop(source)
        self.grid.files[target] = Entry(target, "file", entry.size, md5=entry.md5, guid=entry.guid)
        self._end("move")


class FakeWorkers:
    """Copies between the grid and the disk. `faults` are raised, one a copy; `hold` makes copies wait until set."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.tasks: list[Task[Any]] = []
        self.faults: list[BaseException] = []
        self.bad_ses: set[str] = set()
        self.unfinished: set[str] = set()
        """URLs under which something is that was not finished."""
        self.hold: asyncio.Event | None = None
        self.together: set[str] = set()
        """Storage elements that fetch files from each other."""
        self.running = 0
        self.most = 0
        self.stopped = 0
        self.terms: list[TaskOptions] = []
        self.rates = Rates()
        self.job_rates: dict[int, int] = {}
        self.given: list[tuple[int, int, int]] = []
        self.slowed: dict[int, int] = {}
        self.held: set[str] = set()
        """Targets of downloads that wait until they are removed from it."""
        self.batches: list[int] = []
        """The numbers of files of the batches."""

    @property
    def bandwidth(self) -> FakeWorkers:
        return self

    def with_options(self, options: TaskOptions) -> FakeWorkers:
        self.terms.append(options)
        return self

    def reserve_slot(self, options: TaskOptions, on_wait: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    def set_rates(self, rates: Rates) -> None:
        self.rates = rates

    def set_job_rate(self, job: int, rate: int) -> None:
        self.job_rates[job] = rate

    def reassign(self, transfer: int, job: int, rate: int) -> None:
        self.given.append((transfer, job, rate))

    def throttled_rates(self) -> dict[int, int]:
        return self.slowed

    def seconds_since_wait(self) -> dict[int, float]:
        return {}

    async def start_batch(
        self, tasks: Sequence[Task[R]], window: Mapping[str, int], options: Sequence[TaskOptions]
    ) -> list[asyncio.Task[R]]:
        self.terms += options
        self.batches.append(len(tasks))
        in_use: Counter[str] = Counter()
        return [asyncio.create_task(self._in_turn(task, window, in_use)) for task in tasks]

    async def _in_turn(self, task: Any, window: Mapping[str, int], in_use: Counter[str]) -> Any:  # noqa: ANN401
        """Copy a file of a batch; what is unusual leaves it."""
        ses = [one.se for one in (task.sources[:1] if isinstance(task, Download) else task.targets)]
        while any(in_use[se] >= window[se] for se in ses):  # noqa: ASYNC110 - a fake
            await asyncio.sleep(0.001)
        in_use.update(ses)
        try:
            if isinstance(task, Download) and os.path.exists(task.target):  # noqa: PTH110, ASYNC240 - a fake
                raise LeftBatch
            return await self._run(task, lambda _: None)
        finally:
            in_use.subtract(ses)

    async def run(self, task: Task[R], on_progress: Callable[[int], None]) -> R:
        return cast("R", await self._run(task, on_progress))

    async def _run(self, task: Any, on_progress: Callable[[int], None]) -> Result:  # noqa: ANN401 - any task
        self.tasks.append(task)
        if isinstance(task, Checksum):
            data = read(task.path)
            return Checksummed(len(data), md5_of(data))
        if isinstance(task, Checksums):
            files = [read(path) for path in task.paths]
            return ChecksummedFiles(tuple(Checksummed(len(data), md5_of(data)) for data in files))
        if isinstance(task, RemovePartial | AdoptPartial):
            return Checksummed(0, "")
        if isinstance(task, Probe):
            return Probed(ok=True, error=False, fatal=False, status=0, code=0, errno=0, message="")
        if isinstance(task, ListMembers):
            with self._archive(task.sources[0].url) as archive:
                return Listed(tuple((one.filename, one.file_size) for one in archive.infolist()))
        if isinstance(task, Compare):
            contents = [(one.se, md5_of(self.grid.content(one.url))) for one in task.sources]
            return Compared(tuple((se, f"wrong content: md5 is {md5}") for se, md5 in contents if md5 != task.md5))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0)
            on_progress(1)
            if self.hold:
                await self.hold.wait()
            while getattr(task, "target", "") in self.held:  # noqa: ASYNC110 - a fake
                await asyncio.sleep(0.001)
            if self.faults:
                raise self.faults.pop(0)
            if isinstance(task, ThirdParty):
                return self._third_party(task)
            return self._download(task) if isinstance(task, Download) else self._upload(task)
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        finally:
            self.running -= 1

    def copies(self) -> list[Task[Any]]:
        return [task for task in self.tasks if isinstance(task, Download | Upload | ThirdParty)]

    def _download(self, task: Download) -> Downloaded:
        url, _, member = task.sources[0].url.partition("#")
        if member:
            with self._archive(url) as archive:
                data = archive.read(member)
        else:
            data = self.grid.content(url)
        if task.md5 and md5_of(data) != task.md5:
            raise CopyError("the bytes have another md5", "permanent")
        target = Path(task.target)
        target.parent.mkdir(parents=True, exist_ok=True)
        kept = target.exists() and target.read_bytes() == data
        target.write_bytes(data)
        return Downloaded(len(data), md5_of(data), "" if kept else task.sources[0].se, kept, "")

    def _archive(self, url: str) -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(self.grid.content(url.partition("#")[0])))

    def _third_party(self, task: ThirdParty) -> Uploaded:
        outcomes = []
        for one in task.targets:
            source = task.sources[0].se
            assert (source, one.se) not in task.blocked_pairs
            can = {one.se, source} <= self.together
            if task.only_compare:
                can = can and one.url in self.grid.stored
            elif can:
                self.grid.store(one.url, self.grid.content(task.sources[0].url))
            strangers = () if can else (source,)
            error = "" if can else "no third-party copies"
            outcomes.append(ReplicaOutcome(one.se, one.url, error, "permanent", unreachable_sources=strangers))
        return Uploaded(task.size, task.md5, tuple(outcomes))

    def _upload(self, task: Upload) -> Uploaded:
        data = Path(task.source).read_bytes()
        outcomes = []
        for one in task.targets:
            bad = one.se in self.bad_ses or one.url in self.unfinished
            if task.only_compare:
                bad = bad or self.grid.stored.get(one.url) != data
            elif not bad:
                self.grid.store(one.url, data)
            why, kind = _OUTCOMES[one.url in self.unfinished]
            outcomes.append(ReplicaOutcome(one.se, one.url, why if bad else "", kind))
        is_read = not all(outcome.error for outcome in outcomes)
        return Uploaded(len(data), md5_of(data) if is_read else "", tuple(outcomes))


_OUTCOMES: dict[bool, tuple[str, ErrorKind]] = {
    False: ("the disk is full", "transient"),
    True: ("an unfinished upload", "storage"),
}
LOST = OutcomeUnknown("the reply was lost")
