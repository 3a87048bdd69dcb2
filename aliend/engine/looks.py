"""Looks names up in the catalogue for many transfers at a time: one `stat` for all who ask within a moment.

Whoever asks gets an answer that the catalogue gave after the question, as if asking alone. Only one request is under
way at a time: who asks meanwhile shares the next one.
"""

from __future__ import annotations

import asyncio

from aliend.core.catalogue import Entry
from aliend.engine.ports import CataloguePort
from aliend.errors import ServiceError

MOMENT = 0.02
"""Seconds that a question waits for others."""
MOST = 50
"""Names in one request."""


class Looks:
    """The looks at one catalogue."""

    def __init__(self, catalogue: CataloguePort) -> None:
        self._catalogue = catalogue
        self._asked: list[tuple[str, asyncio.Future[Entry | None]]] = []
        self._answering: asyncio.Task[None] | None = None

    async def entry_of(self, lfn: str) -> Entry | None:
        """What a name is; None if it does not exist. Raises what `stat` raises."""
        answer: asyncio.Future[Entry | None] = asyncio.get_running_loop().create_future()
        self._asked.append((lfn, answer))
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._answer_all())
        return await answer

    async def close(self) -> None:
        """Stop asking."""
        if self._answering:
            self._answering.cancel()
            await asyncio.wait([self._answering])

    async def _answer_all(self) -> None:
        while self._asked:
            await asyncio.sleep(MOMENT)
            taken, self._asked = self._asked[:MOST], self._asked[MOST:]
            wanted = [(lfn, answer) for lfn, answer in taken if not answer.done()]
            await self._answer(wanted)

    async def _answer(self, wanted: list[tuple[str, asyncio.Future[Entry | None]]]) -> None:
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


def _fail(wanted: list[tuple[str, asyncio.Future[Entry | None]]], error: Exception) -> None:
    for _, answer in wanted:
        if not answer.done():
            answer.set_exception(error)
