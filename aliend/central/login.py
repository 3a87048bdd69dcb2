"""Logging in: a few tries with growing pauses, then the site and the role of the context are put into force.

A login is expensive (ten points of the service's hundred in five minutes), hence the pauses: after each failure one of
a random length, longer with every further failure ("full jitter").
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from aliend.central.connection import Connection, ReplyLost, Unreachable, open_connection
from aliend.central.credentials import Credential
from aliend.core.context import Context
from aliend.core.replies import parse
from aliend.core.requests import Request, encode
from aliend.errors import AliendError, NotConnected

log = logging.getLogger(__name__)

_SETTING_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How a session is kept, in seconds (the service ends it 15 minutes after a command and 2 days after the login)."""

    tries: int = 3
    first_pause: float = 0.5
    longest_pause: float = 2.0
    look_after: float = 60.0
    idle_before_ping: float = 30.0
    ping_deadline: float = 3.0
    idle_before_keep_alive: float = 600.0
    kept_after_use: float = 12 * 3600.0
    connection_age: float = 47 * 3600.0
    before_certificate_end: float = 600.0

    def is_old(self, connection: Connection, now: float) -> bool:
        """Whether the service is about to end `connection` at `now` (monotonic seconds)."""
        left = connection.credential.facts.ends_ms / 1000 - time.time()
        # A certificate that was this close to its end at the login is used up to it.
        had = left + now - connection.opened
        ends_soon = left < self.before_certificate_end <= had
        return ends_soon or now - connection.opened > self.connection_age


class Login:
    """Makes connections for one context and remembers how that went."""

    def __init__(self, context: Context, agent: str, chance: Callable[[], float], limits: Limits) -> None:
        self.context = context
        self.logins = 0
        self.problem = ""
        self.credential: Credential | None = None
        self._agent = agent
        self._chance = chance
        self._limits = limits
        self._failures = 0

    async def connection(self) -> Connection:
        """A connection that is ready for requests.

        Raises what `open_connection` raises; Unreachable only after all tries.
        """
        tries = self._limits.tries
        for attempt in range(tries):
            await asyncio.sleep(self._pause())
            try:
                return await self._once()
            except (Unreachable, ReplyLost) as error:
                self.failed(error)
                if attempt + 1 == tries:
                    raise
            except AliendError as error:
                self.problem = str(error)
                raise
        raise AssertionError("the last attempt returns or raises")

    def failed(self, error: Exception) -> None:
        """Note a failure that may pass: the next login waits."""
        self._failures += 1
        self.problem = str(error)

    def succeeded(self) -> None:
        """Note a reply: the session works."""
        self._failures = 0
        self.problem = ""

    def _pause(self) -> float:
        if not self._failures:
            return 0.0
        ceiling = self._limits.first_pause * 2.0 ** min(self._failures - 1, 16)
        return self._chance() * min(self._limits.longest_pause, ceiling)

    async def _once(self) -> Connection:
        connection = await open_connection(self.context, self._agent)
        self.logins += 1
        self.credential = connection.credential
        log.info("logged in to %s as %s", self.context.endpoint, connection.credential.facts.subject)
        settings = (("setSite", self.context.site), ("user", self.context.role))
        try:
            for command, value in settings:
                if value:
                    await self._put_into_force(connection, Request(command, (value,)))
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _put_into_force(self, connection: Connection, request: Request) -> None:
        reply = parse(await connection.request(encode(request), _SETTING_TIMEOUT), request)
        if reply.exit_code:
            raise NotConnected(f"{self.context.endpoint} refuses `{request}`: {reply.error.strip()}")
