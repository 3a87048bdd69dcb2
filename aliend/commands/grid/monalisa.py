"""`queryML`: prints the latest values of a node from the MonALISA monitoring."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aliend.central.http_client import HttpClient
from aliend.commands.invocation.call import Call
from aliend.core.cli.units import format_time
from aliend.core.connection.context import Context
from aliend.errors import UsageError, WebError
from aliend.runtime import Runtime

DEFAULT_HOST = "http://alimonitor.cern.ch"
_FORMATS = frozenset({"text", "xml", "json"})
"""Arguments of old scripts, ignored: the service always sends JSON."""
_TIMEOUT = 10.0
_MILLISECONDS = 1e11
"""Larger numbers are POSIX milliseconds instead of seconds."""


async def query_ml(runtime: Runtime, call: Call) -> int:
    """Query the monitoring and print a table."""
    arguments = [word for word in call.args[1:] if word not in _FORMATS]
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise UsageError("queryML requires one node: NODE, or /START/END/NODE with times (see `alienctl help queryML`)")
    rows = await values_of(runtime, call.context, arguments[0])
    if call.as_json:
        await call.print_json({"results": rows})
    else:
        await call.print("\n".join(_table([_readable(row) for row in rows])))
    if not rows:
        await call.print_error(f"queryML: no values for {arguments[0]}")
    return 0


async def values_of(runtime: Runtime, context: Context, node: str) -> list[dict[str, Any]]:
    """Return the latest values of a node, one dictionary each. Raises WebError."""
    host = runtime.settings.monitor_host or DEFAULT_HOST
    url = f"{host.rstrip('/')}/rest/{quote(node.strip('/'), safe='/-_.*,:')}?Accept=application/json"
    async with HttpClient(context) as web:
        answer = await web.document(url, {}, _TIMEOUT)
    return _rows(answer, url)


def _rows(answer: object, url: str) -> list[dict[str, Any]]:
    """Return the values, one dictionary each. Raises WebError for an invalid reply."""
    found = answer.get("results", [answer]) if isinstance(answer, dict) else answer
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise WebError(f"invalid reply from {url}: not a list of values")
    return found


def _readable(row: dict[str, Any]) -> dict[str, str]:
    return {name: _moment(value) if name.lower() == "timestamp" else str(value) for name, value in row.items()}


def _moment(value: object) -> str:
    try:
        number = float(str(value))
        seconds = number / 1000 if number > _MILLISECONDS else number
        return format_time(seconds)
    except (ValueError, OverflowError, OSError):
        return str(value)


def _table(rows: list[dict[str, str]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    widths = {name: max(len(name), *(len(row.get(name, "")) for row in rows)) for name in names}
    lines = [dict(zip(names, names, strict=True)), *rows] if rows else []
    return ["  ".join(f"{line.get(name, ''):<{widths[name]}}" for name in names).rstrip() for line in lines]
