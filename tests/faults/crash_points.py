"""The daemon dies at chosen points: around each change of the catalogue, of a local name and of its database.

`crashing_daemon` runs the daemon so that it kills itself there. A third of the daemons that take over die at another
point of the same kind of work; the next one must complete it.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import shake_128

from tests.faults import crashing_daemon
from tests.faults.campaign import Ground, Order, Report, ground, kill, md5
from tests.faults.checker import Promises, check
from tests.faults.load import wait_for
from tests.harness import eventually

WHAT = "kill -9 of the daemon at chosen points"
ROUNDS, SHORT = 100, 4
_LIMIT = 40.0
_NAMED, _LISTED = 120, 600
"""Sources of a job: three checkpoints of its expansion; and files of a directory: two batches of a listing."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point where a daemon dies, see `crashing_daemon`; `work` is its work there (a key of `_WORKS`)."""

    work: str
    where: str
    when: str
    call: int = 1
    about: str = ""
    inside: str = "daemon"

    def __str__(self) -> str:
        about = f" ({self.about})" if self.about else ""
        return f"{self.work}: {self.when} call {self.call} of {self.where.partition(':')[2]}{about}"


_CHANGE, _CHANGE_EACH, _ADD, _SUBMIT = (
    f"aliend.store.store:Store.{name}" for name in ("change", "change_each", "add", "submit")
)
_MADE = "aliend.store.rows.partial_files:PartialFiles.record_created_directories"
_TICKETS, _COMMIT, _MOVE, _REMOVE, _REMOVE_ALL = (
    f"aliend.central.catalogue:Catalogue.{name}" for name in ("access_write", "commit", "move", "remove", "remove_all")
)
_VERIFY = "aliend.engine.attempts.stat_batcher:StatBatcher.stat_batched"
_BOOKED, _REPLACING, _SUCCEEDED = "IntentSaved(intent=ReplicasBooked", "IntentSaved(intent=Replacing", "Succeeded("


def points() -> list[Point]:
    """Return all points."""
    registering: list[tuple[str, str, int, str]] = [
        (_TICKETS, "after", 1, ""),  # booked, and nothing of it is stored
        (_CHANGE, "after", 1, _BOOKED),  # the intent is stored
        (_COMMIT, "before", 1, ""),  # all replicas are written, none is registered
        (_COMMIT, "after", 1, ""),
        (_COMMIT, "before", 2, ""),
        (_COMMIT, "after", 2, ""),
        (_VERIFY, "before", 1, ""),
        (_VERIFY, "after", 1, ""),
    ]
    ending: list[tuple[str, str, int, str]] = [
        (_CHANGE_EACH, "before", 1, _SUCCEEDED),
        (_CHANGE_EACH, "after", 1, _SUCCEEDED),
    ]
    exchanging: list[tuple[str, str, int, str]] = [
        (_CHANGE, "before", 1, _REPLACING),  # the new file is whole under its temporary name
        (_CHANGE, "after", 1, _REPLACING),
        *((_MOVE, when, call, "") for call in (1, 2) for when in ("before", "after")),
        *((_REMOVE, when, 1, "") for when in ("before", "after")),
    ]
    copying = [
        ("aliend.storage.io.partial_file:PartialFile.make_durable", "before"),
        ("os:fsync", "after"),
        ("os:link", "after"),
        ("aliend.storage.io.partial_file:PartialFile.sync_directory", "before"),
        ("aliend.storage.io.partial_file:PartialFile.sync_directory", "after"),
    ]
    return [
        # Two new files are a batch, which saves the bookings of both together.
        *(Point("upload", _CHANGE_EACH if one[0] == _CHANGE else one[0], *one[1:]) for one in (*registering, *ending)),
        Point("upload", "aliend.storage.worker.upload:ReplicaUpload.close", "before", inside="worker"),
        *(Point("replication", *one) for one in (*registering[1:4], *ending)),
        *(Point("replacement", *one) for one in (registering[2], registering[4], *exchanging, *ending)),
        *(Point("copy", *one) for one in (*registering[2:5], *ending)),
        *(Point("download", *one, inside="worker") for one in copying),
        *(Point("download", *one) for one in ((_MADE, "before", 1, ""), (_MADE, "after", 1, ""), *ending)),
        *(Point("expansion", _ADD, when, call) for call in (1, 2, 3) for when in ("before", "after")),
        *(Point("listing", _ADD, when, 2) for when in ("before", "after")),
        *(Point("deletion", _REMOVE_ALL, when) for when in ("before", "after")),
        *(Point("deletion", "aliend.store.rows.deletions:Deletions.add", when, 2) for when in ("before", "after")),
        *(Point("submission", _SUBMIT, when) for when in ("before", "after")),
    ]


