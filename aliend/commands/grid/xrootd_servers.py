"""`xrd_ping`, `xrd_config`, `xrd_stats`: query XRootD servers, through the worker processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aliend.commands.grid.elements import list_elements
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.results import print_results
from aliend.core.cli.options import Option, ParsedOptions, parse_options
from aliend.core.grid import xrootd_statistics
from aliend.core.grid.element_listing import ListedStorageElement, server_of
from aliend.errors import UsageError
from aliend.runtime import Runtime
from aliend.storage.tasks import Probe, Probed

_COUNT, _MOST = 3, 100
_PING_LIMIT, _QUERY_LIMIT = 2.0, 5.0
_ALL: Mapping[str, Option] = {"-a": Option("all"), "-all": Option("all")}
_PING = {"-c": Option("c", "a number"), **_ALL}
_CONFIG = {"-v": Option("verbose"), "-verbose": Option("verbose"), **_ALL}
_STATS = {"-xml": Option("xml"), "-xmlraw": Option("xmlraw"), "-compact": Option("compact"), **_ALL}
_KEYS = (
    *("bind_max", "chksum", "pio_max", "readv_ior_max", "readv_iov_max", "tpc", "wan_port"),
    *("wan_window", "window", "cms", "role", "sitename", "version"),
)


@dataclass(frozen=True, slots=True)
class _Server:
    """A server: its address (`host:port`) and its name in the output."""

    name: str
    address: str


async def ping(runtime: Runtime, call: Call) -> int:
    """Print round-trip times of servers; the first one is not counted."""
    options = parse_options("xrd_ping", call.args[1:], _PING)
    count = options.number("c", _COUNT, least=1)
    if count > _MOST:
        raise UsageError(f"xrd_ping: -c must be at most {_MOST}")
    servers = await _parse_servers(runtime, call, options)
    answers = await probe(runtime, servers, "ping", count)
    lines = [f"{server.name:<32} {_round_trip(one)}" for server, one in zip(servers, answers, strict=True)]
    results = [
        {**_facts(server, one), "results": [round(each, 3) for each in one.milliseconds[1:]]}
        for server, one in zip(servers, answers, strict=True)
    ]
    return await print_results(call, [f"XRootD ping(s): {count} time(s) to:", *lines], results)


async def config(runtime: Runtime, call: Call) -> int:
    """Print the configuration of servers."""
    options = parse_options("xrd_config", call.args[1:], _CONFIG)
    servers = await _parse_servers(runtime, call, options)
    answers = await probe(runtime, servers, "config")
    lines: list[str] = []
    results = []
    for server, answer in zip(servers, answers, strict=True):
        values = _values(answer.text)
        results.append({**_facts(server, answer), **values})
        if not answer.ok:
            lines.append(f"{server.name}: {answer.message}")
            continue
        lines.append(_config_line(server, values))
        if options.has("verbose"):
            lines.append(_config_details(values))
    return await print_results(call, lines, results)


async def stats(runtime: Runtime, call: Call) -> int:
    """Print the statistics of servers as JSON or XML."""
    options = parse_options("xrd_stats", call.args[1:], _STATS)
    if options.has("xml") and options.has("xmlraw"):
        raise UsageError("xrd_stats: use either -xml or -xmlraw, not both")
    servers = await _parse_servers(runtime, call, options)
    answers = await probe(runtime, servers, "stats")
    lines: list[str] = []
    results = []
    for server, answer in zip(servers, answers, strict=True):
        results.append(
            {**_facts(server, answer), **(xrootd_statistics.parse_statistics(answer.text) if answer.ok else {})}
        )
        lines.append(_stats_text(options, answer) if answer.ok else f"{server.name}: {answer.message}")
    return await print_results(call, lines, results)


async def _parse_servers(runtime: Runtime, call: Call, options: ParsedOptions) -> list[_Server]:
    """Return the servers that the arguments name: storage element labels, or else host names."""
    if options.has("all") == bool(options.operands):
        raise UsageError(
            f"{options.command} requires servers or storage element labels, or -a for all storage elements"
        )
    listed = await list_elements(runtime, call)
    if options.has("all"):
        return [_Server(one.name, one.server) for one in listed]
    return servers_of(listed, options.operands)


def servers_of(listed: Sequence[ListedStorageElement], operands: Sequence[str]) -> list[_Server]:
    """Return the servers of the storage elements that the operands name, or else of hosts."""
    servers: list[_Server] = []
    for word in operands:
        meant = [_Server(one.name, one.server) for one in listed if one.matches(word)]
        servers += meant or [_Server(word, server_of(word))]
    return list(dict.fromkeys(servers))


async def probe(
    runtime: Runtime, servers: Sequence[_Server], what: Literal["ping", "config", "stats"], count: int = _COUNT
) -> list[Probed]:
    """Query servers; of `ping`, the first round trip also connects and is one more than `count`."""
    arguments = {"ping": "", "config": " ".join(_KEYS), "stats": "a"}
    limit = _PING_LIMIT if what == "ping" else _QUERY_LIMIT
    times = count + 1 if what == "ping" else 1
    probes = [Probe(0, f"root://{one.address}", what, arguments[what], times, limit) for one in servers]
    return await asyncio.gather(*(runtime.workers.run(each, lambda _: None) for each in probes))


def settings_of(answer: Probed) -> dict[str, str]:
    """Return the values in an answer to `config`, without those that are not set."""
    return {key: value for key, value in _values(answer.text).items() if value != "NOT_SET"}


def _facts(server: _Server, answer: Probed) -> dict[str, Any]:
    return {
        "se": server.name,
        "host": server.address,
        "ok": answer.ok,
        "status": answer.status,
        "code": answer.code,
        "errno": answer.errno,
        "message": answer.message,
    }


def _round_trip(answer: Probed) -> str:
    times = answer.milliseconds[1:] or answer.milliseconds
    if not answer.ok or not times:
        return answer.message
    least, most, mean = min(times), max(times), sum(times) / len(times)
    deviation = (sum((each - mean) ** 2 for each in times) / max(1, len(times) - 1)) ** 0.5
    return f"rtt min/avg/max/mdev (ms) = {least:.3f}/{mean:.3f}/{most:.3f}/{deviation:.3f}"


def _values(text: str) -> dict[str, str]:
    """Parse the values, which are in the order of `_KEYS`; a server repeats the key of a value that is not set."""
    lines = text.split("\n")
    found = zip(_KEYS, [*lines, *_KEYS[len(lines) :]], strict=False)
    return {key: "NOT_SET" if value.strip() in ("", key) else value.strip() for key, value in found}


def _config_line(server: _Server, values: Mapping[str, str]) -> str:
    site = values["sitename"] if values["sitename"] != "NOT_SET" else server.name
    return (
        f"Site/XrdVer: {site}/{values['version']} ; TPC status: {values['tpc']} ; "
        f"role: {values['role']} ; CMS: {values['cms']}"
    )


def _config_details(values: Mapping[str, str]) -> str:
    return (
        f"Chksum type: {values['chksum']} ; Bind max: {values['bind_max']} ; PIO max: {values['pio_max']} ; "
        f"Window/WAN window: {values['window']}/{values['wan_window']} ; "
        f"readv_{{ior,iov}}_max: {values['readv_ior_max']}/{values['readv_iov_max']}"
    )


def _stats_text(options: ParsedOptions, answer: Probed) -> str:
    if options.has("xmlraw"):
        return answer.text
    if options.has("xml"):
        return xrootd_statistics.indent_xml(answer.text)
    tree = xrootd_statistics.parse_statistics(answer.text)
    return json.dumps(tree, separators=(",", ":")) if options.has("compact") else json.dumps(tree, indent=2)
