"""Maintains connections: keeps idle ones alive, replaces old ones, detects a suspend or a change of network."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing

from aliend.central.connection.connection import Connection, ReplyLost
from aliend.central.connection.login import Limits, Login
from aliend.central.connection.network_changes import SuspendDetector
from aliend.central.connection.pool import ConnectionPool, Slot
from aliend.core.connection.throttle import COMMAND, LOGOUT
from aliend.core.protocol.requests import Request, encode
from aliend.errors import AliendError

log = logging.getLogger(__name__)

_KEEPALIVE = Request("version", ("-nomsg",))
_KEPT, _EXTRA_IDLE = 4, 60.0
"""Connections that stay open, and seconds after which a further idle one is closed."""
_KEEPALIVE_TIMEOUT = 120.0
_RETRY_AFTER = 60.0
"""Seconds between two attempts to replace an old connection."""


class Keepalive:
    """The keepalive of one session; calls `on_idle_closed` for each idle connection that has closed.

    `last_use` is the time of the last request (monotonic seconds).
    """

    def __init__(
        self, pool: ConnectionPool, login: Login, limits: Limits, on_idle_closed: Callable[[Slot], None]
    ) -> None:
        self.last_use = time.monotonic()
        self._pool = pool
        self._login = login
        self._limits = limits
        self._on_idle_closed = on_idle_closed
        self._suspend = SuspendDetector()
        self._not_before = 0.0

    async def run(self) -> None:
        """Maintain the connections until cancelled."""
        while True:
            await asyncio.sleep(self._limits.check_interval)
            slept = self._suspend.has_suspended()
            for slot in self._pool.slots:
                if slot.work is not None and slot.connection is not None:
                    await self._check_busy(slot.connection, slept=slept)
                if slot.connection is not None and self._is_due_for_replacement(slot.connection):
                    await self._replace(slot, slot.connection)
            async with aclosing(self._pool.acquire_idle()) as idle:
                async for slot in idle:
                    await self._check_idle(slot, slept=slept)

    async def _check_busy(self, connection: Connection, *, slept: bool) -> None:
        """Abort a dead connection, so that its request does not wait in vain."""
        if (slept or connection.route_changed()) and not await connection.responds_to_ping(self._limits.ping_deadline):
            log.info("the network has changed; dropping a connection")
            connection.abort()

    async def _check_idle(self, slot: Slot, *, slept: bool) -> None:
        connection = slot.connection
        if connection is None:
            return
        now = time.monotonic()
        if (slept or connection.route_changed()) and not await connection.responds_to_ping(self._limits.ping_deadline):
            log.info("the network has changed; dropping an idle connection")
            connection.abort()
        elif now - self.last_use > self._limits.close_after_idle or (
            slot.number >= _KEPT and now - connection.used > _EXTRA_IDLE
        ):
            await self._close(connection)
        elif now - connection.used > self._limits.idle_before_keepalive:
            await self._send_keepalive(connection)
        if slot.connection is None or not slot.connection.is_open:
            self._on_idle_closed(slot)

    async def _send_keepalive(self, connection: Connection) -> None:
        """Send a command: pings do not keep a session alive (wire specification, section 1.6)."""
        try:
            self._login.add_points(COMMAND)
            await connection.request(encode(_KEEPALIVE), _KEEPALIVE_TIMEOUT)
        except ReplyLost as error:
            log.info("idle connection lost: %s", error)

    def _is_due_for_replacement(self, connection: Connection) -> bool:
        now = time.monotonic()
        wanted = now >= self._not_before and now - self.last_use <= self._limits.close_after_idle
        return wanted and self._limits.is_expiring(connection, now)

    async def _replace(self, slot: Slot, old: Connection) -> None:
        """Log in again while the old connection still serves; retry a failed login after a pause."""
        try:
            new = await self._login.connect()
        except AliendError as error:
            log.warning("cannot replace an old connection: %s", error)
            self._not_before = time.monotonic() + _RETRY_AFTER
            return
        if slot.connection is old and slot.successor is None:
            slot.successor = new
            slot.use_successor()
        else:
            await self._close(new)

    async def _close(self, connection: Connection) -> None:
        self._login.add_points(LOGOUT)
        await connection.close()