def run(order: Order) -> Report:
    """Use one point in each round, all of them in random order; then compare."""
    all_points = points()
    for point in all_points:
        crashing_daemon.found(point.where)
    with ground(order) as place:
        place.chance.shuffle(all_points)
        round_ = _Round(place)
        for number in range(order.rounds):
            round_.run(number, all_points[number % len(all_points)], all_points)
        left = check(place, round_.promises)
        place.must_be(not left, f"{left} replicas were written and never registered")
        place.report.notes.append(
            f"{min(order.rounds, len(all_points))} of {len(all_points)} points, {round_.again} died again"
        )
        return place.report


class _Round:
    """One round after the other on one ground, and what they promise."""

    def __init__(self, place: Ground) -> None:
        self._place = place
        self._socket = place.user.json("daemon", "status")["socket"]
        self._number = 0
        self.promises = Promises()
        self.again = 0
        self._sums = place.fill(place.user.home / "source", 3, 300_000)
        self._submit(3, "file:source/", f"{place.folder}source/@disk:2")
        wait_for(place, list(self.promises.jobs))
        self.promises.entries |= {f"{place.folder}source/{name}": md5 for name, md5 in self._sums.items()}
        self._many = f"{place.folder.removesuffix('faults/')}many/"
        self._one_of_many = _plant(place, self._many)
        self._works: dict[str, Callable[[], None]] = {
            "upload": self._upload,
            "replacement": self._replace,
            "replication": self._replicate,
            "copy": self._copy,
            "download": self._download,
            "expansion": self._expand,
            "listing": self._list,
            "deletion": self._delete,
            "submission": self._submission,
        }
        self._preparations: dict[str, Callable[[], None]] = {
            "replication": self._prepare_replication,
            "deletion": self._prepare_deletion,
        }

    def run(self, number: int, point: Point, points: list[Point]) -> None:
        """Have a daemon die at the point, another one perhaps at another, and the last one end the work."""
        place, self._number = self._place, number
        before, found = set(self.promises.jobs), len(place.report.problems)
        self._preparations.get(point.work, lambda: None)()
        with _Dying(place, self._socket, point) as daemon:
            self._works[point.work]()
            place.must_be(daemon.has_died(), "was not reached")
        place.report.faults += 1
        jobs = list(set(self.promises.jobs) - before)
        if place.chance.random() < 1 / 3:
            another = place.chance.choice([one for one in points if one.work == point.work])
            with _Dying(place, self._socket, another) as daemon:
                eventually(lambda: daemon.is_dead() or not self._unfinished(jobs), _LIMIT)
                self.again += daemon.is_dead()
        wait_for(place, jobs)
        place.report.problems[found:] = [f"round {number}: {point}: {one}" for one in place.report.problems[found:]]

    def _unfinished(self, jobs: list[int]) -> bool:
        """Whether one of the jobs has not ended; asked so that no daemon is started."""
        database = self._place.user.home / ".local/state/aliend/default/aliend.db"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
            rows = connection.execute("SELECT id FROM job WHERE ended_ms = 0").fetchall()
        return bool({number for (number,) in rows} & set(jobs))

    def _listed(self) -> set[int]:
        return {job["job"] for job in self._place.user.json("transfers", "list", "--all")["jobs"]}

    def _submit(self, files: int, *words: str, command: str = "cp") -> None:
        job = int(self._place.user.must(command, "--detach", *words))
        self.promises.jobs[job] = files

    def _upload(self) -> None:
        name = f"up{self._number}"
        made = self._place.fill(self._place.user.home / name, 2, 300_000)
        self.promises.entries |= {f"{self._place.folder}{name}/{one}": md5 for one, md5 in made.items()}
        self._submit(2, f"file:{name}/", f"{self._place.folder}{name}/@disk:2")

    def _replace(self) -> None:
        name = f"over{self._number}"
        made = self._place.fill(self._place.user.home / name, 1, 300_000)
        self.promises.entries |= {f"{self._place.folder}source/{one}": md5 for one, md5 in made.items()}
        self._sums |= made
        self._submit(1, "-f", f"file:{name}/", f"{self._place.folder}source/@disk:2")

    def _prepare_replication(self) -> None:
        """A file that has one replica."""
        name = f"lone{self._number}"
        content = self._place.chance.randbytes(200_000)
        (self._place.user.home / name).write_bytes(content)
        self._place.user.must("cp", f"file:{name}", f"{self._place.folder}{name}@ALICE::SANDBOX::SE1")
        self.promises.entries[f"{self._place.folder}{name}"] = md5(content)

    def _replicate(self) -> None:
        lfn = f"{self._place.folder}lone{self._number}"
        self._submit(1, lfn, "--to", "ALICE::SANDBOX::SE2", command="replicate")

    def _copy(self) -> None:
        target = f"{self._place.folder}copy{self._number}"
        self.promises.entries[target] = self._sums["02.root"]
        self._submit(1, f"{self._place.folder}source/02.root", f"{target}@disk:2")

    def _download(self) -> None:
        place = self._place.user.home / f"down{self._number}"
        self.promises.local |= {place / name: md5 for name, md5 in self._sums.items()}
        self._submit(3, f"{self._place.folder}source/", f"file:{place.name}/")

    def _expand(self) -> None:
        names = [f"{number:04}" for number in range(_NAMED)]
        self._submit(_NAMED, *(f"{self._many}{name}" for name in names), f"file:{self._local_copies(names)}/")

    def _list(self) -> None:
        names = [f"{number:04}" for number in range(_LISTED)]
        self._submit(_LISTED, self._many, f"file:{self._local_copies(names)}/")

    def _local_copies(self, names: list[str]) -> str:
        place = self._place.user.home / f"many{self._number}"
        self.promises.local |= {place / name: self._one_of_many for name in names}
        return place.name

    def _prepare_deletion(self) -> None:
        name = f"doomed{self._number}"
        self._place.fill(self._place.user.home / name, 3, 20_000)
        self._place.user.must("cp", f"file:{name}/", f"{self._place.folder}sync{self._number}/@disk:2")

    def _delete(self) -> None:
        """A synchronisation that sends one file and removes two of three."""
        name = f"sync{self._number}"
        made = self._place.fill(self._place.user.home / name, 1, 20_000)
        self._submit(1, "--delete", f"file:{name}/", f"{self._place.folder}{name}/@disk:2", command="sync")
        self.promises.entries |= {f"{self._place.folder}{name}/{one}": md5 for one, md5 in made.items()}

    def _submission(self) -> None:
        """A job that was not acknowledged may be submitted or not; no client gets a wrong acknowledgement."""
        name = f"one{self._number}"
        content = self._place.chance.randbytes(1000)
        (self._place.user.home / name).write_bytes(content)
        before = self._listed()
        done = self._place.user.run("cp", f"file:{name}", f"{self._place.folder}{name}@disk:2")
        new = self._listed() - before
        self._place.must_be(len(new) <= 1, f"one cp became the jobs {sorted(new)}")
        self._place.must_be(bool(new) or done.returncode != 0, "cp succeeded without a job")
        self.promises.jobs |= dict.fromkeys(new, 1)
        if new:
            self.promises.entries[f"{self._place.folder}{name}"] = md5(content)


