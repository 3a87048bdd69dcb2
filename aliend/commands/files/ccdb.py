"""`ccdb`: objects of the conditions database: listed, counted, brought here."""

from __future__ import annotations

import posixpath
from datetime import datetime
from typing import Any

from aliend.central.http_client import HttpClient
from aliend.commands.files import ccdb_files
from aliend.commands.invocation.call import Call
from aliend.core.cli.units import format_size
from aliend.core.grid import ccdb as core
from aliend.core.grid.ccdb import CalibrationObject, Folder, Query
from aliend.errors import WebError
from aliend.runtime import Runtime

_PATIENCE = 5.0
"""Seconds that the service gets for an answer; those for thousands of objects come in time too."""
_PER_OBJECT = 0.01
_FOUND, _NOTHING = 0, 2


async def ccdb(parts: Runtime, call: Call) -> int:
    """Ask, print what there is, and bring it here if that was asked for."""
    query = core.parse(call.words[1:])
    usual = core.base_of(parts.settings.ccdb_host or core.DEFAULT_HOST)
    base = query.host or usual
    async with HttpClient(call.context) as web:
        time = query.time or (await _start_of(web, usual, query.run) if query.run else "")
        headers = {"Browse-Limit": str(query.limit), **dict(query.headers)}
        patience = _PATIENCE + _PER_OBJECT * query.limit
        answer = await web.document(core.url_of(query, base, time), headers, patience)
        found, folders = core.objects_of(answer, base), core.folders_of(answer)
        if query.fetch:
            root = posixpath.normpath(posixpath.join(call.local, query.directory.removeprefix("file:")))
            return await ccdb_files.bring(parts, call, ccdb_files.Order(query, root, tuple(found)))
    if call.as_json:
        await call.document(
            {"objects": [_document(one, query) for one in found], "subfolders": list(map(_folder, folders))}
        )
    else:
        await call.say(_report(folders) if query.report else _listing(found, folders, query))
    if not found and not folders:
        await call.complain(f"ccdb: there is nothing under {query.path or base}")
        return _NOTHING
    return _FOUND


async def _start_of(web: HttpClient, base: str, run: str) -> str:
    """When a run started, in POSIX milliseconds. Raises WebError."""
    answer = await web.document(core.url_of(Query(f"{core.RUN_PATH}/{run}"), base, ""), {}, _PATIENCE)
    for one in core.objects_of(answer, base):
        start = str(one.fields.get("SOR", ""))
        if start.isdigit():
            return start
    raise WebError(f"the CCDB knows no start of run {run}")


def _listing(found: list[CalibrationObject], folders: list[Folder], query: Query) -> str:
    lines = [f"{folder.name.rstrip('/')}/" for folder in folders]
    if found:
        rows = [
            (
                f"{one.path}/{one.name}",
                one.kind or "-",
                f'"{_time(one.valid_from, query)}"',
                f'"{_time(one.valid_until, query)}"',
                str(one.lifetime),
            )
            for one in found
        ]
        heads = ("filename", "ObjectType", "from", "until", "lifetime_ms")
        lines.append("  ".join(heads))
        lines += ["  ".join(row) for row in rows]
    return "\n".join(lines)


def _report(folders: list[Folder]) -> str:
    lines = [f"{'Name':<40}{'ownFiles':>12}{'ownSize':>12}{'filesSub':>12}{'sizeSub':>12}"]
    totals = [0, 0, 0, 0]
    for folder in folders:
        counted = folder.counted or (0, 0, 0, 0)
        totals = [total + number for total, number in zip(totals, counted, strict=True)]
        lines.append(_counted(folder.name, *counted))
    lines.append(_counted("TOTAL", *totals))
    return "\n".join(lines)


def _counted(name: str, files: int, size: int, below: int, size_below: int) -> str:
    return f"{name:<40}{files:>12}{format_size(size):>12}{below:>12}{format_size(size_below):>12}"


def _time(milliseconds: int, query: Query) -> str:
    if query.unixtime:
        return str(milliseconds)
    try:
        return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):  # objects that hold for ever
        return str(milliseconds)


def _document(one: CalibrationObject, query: Query) -> dict[str, Any]:
    return {
        **one.fields,
        "filename": core.target_of(one, query.fetch),
        "Valid-From-nice": _time(one.valid_from, query),
        "Valid-Until-nice": _time(one.valid_until, query),
        "Lifetime": one.lifetime,
        "replicas": list(one.replicas),
    }


def _folder(folder: Folder) -> str | dict[str, str | int]:
    if folder.counted is None:
        return folder.name
    files, size, below, size_below = folder.counted
    return {"name": folder.name, "ownFiles": files, "ownSize": size, "filesSub": below, "sizeSub": size_below}
