"""A central service that sends replies of 1 GiB: each is refused while it arrives, and its memory is returned."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

from websockets.asyncio.server import ServerConnection

from aliend.central.connection.connection import REPLY_LIMIT
from aliend.core.protocol.reply_stream import VALUE_LIMIT
from tests.faults.campaign import Ground, Order, Report, ground
from tests.faults.hostile_central import HostileCentral

WHAT = "replies of 1 GiB, as many results and as one string"
ROUNDS, SHORT = 1, 1
_SIZE, _PIECE = 1 << 30, 1 << 20
_AT_REST = 120 << 20
"""Bytes of the daemon's memory (RSS) a minute after a reply."""
_RETURNED = 25.0
"""Seconds after which the daemon has returned the memory."""
_MOST = {"ls": 2 * REPLY_LIMIT + _AT_REST, "find": 8 * VALUE_LIMIT + _AT_REST}
"""Bytes of the daemon's memory while a reply arrives: a text and its pieces, or one value of a stream."""
_IN_FLIGHT = 64 << 20
"""Bytes that arrive while the daemon ends the connection, without compression: buffers hold any number otherwise."""
_ENTRY = json.dumps({"lfn": "/alice/d/f", "size": "1", "permissions": "644", "type": "f"})


class _HugeCentral(HostileCentral):
    """Replies to `command` with 1 GiB, as one string or as many results; `sent` counts its bytes."""

    command = ""
    is_one_string = False
    sent = 0

    async def answer(self, client: ServerConnection, request: str, reply: str) -> None:
        if json.loads(request).get("command") != self.command:
            await client.send(reply)
            return
        self.sent = 0
        await client.send(self._pieces())

    async def _pieces(self) -> AsyncIterator[str]:
        piece = "x" * _PIECE if self.is_one_string else f"{_ENTRY}," * (_PIECE // len(_ENTRY))
        yield '{"metadata":{"exitcode":"0","error":""},"results":[' + ('{"lfn":"' if self.is_one_string else "")
        while self.sent < _SIZE:
            yield piece
            await asyncio.sleep(0)  # the end of the connection is noticed
            self.sent += len(piece)
        yield '"}]}' if self.is_one_string else f"{_ENTRY}]}}"


def run(order: Order) -> Report:
    """Send each kind of reply once in a round."""
    with ground(order) as place:
        place.user.must("daemon", "stop")
        for compression in (None, "deflate"):
            central = _HugeCentral(place.grid, order.seed, compression)
            with central.listening():
                place.user.variables["ALIENPY_JCENTRAL_PORT"] = str(central.port)
                for _ in range(order.rounds):
                    for command, one_string in (("ls", False), ("ls", True), ("find", True)):
                        _refuse(place, central, command, one_string)
        return place.report


def _refuse(place: Ground, central: _HugeCentral, command: str, one_string: bool) -> None:
    central.command, central.is_one_string = command, one_string
    words, what = (
        [command, place.folder, *(["*"] if command == "find" else [])],
        f"{command}, one string: {one_string}, {central.compression}",
    )
    place.user.must("pwd")
    pid = place.user.pid()
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # the peak begins now (proc(5))
    done = place.user.run(*words)
    place.must_be(done.returncode != 0 and "sent" in done.stderr, f"{what}: {done.returncode} {done.stderr[-300:]}")
    limit = VALUE_LIMIT if command == "find" else REPLY_LIMIT
    place.must_be(
        bool(central.compression) or central.sent < limit + _IN_FLIGHT, f"{what}: {central.sent >> 20} MiB were read"
    )
    peak = _memory(pid, "VmHWM")
    place.must_be(peak < _MOST[command], f"{what}: {peak >> 20} MiB of memory")
    begin = time.monotonic()
    time.sleep(_RETURNED)
    rest = _memory(pid, "VmRSS")
    while rest > _AT_REST and time.monotonic() < begin + 60:
        time.sleep(1)
        rest = _memory(pid, "VmRSS")
    place.must_be(rest <= _AT_REST, f"{what}: {rest >> 20} MiB of memory a minute later")
    place.must_be(place.user.pid() == pid, f"{what}: another daemon runs")
    seconds = time.monotonic() - begin
    figures = f"{central.sent >> 20} MiB sent, peak {peak >> 20} MiB, {rest >> 20} MiB after {seconds:.0f} s"
    place.report.faults += 1
    place.report.notes.append(f"{what}: {figures}")


def _memory(pid: int, name: str) -> int:
    """Return a figure of a process's memory in bytes (proc_pid_status(5))."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith(f"{name}:")).split()[1]) << 10