class _Dying:
    """A daemon that dies at a point, in the place of the one that runs."""

    def __init__(self, place: Ground, socket: str, point: Point) -> None:
        self._place = place
        self._socket = socket
        self._point = point

    def __enter__(self) -> _Dying:
        user = self._place.user
        user.must("daemon", "stop")
        self._process = subprocess.Popen(
            [sys.executable, "-P", crashing_daemon.__file__, json.dumps(asdict(self._point)), "--profile", "default"],
            env=user.environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(lambda: self.is_dead() or self._answers(), _LIMIT)
        return self

    def __exit__(self, *_: object) -> None:
        kill(self._process.pid)
        self._process.wait()

    def is_dead(self) -> bool:
        """Whether it is gone by now."""
        return self._process.poll() is not None

    def has_died(self) -> bool:
        """Wait for that; whether it was by its own hand."""
        try:
            return self._process.wait(_LIMIT) == -9
        except subprocess.TimeoutExpired:
            return False

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self._socket) == 0


def _plant(place: Ground, directory: str) -> str:
    """Create many files with the same content in the catalogue; return their md5."""
    size = 1000
    place.user.must("mkdir", "-p", directory)
    place.grid.must("file", f"{directory}0000", str(size), "--copies", "2")
    with closing(sqlite3.connect(place.grid.directory / "catalogue.sqlite", timeout=20)) as database, database:
        columns = "parent_id, type, owner, gowner, perm, size, ctime, guid, md5"
        row = database.execute(f"SELECT {columns} FROM lfn WHERE path = ?", (f"{directory}0000",)).fetchone()
        sql = f"INSERT INTO lfn (path, {columns}) VALUES ({', '.join('?' * 10)})"
        database.executemany(sql, [(f"{directory}{number:04}", *row) for number in range(1, _LISTED)])
    return md5(shake_128(f"{directory}0000".encode()).digest(size))
