"""Compares the expected results with the catalogue, the storage, the local disk and the daemon's database.

The catalogue is read from the sandbox's own database and the storage from the servers' own directories: nothing that
the daemon reports is trusted.
"""

from __future__ import annotations

import json
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.campaign import Ground, md5_of

_STATE = ".local/state/aliend/default"


@dataclass
class Promises:
    """What must be true in the end.

    `entries` are the files that the catalogue must have below the ground's folder (LFN to md5), `local` those that must
    be on the disk (path to md5) and the only ones in their directories, `jobs` the files of each acknowledged job,
    `failing` the jobs that cannot succeed.
    """

    entries: dict[str, str] = field(default_factory=dict)
    local: dict[Path, str] = field(default_factory=dict)
    jobs: dict[int, int] = field(default_factory=dict)
    failing: set[int] = field(default_factory=set)
    replicas: int = 2


def check(ground: Ground, promises: Promises) -> int:
    """Report everything that is not as it was promised; how many replicas are whole that only a booking knows.

    The service removes those after a day; nobody learns of them.
    """
    problems = ground.report.problems
    database = sqlite3.connect(f"file:{ground.grid.directory}/catalogue.sqlite?mode=ro", uri=True)
    try:
        problems += _catalogue(database, ground, promises)
        orphans, booked = _storage(database, ground)
        problems += orphans
    finally:
        database.close()
    ground.report.notes += [f"{booked} whole replicas that only a booking knows"] if booked else []
    problems += _disk(ground, promises)
    problems += _jobs(ground, promises)
    problems += _database(ground)
    return booked


def _catalogue(database: sqlite3.Connection, ground: Ground, promises: Promises) -> Iterator[str]:
    below = f"{ground.folder.rstrip('/')}/"
    rows = database.execute(
        "SELECT path, lfn.guid, lfn.md5, lfn.size, guid.md5, guid.size FROM lfn LEFT JOIN guid USING (guid)"
        " WHERE substr(path, 1, ?) = ? AND type <> 'd'",
        (len(below), below),
    ).fetchall()
    found = {row[0]: row for row in rows}
    yield from (f"the catalogue lacks {lfn}" for lfn in promises.entries if lfn not in found)
    yield from (f"the catalogue has {lfn}, which nobody asked for" for lfn in found if lfn not in promises.entries)
    for guid, count in Counter(row[1] for row in rows).items():
        if count > 1:
            yield f"GUID {guid} was committed under {count} names"
    for lfn, md5 in promises.entries.items():
        if lfn not in found:
            continue
        _, guid, *sums = found[lfn]
        if sums[0] != md5 or sums[2] not in (md5, None):
            yield f"the catalogue says md5 {sums[0]} of {lfn}, which has {md5}"
        yield from _replicas(database, ground, lfn, (guid, md5, promises.replicas))


def _replicas(database: sqlite3.Connection, ground: Ground, lfn: str, wanted: tuple[str, str, int]) -> Iterator[str]:
    guid, md5, count = wanted
    rows = database.execute("SELECT se, pfn FROM pfn WHERE guid = ?", (guid,)).fetchall()
    if len({se for se, _ in rows}) != count:
        yield f"{lfn} has {len(rows)} replicas in place of {count}"
    for se, pfn in rows:
        if md5_of(_file_of(database, ground, (se, pfn))) != md5:
            yield f"the replica {pfn} of {lfn} is not on its storage, or is not its content"


def _storage(database: sqlite3.Connection, ground: Ground) -> tuple[list[str], int]:
    """Files on storage that the catalogue knows nothing of, and how many whole ones it knows as booked only.

    Those that were not finished, which XRootD marks with the sticky bit, the servers remove by themselves.
    """
    known = {
        _file_of(database, ground, (se, pfn)) for se, pfn in database.execute("SELECT se, pfn FROM pfn WHERE se > 0")
    }
    known |= {_file_of(database, ground, (se, pfn)) for se, pfn in database.execute("SELECT se, pfn FROM orphan")}
    booked = {
        _file_of(database, ground, (number, pfn)): size
        for number, pfn, size in database.execute(
            "SELECT number, pfn, booked.size FROM booked JOIN se ON se.name = booked.se"
        )
    }
    found = {
        file for data in ground.grid.directory.glob("storage/*/data") for file in data.rglob("*") if file.is_file()
    }
    unknown = found - known
    problems = [f"{file} is on storage, and the catalogue does not know it" for file in unknown - set(booked)]
    left = [(file.stat(), size) for file, size in booked.items() if file in unknown]
    return problems, sum(there.st_size == size and not there.st_mode & stat.S_ISVTX for there, size in left)


def _file_of(database: sqlite3.Connection, ground: Ground, replica: tuple[int, str]) -> Path:
    """Return the path of a replica (number of its storage element, PFN); members of archives have none."""
    number, pfn = replica
    if number <= 0:
        return Path(pfn)
    (name,) = database.execute("SELECT name FROM se WHERE number = ?", (number,)).fetchone()
    place: Path = ground.grid.directory / "storage" / str(name).rpartition(":")[2].lower() / "data"
    return place / pfn.split("/", 3)[-1].lstrip("/")


def _disk(ground: Ground, promises: Promises) -> Iterator[str]:
    for path, md5 in promises.local.items():
        found = md5_of(path)
        if found != md5:
            yield f"{path} has the wrong content" if found else f"{path} is missing"
    for directory in {path.parent for path in promises.local}:
        there = set(directory.iterdir()) if directory.is_dir() else set()
        yield from (f"{path} is on the disk, and nobody asked for it" for path in there - set(promises.local))
    yield from (f"{path} was left behind" for path in ground.user.home.rglob(".*.part"))
    spooled = ground.user.home.glob(f"{_STATE}/spool/**/*")
    yield from (f"{path} was left behind in the spool" for path in spooled if path.is_file())


def _jobs(ground: Ground, promises: Promises) -> Iterator[str]:
    user = ground.user
    listed = Counter(job["job"] for job in user.json("transfers", "list", "--all")["jobs"])
    for job, files in promises.jobs.items():
        if listed[job] != 1:
            yield f"job {job} was acknowledged, and is listed {listed[job]} times"
            continue
        document = user.json("transfers", "show", str(job))
        counted, wanted = document["files"], "done"
        if job in promises.failing:
            wanted = "failed"
        if document["state"] != wanted or counted[wanted] != files or counted["total"] != files:
            reasons = {one["message"] for one in document["transfers"] if one["state"] != "done"}
            yield f"job {job} is {document['state']} with {counted}, it has {files} files: {sorted(reasons)[:3]}"
            continue
        lines = user.run("transfers", "watch", str(job), "--since", "0", "--json").stdout if wanted == "done" else ""
        events = [json.loads(line) for line in lines.splitlines()]
        ends = Counter(one["transfer"] for one in events if one["state"] == "done" and one["transfer"])
        yield from (f"transfer {one} of job {job} ended {count} times" for one, count in ends.items() if count != 1)


def _database(ground: Ground) -> Iterator[str]:
    """Check that nothing runs any more, and that no finished transfer has an intent."""
    with closing(sqlite3.connect(f"file:{ground.user.home}/{_STATE}/aliend.db?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT id, state, intent <> '' FROM transfer WHERE state = 'running' OR (state = 'done' AND intent <> '')"
        ).fetchall()
    yield from (
        f"transfer {one} is {state} in the database{', with an intent' * intent}" for one, state, intent in rows
    )
