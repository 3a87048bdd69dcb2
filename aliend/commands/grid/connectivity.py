"""`ping`, `wbtime`, `checkAddr`: measure and check connections to the service and other hosts."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Sequence

from aliend.central.connection.tcp import AddressProbe, probe_addresses
from aliend.central.session import CentralSession
from aliend.commands.invocation.call import Call
from aliend.errors import NotConnected, UsageError
from aliend.runtime import Runtime

_USUAL, MOST_PINGS, MOST_LOGINS = 3, 1000, 20
"""The default count and the limits: the service counts logins per certificate."""
_REFERENCE = (("8.8.8.8", 53), ("2001:4860:4860::8888", 53), ("www.cern.ch", 80))
_LARGEST_PORT = 65535

Once = Callable[[CentralSession], Awaitable[tuple[float, str]]]
"""One measurement: the seconds it took, and the address that answered."""


async def ping(runtime: Runtime, call: Call) -> int:
    """Measure pings on the existing connection to the service."""
    return await _measure(runtime, call, CentralSession.ping, "Websocket ping/pong(s)", MOST_PINGS)


async def wbtime(runtime: Runtime, call: Call) -> int:
    """Measure logins, each on a new connection that is closed afterwards."""
    return await _measure(runtime, call, CentralSession.connect_once, "Websocket connect time", MOST_LOGINS)


async def check_addr(runtime: Runtime, call: Call) -> int:
    """Connect to each address of the service or of another host; with `reference` also to well-known hosts."""
    arguments = [word for word in call.args[1:] if word != "reference"]
    hosts = list(_REFERENCE) if "reference" in call.args[1:] else []
    found: list[AddressProbe] = []
    for host, port in [*hosts, _target(call, arguments)]:
        try:
            async for probe in probe_addresses(host, port, call.context.finding.family):
                found.append(probe)
                if not call.as_json:
                    await call.print(f"{probe.address}:{probe.port}        {'OK' if probe.answers else 'FAIL'}")
        except NotConnected as error:
            await call.print_error(f"checkAddr: {error}")
    if call.as_json:
        results = [{"host": p.host, "address": p.address, "port": p.port, "ok": p.answers} for p in found]
        await call.print_json({"results": results})
    return 0


def _target(call: Call, operands: Sequence[str]) -> tuple[str, int]:
    """Return the given host and port, or those of the service. Raises UsageError."""
    endpoint = call.context.endpoint
    host, port = operands[0] if operands else endpoint.host, operands[1] if len(operands) > 1 else str(endpoint.port)
    if len(operands) > 2 or host.startswith("-") or not (port.isascii() and port.isdigit()):
        raise UsageError("usage: checkAddr [reference] [HOST [PORT]]")
    if not 0 < int(port) <= _LARGEST_PORT:
        raise UsageError(f"checkAddr: the port must be 1 to {_LARGEST_PORT}, not {port}")
    return host, int(port)


async def _measure(runtime: Runtime, call: Call, once: Once, title: str, most: int) -> int:
    count = _count(call, most)
    measured, address = await measure(runtime.central_sessions.of(call.context), once, count)
    times = [seconds * 1000 for seconds in measured]
    figures = min(times), statistics.mean(times), max(times), statistics.stdev(times) if count > 1 else 0.0
    if call.as_json:
        names = ("min_ms", "avg_ms", "max_ms", "mdev_ms")
        await call.print_json({"count": count, "address": address, **dict(zip(names, figures, strict=True))})
        return 0
    rtt = "/".join(f"{figure:.3f}" for figure in figures)
    await call.print(f"{title} : {count} time(s) to {address}\nrtt min/avg/max/mdev (ms) = {rtt}")
    return 0


async def measure(central: CentralSession, once: Once, count: int) -> tuple[list[float], str]:
    """Return the seconds of each measurement, and the address that answered."""
    times, address = [], ""
    for _ in range(count):
        seconds, address = await once(central)
        times.append(seconds)
    return times, address


async def measure_pings(central: CentralSession, count: int) -> tuple[list[float], str]:
    """Return the seconds of pings, and the address that answered. Raises UsageError for a count out of range."""
    return await measure(central, CentralSession.ping, _checked_count(count, MOST_PINGS))


async def measure_logins(central: CentralSession, count: int) -> tuple[list[float], str]:
    """Return the seconds of logins, and the address that answered. Raises UsageError for a count out of range."""
    return await measure(central, CentralSession.connect_once, _checked_count(count, MOST_LOGINS))


async def addresses_of(host: str, port: int, family: str) -> list[AddressProbe]:
    """Return the addresses of a host, and whether each accepts connections. Raises NotConnected."""
    return [probe async for probe in probe_addresses(host, port, family)]


def _checked_count(count: int, most: int) -> int:
    if count > most:
        raise UsageError(f"count must be at most {most}, not {count}")
    return count or _USUAL


def _count(call: Call, most: int) -> int:
    arguments = call.args[1:]
    text = arguments[0] if arguments else str(_USUAL)
    if len(arguments) > 1 or not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= most:
        raise UsageError(f"{call.args[0]}: the count must be 1 to {most}, not {' '.join(arguments)!r}")
    return int(text)
