"""A table, printed by `pytest -s`: the effect of each fault on the user, and the time to recover."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from aliend.central.connection.login import Limits
from aliend.central.session import CentralSession
from aliend.core.protocol.requests import Request
from aliend.errors import AliendError
from tests.integration.central.service import Authority, Issued, Service, eventually

LS, SUBMIT = Request("ls", ("/alice",)), Request("submit", ("/alice/a.jdl",))
LIMITS = Limits(first_pause=0.05, longest_pause=0.2, check_interval=0.1, ping_deadline=0.5, idle_before_ping=0.0)
REPLY_TIMEOUT = 0.5
RECOVERED_WITHIN = 60.0

EXPECTED = {
    "session ended by the service": ("answered", "answered"),
    "connection cut while idle": ("answered", "answered"),
    "request lost": ("answered", "exit 75"),
    "reply lost": ("answered", "exit 75"),
    "half a reply": ("answered", "exit 75"),
    "empty reply": ("exit 70", "exit 75"),
    "reply is not JSON": ("exit 22", "exit 75"),
    "reply of another shape": ("exit 42", "exit 75"),
    "two replies": ("answered", "answered"),
    "reply without directory": ("answered", "answered"),
    "no reply": ("exit 107", "exit 75"),
    "service busy (HTTP 503)": ("exit 107", "exit 107"),
    "certificate unknown (HTTP 401)": ("exit 129", "exit 129"),
    "dead peer": ("answered", "answered"),
}
FAULTS = {
    "request lost": "drop-before",
    "reply lost": "drop-after",
    "half a reply": "half",
    "empty reply": "empty",
    "reply is not JSON": "garbage",
    "reply of another shape": "shape",
    "two replies": "twice",
    "reply without directory": "none",
    "no reply": "hang",
}
STATUSES = {
    "service busy (HTTP 503)": HTTPStatus.SERVICE_UNAVAILABLE,
    "certificate unknown (HTTP 401)": HTTPStatus.UNAUTHORIZED,
}


@asynccontextmanager
async def broken(service: Service, central: CentralSession, fault: str) -> AsyncGenerator[None, None]:
    """`fault` for the one request that is made inside."""
    assert service.server is not None
    peers = list(service.server.connections)
    undo: list[Callable[[], object]] = []
    if fault in FAULTS:
        service.faults.append(FAULTS[fault])
    elif fault in STATUSES:
        service.status = STATUSES[fault]
    for peer in peers:
        if fault == "session ended by the service":
            await peer.close(1013, "Session timed out")
        elif fault == "dead peer":
            peer.transport.pause_reading()
            undo.append(peer.transport.abort)
        elif fault == "connection cut while idle" or fault in STATUSES:
            peer.transport.abort()
            await eventually(lambda: central.status().connections == 0)
    try:
        yield
    finally:
        service.status = None
        for action in undo:
            action()


async def seen(central: CentralSession, request: Request) -> str:
    try:
        await central.request(request, timeout=REPLY_TIMEOUT)
    except AliendError as error:
        return f"exit {error.exit_code}"
    return "answered"


async def recovery(central: CentralSession) -> float:
    """Seconds until a request is answered."""
    before = time.monotonic()
    async with asyncio.timeout(RECOVERED_WITHIN):
        while await seen(central, LS) != "answered":
            pass
    return time.monotonic() - before


async def test_each_fault_shows_as_expected_and_passes(service: Service, authority: Authority, alice: Issued) -> None:
    rows = [f"{'fault':32} {'a reading command':18} {'a changing command':19} well again after"]
    found = {}
    for fault in EXPECTED:
        async with CentralSession(service.context(authority.ca, alice), limits=LIMITS) as central:
            await central.request(LS)
            async with broken(service, central, fault):
                reading = await seen(central, LS)
            first = await recovery(central)
            count = len([words for words in service.executed if words[0] == "submit"])
            async with broken(service, central, fault):
                changing = await seen(central, SUBMIT)
            second = await recovery(central)
            assert len([words for words in service.executed if words[0] == "submit"]) <= count + 1
        found[fault] = (reading, changing)
        rows.append(f"{fault:32} {reading:18} {changing:19} {max(first, second):.2f} s")
    print("\n" + "\n".join(rows))  # noqa: T201 (the table is what one runs this for)
    assert found == EXPECTED
