"""Looks names up in the catalogue for many transfers at a time: one `stat` for all who ask within a moment.

Whoever asks gets an answer that the catalogue gave after the question, as if asking alone. Only one request is under
way at a time: who asks meanwhile shares the next one. A patient question waits for others of its kind, as long as more
are to come. Only a first look may be answered from a moment ago: names that do not exist are looked up ahead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from aliend.core.catalogue.entries import Entry
from aliend.engine.ports import CataloguePort
from aliend.errors import ServiceError

BATCH_DELAY = 0.02
"""Seconds that a question waits for others."""
LONG_BATCH_DELAY = 0.25
"""Seconds that a patient question does."""
PREFETCH_TTL = 15.0
"""Seconds after which what was looked up ahead is forgotten."""
BATCH_SIZE = 50
"""Names in one request."""

_Lookup = tuple[str, asyncio.Future[Entry | None]]


class StatBatcher:
    """The looks at one catalogue; `coming` tells how many attempts may still ask patiently."""

    def __init__(self, catalogue: CataloguePort, expected: Callable[[], int]) -> None:
        self._catalogue = catalogue
        self._expected = expected
        self._urgent: list[_Lookup] = []
        self._batched: list[_Lookup] = []
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._missing: dict[str, float] = {}
        self._prefetch_lock = asyncio.Lock()

    async def stat(self, lfn: str) -> Entry | None:
        """What a name is; None if it does not exist. Raises what `stat` raises."""
        question: _Lookup = (lfn, asyncio.get_running_loop().create_future())
        self._urgent.append(question)
        self._start()
        return await question[1]

    async def stat_batched(self, lfn: str) -> Entry | None:
        """The same, together with other patient questions."""
        loop = asyncio.get_running_loop()
        question: _Lookup = (lfn, loop.create_future())
        self._batched.append(question)
        if len(self._batched) >= BATCH_SIZE or not self._expected():
            self._flush_batched()
        elif self._timer is None:
            self._timer = loop.call_later(LONG_BATCH_DELAY, self._flush_batched)
        return await question[1]

    async def stat_ahead(self, lfn: str, others: Callable[[], Awaitable[Sequence[str]]]) -> Entry | None:
        """What a name is before anything was done about it; `others` will be asked for soon."""
        async with self._prefetch_lock:
            if self._missing.pop(lfn, 0.0) > time.monotonic() - PREFETCH_TTL:
                return None
            names = [lfn, *(await others())][:BATCH_SIZE]
            try:
                entries, missing = await self._catalogue.stat(names)
            except ServiceError:  # one bad name must not be the others' failure
                return await self.stat(lfn)
            now = time.monotonic()
            self._missing = {name: at for name, at in self._missing.items() if at > now - PREFETCH_TTL}
            self._missing.update((name, now) for name in missing if name != lfn)
        return next((entry for entry in entries if entry.lfn.rstrip("/") == lfn.rstrip("/")), None)

    async def close(self) -> None:
        """Stop asking."""
        if self._timer:
            self._timer.cancel()
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

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
            taken, self._urgent = self._urgent[:BATCH_SIZE], self._urgent[BATCH_SIZE:]
            wanted = [(lfn, answer) for lfn, answer in taken if not answer.done()]
            await self._resolve(wanted)

    async def _resolve(self, wanted: list[_Lookup]) -> None:
        if not wanted:
            return
        try:
            entries, _ = await self._catalogue.stat(list(dict.fromkeys(lfn for lfn, _ in wanted)))
        except ServiceError as error:
            if len(wanted) == 1:
                _fail(wanted, error)
            else:  # one bad name must not be the others' failure
                for one in wanted:
                    await self._resolve([one])
        except Exception as error:  # noqa: BLE001 - whoever asked must hear of it
            _fail(wanted, error)
        else:
            known = {entry.lfn.rstrip("/"): entry for entry in entries}
            for lfn, answer in wanted:
                if not answer.done():
                    answer.set_result(known.get(lfn.rstrip("/")))


def _fail(wanted: list[_Lookup], error: Exception) -> None:
    for _, answer in wanted:
        if not answer.done():
            answer.set_exception(error)
