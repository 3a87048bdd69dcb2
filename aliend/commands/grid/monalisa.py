"""`queryML`: the last values that the monitoring (MonALISA) knows of a node."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from aliend.central.http_client import HttpClient
from aliend.commands.invocation.call import Call
from aliend.errors import UsageError, WebError
from aliend.runtime import Runtime

DEFAULT_HOST = "http://alimonitor.cern.ch"
_FORMATS = frozenset({"text", "xml", "json"})
"""Words of old scripts; what comes is always JSON."""
_PATIENCE = 10.0
_MILLISECONDS = 1e11
"""Greater numbers are POSIX milliseconds rather than seconds."""


async def query_ml(parts: Runtime, call: Call) -> int:
    """Ask and print a table."""
    words = [word for word in call.words[1:] if word not in _FORMATS]
    if len(words) != 1 or words[0].startswith("-"):
        raise UsageError("queryML takes one node: queryML NODE, or /START/END/NODE with times (see: help queryML)")
    host = parts.settings.monitor_host or DEFAULT_HOST
    url = f"{host.rstrip('/')}/rest/{quote(words[0].strip('/'), safe='/-_.*,:')}?Accept=application/json"
    async with HttpClient(call.context) as web:
        answer = await web.document(url, {}, _PATIENCE)
    rows = _rows(answer, url)
    if call.as_json:
        await call.document({"results": rows})
    else:
        await call.say("\n".join(_table([_readable(row) for row in rows])))
    if not rows:
        await call.complain(f"queryML: nothing is known of {words[0]}")
    return 0


def _rows(answer: object, url: str) -> list[dict[str, Any]]:
    """The values, one dictionary each. Raises WebError for another shape."""
    found = answer.get("results", [answer]) if isinstance(answer, dict) else answer
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise WebError(f"{url} does not answer with a list of values")
    return found


def _readable(row: dict[str, Any]) -> dict[str, str]:
    return {name: _moment(value) if name.lower() == "timestamp" else str(value) for name, value in row.items()}


def _moment(value: object) -> str:
    try:
        number = float(str(value))
        seconds = number / 1000 if number > _MILLISECONDS else number
        return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(value)


def _table(rows: list[dict[str, str]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    widths = {name: max(len(name), *(len(row.get(name, "")) for row in rows)) for name in names}
    lines = [dict(zip(names, names, strict=True)), *rows] if rows else []
    return ["  ".join(f"{line.get(name, ''):<{widths[name]}}" for name in names).rstrip() for line in lines]
