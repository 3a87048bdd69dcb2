"""Batches `stat` requests: one request for all transfers that look up a name within a moment.

Each caller gets an answer that the catalogue gave after its call, as if it had asked alone. Only one request is sent at
a time; calls made meanwhile share the next one. A batched call waits longer, as long as more callers are expected. Only
`stat_ahead` may return a slightly older answer: names are looked up in advance, for one job only. What another job
finds may be what the first one has just changed. It also looks up the directories above each name, once for all files
below them: the service would register a file below a file.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Awaitable, Callable, Sequence

from aliend.core.catalogue import paths
from aliend.core.catalogue.entries import Entry
from aliend.engine.ports import CataloguePort
from aliend.errors import CopyError, NotADirectory, ServiceError

BATCH_DELAY = 0.02
"""Seconds that a call waits for others."""
LONG_BATCH_DELAY = 0.25
"""Seconds that a batched call waits for others."""
_ANSWERS, _LONGEST_DELAY = 4, 3.0
"""It waits longer for a slow service: as long as so many answers take, at most so many seconds."""
PREFETCH_TTL = 15.0
"""Seconds after which names looked up in advance are forgotten."""
BATCH_SIZE = 50
"""Names in one request."""

_Lookup = tuple[str, asyncio.Future[Entry | None]]
_Known = tuple[float, Entry | None]
"""When a name was looked up in advance (monotonic seconds), and what it was."""


class StatBatcher:
    """Batches the lookups of one catalogue; `expected` returns how many attempts may still call `stat_batched`."""

    def __init__(self, catalogue: CataloguePort, expected: Callable[[], int]) -> None:
        self._catalogue = catalogue
        self._expected = expected
        self._urgent: list[_Lookup] = []
        self._batched: list[_Lookup] = []
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._known: dict[tuple[int, str], _Known] = {}
        self._above: dict[str, tuple[float, bool]] = {}
        """When names above others were looked up, and whether they are files."""
        self._took = 0.0
        """Seconds that the last request took."""
        self._prefetch_lock = asyncio.Lock()

    async def stat(self, lfn: str) -> Entry | None:
        """Return the entry of a name; None if it does not exist. Raises what the catalogue's `stat` raises."""
        lookup: _Lookup = (lfn, asyncio.get_running_loop().create_future())
        self._urgent.append(lookup)
        self._start()
        return await lookup[1]

    async def stat_batched(self, lfn: str) -> Entry | None:
        """Return the same; waits longer for other callers."""
        loop = asyncio.get_running_loop()
        lookup: _Lookup = (lfn, loop.create_future())
        self._batched.append(lookup)
        if len(self._batched) >= BATCH_SIZE or not self._expected():
            self._flush_batched()
        elif self._timer is None:
            self._timer = loop.call_later(self._batch_delay(), self._flush_batched)
        return await lookup[1]

    async def stat_ahead(self, job: int, lfn: str, others: Callable[[], Awaitable[Sequence[str]]]) -> Entry | None:
        """Return the entry of a name that the job has not changed yet; also look up `others` for its later calls."""
        async with self._prefetch_lock:
            at, entry = self._known.pop((job, lfn), (0.0, None))
            if at <= time.monotonic() - PREFETCH_TTL:
                try:
                    entry = await self._look_ahead(job, [lfn, *(await others())])
                except ServiceError:  # one bad name must not fail the others
                    entry = await self.stat(lfn)
            await self.require_directories(lfn)
        return entry

    def forget(self, job: int) -> None:
        """Forget what was looked up in advance for a job."""
        self._known = {key: known for key, known in self._known.items() if key[0] != job}

    async def require_directories(self, lfn: str) -> None:
        """Raise CopyError if a file stands where `lfn` needs a directory above it."""
        unknown = self._unknown_above(lfn)
        self._record_above(unknown, await asyncio.gather(*(self.stat(name) for name in unknown)))
        for name in paths.ancestors(lfn):
            if self._above.get(name, (0.0, False))[1]:
                del self._above[name]  # the user may remove it
                raise CopyError(str(NotADirectory(name)), kind="permanent").with_errno(errno.ENOTDIR)

    async def _look_ahead(self, job: int, lfns: Sequence[str]) -> Entry | None:
        """Look up names and what is above them, as many as one request can name; return the entry of the first name."""
        names: dict[str, None] = {}
        targets: list[str] = []
        for lfn in lfns:
            group = dict.fromkeys([*self._unknown_above(lfn), lfn])
            if targets and len(names | group) > BATCH_SIZE:
                break
            names |= group
            targets.append(lfn)
        begun = time.monotonic()
        entries, _ = await self._catalogue.stat(list(names))
        by_name = {paths.without_slash(entry.lfn): entry for entry in entries}
        above = [name for name in names if name not in targets]
        self._record_above(above, [by_name.get(name) for name in above])
        self._known = {key: known for key, known in self._known.items() if known[0] > begun - PREFETCH_TTL}
        self._known |= {(job, name): (begun, by_name.get(paths.without_slash(name))) for name in targets[1:]}
        return by_name.get(paths.without_slash(lfns[0]))

    def _unknown_above(self, lfn: str) -> list[str]:
        oldest = time.monotonic() - PREFETCH_TTL
        return [name for name in paths.ancestors(lfn) if self._above.get(name, (0.0, False))[0] <= oldest]

    def _record_above(self, names: Sequence[str], entries: Sequence[Entry | None]) -> None:
        now = time.monotonic()
        if names:
            self._above = {name: found for name, found in self._above.items() if found[0] > now - PREFETCH_TTL}
        for name, entry in zip(names, entries, strict=True):
            self._above[name] = (now, entry is not None and not entry.is_directory)

    async def close(self) -> None:
        """Stop all requests."""
        if self._timer:
            self._timer.cancel()
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _batch_delay(self) -> float:
        return max(LONG_BATCH_DELAY, min(_ANSWERS * self._took, _LONGEST_DELAY))

    def _flush_batched(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._urgent += self._batched
        self._batched = []
        self._start()

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._urgent:
            await asyncio.sleep(BATCH_DELAY)
            batch, self._urgent = self._urgent[:BATCH_SIZE], self._urgent[BATCH_SIZE:]
            lookups = [(lfn, answer) for lfn, answer in batch if not answer.done()]
            await self._resolve(lookups)

    async def _resolve(self, lookups: list[_Lookup]) -> None:
        if not lookups:
            return
        begun = time.monotonic()
        try:
            entries, _ = await self._catalogue.stat(list(dict.fromkeys(lfn for lfn, _ in lookups)))
            self._took = time.monotonic() - begun
        except ServiceError as error:
            if len(lookups) == 1:
                _fail(lookups, error)
            else:  # one bad name must not fail the others
                for single in lookups:
                    await self._resolve([single])
        except Exception as error:  # noqa: BLE001 - the callers get it
            _fail(lookups, error)
        else:
            by_name = {entry.lfn.rstrip("/"): entry for entry in entries}
            for lfn, answer in lookups:
                if not answer.done():
                    answer.set_result(by_name.get(lfn.rstrip("/")))


def _fail(lookups: list[_Lookup], error: Exception) -> None:
    for _, answer in lookups:
        if not answer.done():
            answer.set_exception(error)
