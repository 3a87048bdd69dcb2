"""How the service and other hosts can be reached: ping, wbtime, checkAddr."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Sequence

from aliend.central.connection.tcp import AddressProbe, probe_addresses
from aliend.central.session import CentralSession
from aliend.commands.invocation.call import Call
from aliend.errors import NotConnected, UsageError
from aliend.runtime import Runtime

_USUAL, _MOST_PINGS, _MOST_LOGINS = 3, 1000, 20
"""Times, and the most that may be asked for: the service counts logins against the certificate."""
_REFERENCE = (("8.8.8.8", 53), ("2001:4860:4860::8888", 53), ("www.cern.ch", 80))
_LARGEST_PORT = 65535


async def ping(parts: Runtime, call: Call) -> int:
    """Ping the service some times on the connection that is there."""
    return await _measured(parts, call, CentralSession.ping, "Websocket ping/pong(s)", _MOST_PINGS)


async def wbtime(parts: Runtime, call: Call) -> int:
    """Log in some times on connections of their own, which are closed again."""
    return await _measured(parts, call, CentralSession.connect_once, "Websocket connect time", _MOST_LOGINS)


async def check_addr(parts: Runtime, call: Call) -> int:
    """Try every address of the service or of another host; with `reference` well-known ones before."""
    words = [word for word in call.words[1:] if word != "reference"]
    hosts = list(_REFERENCE) if "reference" in call.words[1:] else []
    found: list[AddressProbe] = []
    for host, port in [*hosts, _target(call, words)]:
        try:
            async for probe in probe_addresses(host, port, call.context.finding.family):
                found.append(probe)
                if not call.as_json:
                    await call.say(f"{probe.address}:{probe.port}        {'OK' if probe.answers else 'FAIL'}")
        except NotConnected as error:
            await call.complain(f"checkAddr: {error}")
    if call.as_json:
        results = [{"host": p.host, "address": p.address, "port": p.port, "ok": p.answers} for p in found]
        await call.document({"results": results})
    return 0


def _target(call: Call, words: Sequence[str]) -> tuple[str, int]:
    """Host and port of the words, else the service's. Raises UsageError."""
    endpoint = call.context.endpoint
    host, port = words[0] if words else endpoint.host, words[1] if len(words) > 1 else str(endpoint.port)
    if len(words) > 2 or host.startswith("-") or not (port.isascii() and port.isdigit()):
        raise UsageError("checkAddr takes `reference`, a host and a port: checkAddr [reference] [HOST [PORT]]")
    if not 0 < int(port) <= _LARGEST_PORT:
        raise UsageError(f"checkAddr: a port is 1 to {_LARGEST_PORT}, not {port}")
    return host, int(port)


async def _measured(
    parts: Runtime, call: Call, once: Callable[[CentralSession], Awaitable[tuple[float, str]]], title: str, most: int
) -> int:
    count = _count(call, most)
    central = parts.central_sessions.of(call.context)
    times, address = [], ""
    for _ in range(count):
        seconds, address = await once(central)
        times.append(seconds * 1000)
    figures = min(times), statistics.mean(times), max(times), statistics.stdev(times) if count > 1 else 0.0
    if call.as_json:
        names = ("min_ms", "avg_ms", "max_ms", "mdev_ms")
        await call.document({"count": count, "address": address, **dict(zip(names, figures, strict=True))})
        return 0
    rtt = "/".join(f"{figure:.3f}" for figure in figures)
    await call.say(f"{title} : {count} time(s) to {address}\nrtt min/avg/max/mdev (ms) = {rtt}")
    return 0


def _count(call: Call, most: int) -> int:
    words = call.words[1:]
    text = words[0] if words else str(_USUAL)
    if len(words) > 1 or not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= most:
        raise UsageError(f"{call.words[0]} takes how often, 1 to {most}, not {' '.join(words)!r}")
    return int(text)
