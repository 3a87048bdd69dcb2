"""`ccdb`: lists, counts and downloads objects of the conditions database."""

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

_TIMEOUT = 5.0
"""Seconds until a request fails; `_TIMEOUT_PER_OBJECT` is added for each requested object."""
_TIMEOUT_PER_OBJECT = 0.01
_FOUND, _NOTHING = 0, 2


async def ccdb(runtime: Runtime, call: Call) -> int:
    """Query the database and print the objects, or with -get or -mirror download them."""
    query = core.parse(call.args[1:])
    usual = core.base_of(runtime.settings.ccdb_host or core.DEFAULT_HOST)
    base = query.host or usual
    async with HttpClient(call.context) as web:
        time = query.time or (await _start_of(web, usual, query.run) if query.run else "")
        headers = {"Browse-Limit": str(query.limit), **dict(query.headers)}
        patience = _TIMEOUT + _TIMEOUT_PER_OBJECT * query.limit
        answer = await web.document(core.url_of(query, base, time), headers, patience)
        objects, folders = core.objects_of(answer, base), core.folders_of(answer)
        if query.fetch:
            root = posixpath.normpath(call.local_path(query.directory))
            return await ccdb_files.download_objects(
                runtime, call, ccdb_files.DownloadRequest(query, root, tuple(objects))
            )
    if call.as_json:
        await call.print_json(
            {"objects": [_document(item, query) for item in objects], "subfolders": list(map(_folder, folders))}
        )
    else:
        await call.print(_report(folders) if query.report else _listing(objects, folders, query))
    if not objects and not folders:
        await call.print_error(f"ccdb: nothing found under {query.path or base}")
        return _NOTHING
    return _FOUND


async def _start_of(web: HttpClient, base: str, run: str) -> str:
    """Return the start of a run in POSIX milliseconds. Raises WebError."""
    answer = await web.document(core.url_of(Query(f"{core.RUN_PATH}/{run}"), base, ""), {}, _TIMEOUT)
    for item in core.objects_of(answer, base):
        start = str(item.fields.get("SOR", ""))
        if start.isdigit():
            return start
    raise WebError(f"the CCDB has no start time for run {run}")


def _listing(objects: list[CalibrationObject], folders: list[Folder], query: Query) -> str:
    lines = [f"{folder.name.rstrip('/')}/" for folder in folders]
    if objects:
        rows = [
            (
                f"{item.path}/{item.name}",
                item.kind or "-",
                f'"{_time(item.valid_from, query)}"',
                f'"{_time(item.valid_until, query)}"',
                str(item.lifetime),
            )
            for item in objects
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
    except (OverflowError, ValueError, OSError):  # objects without an end of validity
        return str(milliseconds)


def _document(item: CalibrationObject, query: Query) -> dict[str, Any]:
    return {
        **item.fields,
        "filename": core.target_of(item, query.fetch),
        "Valid-From-nice": _time(item.valid_from, query),
        "Valid-Until-nice": _time(item.valid_until, query),
        "Lifetime": item.lifetime,
        "replicas": list(item.replicas),
    }


def _folder(folder: Folder) -> str | dict[str, str | int]:
    if folder.counted is None:
        return folder.name
    files, size, below, size_below = folder.counted
    return {"name": folder.name, "ownFiles": files, "ownSize": size, "filesSub": below, "sizeSub": size_below}
