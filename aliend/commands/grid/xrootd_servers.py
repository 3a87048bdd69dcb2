"""Questions to the servers of storage elements: xrd_ping, xrd_config, xrd_stats. The copying processes ask them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aliend.commands.grid.elements import elements, told
from aliend.commands.invocation.call import Call
from aliend.core.cli.options import Option, ParsedOptions, parse_options
from aliend.core.grid import xrootd_statistics
from aliend.core.grid.element_listing import server_of
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
    """A server by its address (`host:port`) and what it is called in the output."""

    name: str
    address: str


async def ping(parts: Runtime, call: Call) -> int:
    """Round-trip times of servers, after one that does not count."""
    given = parse_options("xrd_ping", call.words[1:], _PING)
    count = given.number("c", _COUNT, least=1)
    if count > _MOST:
        raise UsageError(f"xrd_ping: -c is at most {_MOST}")
    servers = await _servers(parts, call, given)
    probes = [Probe(0, f"root://{server.address}", "ping", count=count + 1, limit=_PING_LIMIT) for server in servers]
    answers = await _ask(parts, probes)
    lines = [f"{server.name:<32} {_round_trip(one)}" for server, one in zip(servers, answers, strict=True)]
    results = [
        {**_facts(server, one), "results": [round(each, 3) for each in one.milliseconds[1:]]}
        for server, one in zip(servers, answers, strict=True)
    ]
    return await told(call, [f"XRootD ping(s): {count} time(s) to:", *lines], results)


async def config(parts: Runtime, call: Call) -> int:
    """How servers are set up."""
    given = parse_options("xrd_config", call.words[1:], _CONFIG)
    servers = await _servers(parts, call, given)
    words = " ".join(_KEYS)
    answers = await _ask(
        parts, [Probe(0, f"root://{one.address}", "config", words, limit=_QUERY_LIMIT) for one in servers]
    )
    lines: list[str] = []
    results = []
    for server, answer in zip(servers, answers, strict=True):
        values = _values(answer.text)
        results.append({**_facts(server, answer), **values})
        if not answer.ok:
            lines.append(f"{server.name}: {answer.message}")
            continue
        lines.append(_config_line(server, values))
        if given.has("verbose"):
            lines.append(_config_details(values))
    return await told(call, lines, results)


async def stats(parts: Runtime, call: Call) -> int:
    """What servers count, as JSON or XML."""
    given = parse_options("xrd_stats", call.words[1:], _STATS)
    if given.has("xml") and given.has("xmlraw"):
        raise UsageError("xrd_stats: -xml and -xmlraw exclude each other; give one of them")
    servers = await _servers(parts, call, given)
    answers = await _ask(
        parts, [Probe(0, f"root://{one.address}", "stats", "a", limit=_QUERY_LIMIT) for one in servers]
    )
    lines: list[str] = []
    results = []
    for server, answer in zip(servers, answers, strict=True):
        results.append(
            {**_facts(server, answer), **(xrootd_statistics.parse_statistics(answer.text) if answer.ok else {})}
        )
        lines.append(_stats_text(given, answer) if answer.ok else f"{server.name}: {answer.message}")
    return await told(call, lines, results)


async def _servers(parts: Runtime, call: Call, given: ParsedOptions) -> list[_Server]:
    """Those that the words mean: labels of storage elements, or else names of hosts."""
    if given.has("all") == bool(given.operands):
        raise UsageError(f"{given.command} needs servers or labels of storage elements, or -a for all storage elements")
    listed = await elements(parts, call)
    if given.has("all"):
        return [_Server(one.name, one.server) for one in listed]
    servers: list[_Server] = []
    for word in given.operands:
        meant = [_Server(one.name, one.server) for one in listed if one.matches(word)]
        servers += meant or [_Server(word, server_of(word))]
    return list(dict.fromkeys(servers))


async def _ask(parts: Runtime, probes: Sequence[Probe]) -> list[Probed]:
    return list(await asyncio.gather(*(parts.workers.run(probe, lambda _: None) for probe in probes)))


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
    """The values in the order of the words that were asked for; a word itself stands for one that is not set."""
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


def _stats_text(given: ParsedOptions, answer: Probed) -> str:
    if given.has("xmlraw"):
        return answer.text
    if given.has("xml"):
        return xrootd_statistics.indent_xml(answer.text)
    tree = xrootd_statistics.parse_statistics(answer.text)
    return json.dumps(tree, separators=(",", ":")) if given.has("compact") else json.dumps(tree, indent=2)
