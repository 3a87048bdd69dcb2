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

MOMENT = 0.02
"""Seconds that a question waits for others."""
PATIENCE = 0.25
"""Seconds that a patient question does."""
FORESIGHT = 15.0
"""Seconds after which what was looked up ahead is forgotten."""
MOST = 50
"""Names in one request."""

_Question = tuple[str, asyncio.Future[Entry | None]]


class Looks:
    """The looks at one catalogue; `coming` tells how many attempts may still ask patiently."""

    def __init__(self, catalogue: CataloguePort, coming: Callable[[], int]) -> None:
        self._catalogue = catalogue
        self._coming = coming
        self._asked: list[_Question] = []
        self._patient: list[_Question] = []
        self._answering: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._missing: dict[str, float] = {}
        self._ahead = asyncio.Lock()

    async def entry_of(self, lfn: str) -> Entry | None:
        """What a name is; None if it does not exist. Raises what `stat` raises."""
        question: _Question = (lfn, asyncio.get_running_loop().create_future())
        self._asked.append(question)
        self._begin()
        return await question[1]

    async def entry_among_others(self, lfn: str) -> Entry | None:
        """The same, together with other patient questions."""
        loop = asyncio.get_running_loop()
        question: _Question = (lfn, loop.create_future())
        self._patient.append(question)
        if len(self._patient) >= MOST or not self._coming():
            self._end_patience()
        elif self._patience is None:
            self._patience = loop.call_later(PATIENCE, self._end_patience)
        return await question[1]

    async def first_look(self, lfn: str, others: Callable[[], Awaitable[Sequence[str]]]) -> Entry | None:
        """What a name is before anything was done about it; `others` will be asked for soon."""
        async with self._ahead:
            if self._missing.pop(lfn, 0.0) > time.monotonic() - FORESIGHT:
                return None
            names = [lfn, *(await others())][:MOST]
            try:
                entries, missing = await self._catalogue.stat(names)
            except ServiceError:  # one bad name must not be the others' failure
                return await self.entry_of(lfn)
            now = time.monotonic()
            self._missing = {name: at for name, at in self._missing.items() if at > now - FORESIGHT}
            self._missing.update((name, now) for name in missing if name != lfn)
        return next((entry for entry in entries if entry.lfn.rstrip("/") == lfn.rstrip("/")), None)

    async def close(self) -> None:
        """Stop asking."""
        if self._patience:
            self._patience.cancel()
        if self._answering:
            self._answering.cancel()
            await asyncio.wait([self._answering])

    def _end_patience(self) -> None:
        if self._patience:
            self._patience.cancel()
            self._patience = None
        self._asked += self._patient
        self._patient = []
        self._begin()

    def _begin(self) -> None:
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._answer_all())

    async def _answer_all(self) -> None:
        while self._asked:
            await asyncio.sleep(MOMENT)
            taken, self._asked = self._asked[:MOST], self._asked[MOST:]
            wanted = [(lfn, answer) for lfn, answer in taken if not answer.done()]
            await self._answer(wanted)

    async def _answer(self, wanted: list[_Question]) -> None:
        if not wanted:
            return
        try:
            entries, _ = await self._catalogue.stat(list(dict.fromkeys(lfn for lfn, _ in wanted)))
        except ServiceError as error:
            if len(wanted) == 1:
                _fail(wanted, error)
            else:  # one bad name must not be the others' failure
                for one in wanted:
                    await self._answer([one])
        except Exception as error:  # noqa: BLE001 - whoever asked must hear of it
            _fail(wanted, error)
        else:
            known = {entry.lfn.rstrip("/"): entry for entry in entries}
            for lfn, answer in wanted:
                if not answer.done():
                    answer.set_result(known.get(lfn.rstrip("/")))


def _fail(wanted: list[_Question], error: Exception) -> None:
    for _, answer in wanted:
        if not answer.done():
            answer.set_exception(error)
