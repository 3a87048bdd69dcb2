"""The output of a command as events of its call."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from aliend.services.command_run import Context, Events


class SlowCall:
    """A call that accepts one event at a time, when the test allows it."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.let = asyncio.Event()
        self._busy = False

    async def write(self, event: Any) -> None:  # noqa: ANN401
        assert not self._busy, "an event was sent before the one before it was taken"
        self._busy = True
        await self.let.wait()
        self.taken.append(event.stdout)
        self._busy = False


async def test_an_event_of_a_cancelled_command_is_sent_before_the_next_one() -> None:
    call = SlowCall()
    events = Events(cast(Context, call))
    first = asyncio.create_task(events.stdout(b"one"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(events.stdout(b"two"))
    await asyncio.sleep(0)
    call.let.set()
    await second
    assert call.taken == [b"one", b"two"]
