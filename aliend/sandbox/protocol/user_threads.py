"""The threads that serve one user: with few of them, a stuck command delays the user's other commands."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable


class UserThreads:
    """Limits the number of commands of one user that run at the same time, on whatever connection."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def thread(self, user: str, limit: Callable[[], float]) -> AsyncIterator[None]:
        """Hold a thread for a command of `user`; wait until one is free. `limit()` 0: no limit."""
        async with self._changed:
            await self._changed.wait_for(lambda: not limit() or self._running[user] < limit())
            self._running[user] += 1
        try:
            yield
        finally:
            self._running[user] -= 1
            async with self._changed:
                self._changed.notify_all()
