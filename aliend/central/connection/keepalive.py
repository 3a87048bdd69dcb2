"""Looks after connections: keeps idle ones alive, replaces old ones, notices a sleep or a change of network."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing

from aliend.central.connection.connection import Connection, ReplyLost
from aliend.central.connection.login import Limits, Login
from aliend.central.connection.network_changes import Sleep
from aliend.central.connection.pool import Pool, Slot
from aliend.core.connection.throttle import COMMAND, LOGOUT
from aliend.core.protocol.requests import Request, encode
from aliend.errors import AliendError

log = logging.getLogger(__name__)

_KEEP_ALIVE = Request("version", ("-nomsg",))
_ANSWER_WITHIN = 120.0
_PAUSE = 60.0
"""Seconds between two attempts to replace an old connection."""


class Keeper:
    """The keeper of one session. `ended` is told about each idle connection that is gone.

    `last_use` is when somebody asked for something (monotonic seconds).
    """

    def __init__(self, pool: Pool, login: Login, limits: Limits, ended: Callable[[Slot], None]) -> None:
        self.last_use = time.monotonic()
        self._pool = pool
        self._login = login
        self._limits = limits
        self._ended = ended
        self._sleep = Sleep()
        self._not_before = 0.0

    async def run(self) -> None:
        """Look after the connections until cancelled."""
        while True:
            await asyncio.sleep(self._limits.look_after)
            slept = self._sleep.has_happened()
            for slot in self._pool.slots:
                if slot.work is not None and slot.connection is not None:
                    await self._look_after_busy(slot.connection, slept=slept)
                if slot.connection is not None and self._is_to_be_replaced(slot.connection):
                    await self._replace(slot, slot.connection)
            async with aclosing(self._pool.idle()) as idle:
                async for slot in idle:
                    await self._look_after(slot, slept=slept)

    async def _look_after_busy(self, connection: Connection, *, slept: bool) -> None:
        """Cut a connection that did not survive, so that its request does not wait for nothing."""
        if (slept or connection.has_moved()) and not await connection.answers(self._limits.ping_deadline):
            log.info("the network has changed; a connection is dropped")
            connection.abort()

    async def _look_after(self, slot: Slot, *, slept: bool) -> None:
        connection = slot.connection
        if connection is None:
            return
        now = time.monotonic()
        if (slept or connection.has_moved()) and not await connection.answers(self._limits.ping_deadline):
            log.info("the network has changed; an idle connection is dropped")
            connection.abort()
        elif now - self.last_use > self._limits.kept_after_use:
            await self._close(connection)
        elif now - connection.used > self._limits.idle_before_keep_alive:
            await self._use(connection)
        if slot.connection is None or not slot.connection.is_open:
            self._ended(slot)

    async def _use(self, connection: Connection) -> None:
        """A real command: pings do not keep a session alive (wire specification, section 1.6)."""
        try:
            self._login.spend(COMMAND)
            await connection.request(encode(_KEEP_ALIVE), _ANSWER_WITHIN)
        except ReplyLost as error:
            log.info("idle connection lost: %s", error)

    def _is_to_be_replaced(self, connection: Connection) -> bool:
        now = time.monotonic()
        wanted = now >= self._not_before and now - self.last_use <= self._limits.kept_after_use
        return wanted and self._limits.is_old(connection, now)

    async def _replace(self, slot: Slot, old: Connection) -> None:
        """Log in anew while the old connection still serves; where that fails, it is tried again after a pause."""
        try:
            new = await self._login.connection()
        except AliendError as error:
            log.warning("an old connection could not be replaced: %s", error)
            self._not_before = time.monotonic() + _PAUSE
            return
        if slot.connection is old and slot.successor is None:
            slot.successor = new
            slot.renew()
        else:
            await self._close(new)

    async def _close(self, connection: Connection) -> None:
        self._login.spend(LOGOUT)
        await connection.close()
