"""`ccdb`: lists, counts and downloads objects of the conditions database."""

from __future__ import annotations

import posixpath
from datetime import datetime
from typing import Any

from aliend.central.http_client import HttpClient
from aliend.commands.files import ccdb_files
from aliend.commands.invocation.call import Call
from aliend.core.connection.context import Context
from aliend.core.grid import ccdb as core
from aliend.core.grid.ccdb import CalibrationObject, Folder, Query
from aliend.errors import WebError
from aliend.runtime import Runtime

_TIMEOUT = 5.0
"""Seconds until a request fails; `_TIMEOUT_PER_OBJECT` is added for each requested object."""
_TIMEOUT_PER_OBJECT = 0.01
_FOUND, _NOTHING = 0, 2
_HEADER = f"{'Filename':<47}{'Type':<28}{'ValidFrom':<19}{'ValidUntil':<20}Lifetime(ms)"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


async def ccdb(runtime: Runtime, call: Call) -> int:
    """Query the database and print the objects, or with -get or -mirror download them."""
    query = core.parse(call.args[1:])
    objects, folders = await found_objects(runtime, call.context, query)
    if query.fetch:
        root = posixpath.normpath(call.local_path(query.directory))
        return await ccdb_files.download_objects(runtime, call, ccdb_files.DownloadRequest(query, root, tuple(objects)))
    if call.as_json:
        await call.print_json(
            {"objects": [_document(item, query) for item in objects], "subfolders": list(map(_folder, folders))}
        )
    else:
        await call.print(_report(folders) if query.report else _listing(objects, folders, query))
    if not objects and not folders:
        await call.print_error(f"ccdb: nothing found under {query.path or query.host or _usual_host(runtime)}")
        return _NOTHING
    return _FOUND


async def found_objects(
    runtime: Runtime, context: Context, query: Query
) -> tuple[list[CalibrationObject], list[Folder]]:
    """Return the objects and folders that a query finds. Raises WebError."""
    usual = _usual_host(runtime)
    base = query.host or usual
    async with HttpClient(context) as web:
        time = query.time or (await _start_of(web, usual, query.run) if query.run else "")
        headers = {"Browse-Limit": str(query.limit), **dict(query.headers)}
        patience = _TIMEOUT + _TIMEOUT_PER_OBJECT * query.limit
        answer = await web.document(core.url_of(query, base, time), headers, patience)
    return core.objects_of(answer, base), core.folders_of(answer)


def _usual_host(runtime: Runtime) -> str:
    return core.base_of(runtime.settings.ccdb_host or core.DEFAULT_HOST)


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
                item.name,
                item.kind or "-",
                f'"{_time(item.valid_from, query)}"',
                f'"{_time(item.valid_until, query)}"',
                str(item.lifetime),
            )
            for item in objects
        ]
        lines.append(_HEADER)
        lines += ["  ".join(row) for row in rows]
    return "\n".join(lines)


def _report(folders: list[Folder]) -> str:
    lines = [f"{'Name':<40}{'ownFiles':>12}{'ownSize':>12}{'filesSub':>12}{'sizeSub':>14}"]
    total_files = total_size = 0
    for folder in folders:
        counted = folder.counted or (0, 0, 0, 0)
        files, size, below, size_below = counted
        total_files, total_size = total_files + files + below, total_size + size + size_below
        lines.append(f"{folder.name:<40}{files:>12}{_size(size, 2):>12}{below:>12}{_size(size_below, 2):>14}")
    lines.append(f"{' ' * 17 + 'TOTAL':<40}{'-':>12}{'-':>12}{total_files:>12}{_size(total_size, 3):>14}")
    return "\n".join(lines)


def _size(size: float, digits: int) -> str:
    """Return a size as alien.py prints it: 1024 bytes are still in bytes."""
    unit = 0
    while size > 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.{digits}f} {_UNITS[unit]}"


def _time(milliseconds: int, query: Query) -> str:
    if query.unixtime:
        return str(milliseconds)
    try:
        return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S%z")
    except (OverflowError, ValueError, OSError):  # objects without an end of validity
        return str(milliseconds)


def _document(item: CalibrationObject, query: Query) -> dict[str, Any]:
    fields = {key: value for key, value in item.fields.items() if key != "fileName"}
    modified = fields.get("Last-Modified")
    if isinstance(modified, int):
        fields["Last-Modified-nice"] = _time(modified, query)
    return {
        **fields,
        "filename": item.name,
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
