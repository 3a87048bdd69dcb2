"""Login: finds the service, connects, and sets the site and the role of the context.

One call is one attempt; retries are decided by `aliend.core.connection.connection_state`. Also counts the throttle
points of each certificate, which all sessions with one subject share.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from aliend.central.connection.connection import OPEN_TIMEOUT, Connection, open_connection
from aliend.central.connection.jbox import find_services
from aliend.central.credentials.certificates import Credential
from aliend.core.connection.context import Context
from aliend.core.connection.discovery import Target
from aliend.core.connection.throttle import COMMAND, LOGIN, ThrottlePoints
from aliend.core.protocol.replies import parse
from aliend.core.protocol.requests import Request, encode
from aliend.errors import NotConnected, RoleRefused

log = logging.getLogger(__name__)

_SETUP_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Timing of a session in seconds (the service ends it 15 minutes after a command and 2 days after the login)."""

    first_pause: float = 0.5
    longest_pause: float = 2.0
    open_timeout: float = OPEN_TIMEOUT
    check_interval: float = 5.0
    lost_reply_check_interval: float = 1.0
    idle_before_ping: float = 30.0
    ping_deadline: float = 3.0
    idle_before_keepalive: float = 600.0
    close_after_idle: float = 12 * 3600.0
    max_connection_age: float = 47 * 3600.0
    before_certificate_end: float = 600.0

    def is_expiring(self, connection: Connection, now: float) -> bool:
        """Return whether the service will soon end `connection`; `now` is in monotonic seconds."""
        left = connection.credential.facts.ends_ms / 1000 - time.time()
        # A certificate that was already this close to its end at the login is used until its end.
        had = left + now - connection.opened
        ends_soon = left < self.before_certificate_end <= had
        return ends_soon or now - connection.opened > self.max_connection_age


class Login:
    """Creates connections for one context; records the last error and the throttle points."""

    def __init__(self, context: Context, agent: str, limits: Limits, ledger: ThrottleLedger) -> None:
        self.context = context
        self.logins = 0
        self._problem = ""
        self.credential: Credential | None = None
        self.endpoint = context.endpoint
        self._ledger = ledger
        self._agent = agent
        self._limits = limits

    @property
    def problem(self) -> str:
        """Return the last error; empty after the next success."""
        return self._problem

    @problem.setter
    def problem(self, text: str) -> None:
        if text and text != self._problem:
            log.warning("%s", "; ".join(text.splitlines()))
        self._problem = text

    async def connect(self) -> Connection:
        """Return a connection that is ready for requests, to the first usable service of the context.

        Raises what `open_connection` raises for the last service.
        """
        for target in await asyncio.to_thread(find_services, self.context):
            try:
                return await self._connect_to(target)
            except NotConnected as error:
                if not target.is_jbox:
                    raise
                log.warning("%s; trying the next service", error)
        raise AssertionError("the central service is always the last target")

    def add_points(self, points: int) -> None:
        """Add points that the service counts against the certificate."""
        self._ledger.add(self._subject, points)

    @property
    def points(self) -> ThrottlePoints:
        """Return the points of the certificate now."""
        return self._ledger.points_of(self._subject)

    @property
    def _subject(self) -> str:
        return self.credential.facts.subject if self.credential else ""

    async def _connect_to(self, target: Target) -> Connection:
        connection = await open_connection(self.context, target, self._agent, self._limits.open_timeout)
        self.logins += 1
        self.credential, self.endpoint = connection.credential, target.endpoint
        self.add_points(LOGIN)
        credential = connection.credential
        log.info(
            "logged in to %s as %s with %s", target.endpoint, credential.facts.subject, credential.files.certificate
        )
        timing = "on" if self.context.timing else ""
        settings = (("setSite", self.context.site), ("user", self.context.role), ("timing", timing))
        try:
            for command, value in settings:
                if value:
                    await self._apply_setting(connection, Request(command, (value,)))
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _apply_setting(self, connection: Connection, request: Request) -> None:
        self.add_points(COMMAND)
        reply = parse(await connection.request(encode(request), _SETUP_TIMEOUT), request)
        if reply.exit_code:
            raise RoleRefused(f"{self.endpoint} refused `{request}`: {reply.error.strip()}", reply.exit_code)


class ThrottleLedger:
    """Throttle points by the subject of the certificate."""

    def __init__(self) -> None:
        self._points: dict[str, ThrottlePoints] = {}

    def add(self, subject: str, points: int) -> None:
        """Add points that the service counts against `subject`."""
        now = time.monotonic()
        self._points[subject] = self._points.get(subject, ThrottlePoints(0.0, now)).plus(points, now)

    def points_of(self, subject: str) -> ThrottlePoints:
        """Return the points of `subject` now."""
        return self._points.get(subject, ThrottlePoints()).at(time.monotonic())
