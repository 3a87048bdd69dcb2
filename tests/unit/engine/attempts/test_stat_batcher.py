"""Lookups in advance."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aliend.core.catalogue.entries import Entry
from aliend.engine.attempts import stat_batcher
from aliend.engine.attempts.stat_batcher import StatBatcher
from tests.unit.engine.fakes import FakeCatalogue, Grid


async def others() -> list[str]:
    return ["/b", "/c"]


async def nobody() -> list[str]:
    return []


async def test_names_are_looked_up_in_advance_whether_they_exist_or_not() -> None:
    grid = Grid()
    grid.put("/b", b"data")
    catalogue = FakeCatalogue(grid)
    stats = StatBatcher(catalogue, lambda: 0)
    assert await stats.stat_ahead(1, "/a", others) is None
    assert await stats.stat_ahead(1, "/b", others) == grid.files["/b"]
    assert await stats.stat_ahead(1, "/c", others) is None
    assert catalogue.calls["stat"] == 1
    await stats.stat_ahead(1, "/b", others)
    assert catalogue.calls["stat"] == 2


async def test_lookups_in_advance_are_not_shared_between_jobs() -> None:
    """The first job may have registered the name since then."""
    grid = Grid()
    stats = StatBatcher(FakeCatalogue(grid), lambda: 0)
    await stats.stat_ahead(1, "/a", others)
    grid.put("/b", b"data")
    assert await stats.stat_ahead(2, "/b", nobody) == grid.files["/b"]


async def test_a_job_that_is_tried_again_looks_again() -> None:
    grid = Grid()
    grid.put("/b", b"data")
    stats = StatBatcher(FakeCatalogue(grid), lambda: 0)
    await stats.stat_ahead(1, "/a", others)
    del grid.files["/b"]
    stats.forget(1)
    assert await stats.stat_ahead(1, "/b", nobody) is None


async def test_a_slow_service_is_asked_for_more_names_at_a_time() -> None:
    class Slow(FakeCatalogue):
        async def stat(self, lfns: Sequence[str], /) -> tuple[list[Entry], list[str]]:
            await asyncio.sleep(0.5)
            return await super().stat(lfns)

    catalogue = Slow(Grid())
    stats = StatBatcher(catalogue, lambda: 1)
    await stats.stat("/a")
    first = asyncio.create_task(stats.stat_batched("/b"))
    await asyncio.sleep(2 * stat_batcher.LONG_BATCH_DELAY)
    await asyncio.gather(first, stats.stat_batched("/c"))
    assert catalogue.log == [("stat", "/a"), ("stat", "/b", "/c")]
