"""Processes of a Dask cluster and the daemon are killed under a mixed load: no copy is lost or charged to its file.

The cluster uses TLS: a scheduler, and nannies with a worker each. Meanwhile all copying processes are observed: no two
of them may have the same partial file open for writing.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.dask_cluster import DaskCluster, copying_pids, dask_cluster
from tests.faults.campaign import Ground, Order, Report, children, ground, kill
from tests.faults.checker import check
from tests.faults.load import Load, wait_for

WHAT = "kill -9 of workers, nannies, the scheduler and the daemon of a Dask cluster"
ROUNDS, SHORT = 25, 5
_NANNIES = 2
_WAVE = 8
"""Kills in a wave of load."""
_LARGEST, _RATE = 10_000_000, "8M"
"""Bytes of a file, and of all copies in a second: a wave lasts long enough for its kills."""
_LONGEST = 0.5
"""Seconds at most between the first bytes that move and the kill."""
_COPIES_LIMIT = 90.0
"""Seconds within which bytes must move after a kill, unless all jobs have ended."""
_LIMIT = 600.0
"""Seconds that the jobs of a wave have after its last kill."""
_LOOK_INTERVAL = 0.05
_WRITING = os.O_WRONLY | os.O_RDWR


def run(order: Order) -> Report:
    """Kill so many processes, in waves of load; then compare."""
    with (
        ground(order) as place,
        TemporaryDirectory() as directory,
        dask_cluster(Path(directory)) as cluster,
        _observed(place),
    ):
        _configure(place, cluster)
        _start_workers(cluster)
        load, killed = Load(place, largest=_LARGEST), Counter[str]()
        while place.report.faults < order.rounds:
            jobs = load.submit()
            most = min(order.rounds, place.report.faults + _WAVE)
            while place.report.faults < most and _wait_for_copies(place, cluster, jobs):
                time.sleep(place.chance.uniform(0.0, _LONGEST))
                kind = list(_KILLS)[place.report.faults % len(_KILLS)]
                _KILLS[kind](place, cluster)
                killed[kind] += 1
                place.report.faults += 1
            wait_for(place, jobs, _LIMIT)
        check(place, load.promises)
        _check_attempts(place)
        files = sum(load.promises.jobs.values())
        place.report.notes.append(f"{files} files in {len(load.promises.jobs)} jobs")
        place.report.notes.append(", ".join(f"{count} x {kind}" for kind, count in killed.items()))
        return place.report


def _configure(place: Ground, cluster: DaskCluster) -> None:
    settings = cluster.settings
    config = place.user.home / ".config/aliend/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'[transfers]\nexecutor = "dask"\nscheduler = "{settings.scheduler}"\nworker_processes = 4\n'
        f'tls_ca = "{settings.ca}"\ntls_cert = "{settings.cert}"\ntls_key = "{settings.key}"\n'
    )
    place.user.must("daemon", "restart")
    place.user.must("transfers", "limit", f"rate={_RATE}")


def _start_workers(cluster: DaskCluster) -> None:
    for _ in range(_NANNIES):
        cluster.start_worker(nanny=True)


def _workers(cluster: DaskCluster) -> list[int]:
    """Return the processes of the Dask workers: the children of the nannies that run copies or can do so."""
    return [
        child
        for nanny in cluster.workers
        for child in children(nanny.pid)
        if b"spawn_main" in _read(Path(f"/proc/{child}/cmdline"))
    ]


def _copying(cluster: DaskCluster) -> list[int]:
    return [pid for worker in _workers(cluster) for pid in copying_pids(worker)]


def _wait_for_copies(place: Ground, cluster: DaskCluster, jobs: list[int]) -> bool:
    """Wait until copying processes move bytes; return whether they do: not if all jobs have ended."""
    limit, before = time.monotonic() + _COPIES_LIMIT, _bytes_done(place, jobs)
    while before:
        now = _bytes_done(place, jobs)
        if not now or (_copying(cluster) and any(done > before.get(job, 0) for job, done in now.items())):
            return bool(now)
        before = {job: min(done, before.get(job, 0)) for job, done in now.items()}
        if not place.must_be(
            time.monotonic() < limit, f"no bytes have moved within {_COPIES_LIMIT:.0f} s after a kill"
        ):
            return False
        time.sleep(0.1)
    return False


def _bytes_done(place: Ground, jobs: list[int]) -> dict[int, int]:
    """Return the bytes so far of the jobs that have not ended; this starts a daemon if none runs."""
    listed = place.user.json("transfers", "list")["jobs"]
    return {job["job"]: job["bytes_done"] for job in listed if job["job"] in jobs}


def _kill_worker(place: Ground, cluster: DaskCluster) -> None:
    """Kill a worker that has copies; its nanny starts another one."""
    kill(place.chance.choice([pid for pid in _workers(cluster) if copying_pids(pid)] or _workers(cluster)))


def _kill_nanny(place: Ground, cluster: DaskCluster) -> None:
    """Kill a nanny, whose worker ends with it, and start another one."""
    nanny = place.chance.choice(cluster.workers)
    cluster.kill_worker(nanny)
    cluster.start_worker(nanny=True)


def _kill_copying(place: Ground, cluster: DaskCluster) -> None:
    if pids := _copying(cluster):
        kill(place.chance.choice(pids))


def _kill_scheduler(place: Ground, cluster: DaskCluster) -> None:
    """Kill the scheduler; its workers end. Start others."""
    cluster.kill_all()
    cluster.start_scheduler()
    _start_workers(cluster)


def _kill_daemon(place: Ground, cluster: DaskCluster) -> None:
    place.user.kill_daemon()


_KILLS: dict[str, Callable[[Ground, DaskCluster], None]] = {
    "worker": _kill_worker,
    "daemon": _kill_daemon,
    "nanny": _kill_nanny,
    "scheduler": _kill_scheduler,
    "copying process": _kill_copying,
}


@contextmanager
def _observed(place: Ground) -> Iterator[None]:
    """Observe the partial files while the block runs; report those with two writers."""
    ended, found, looks = threading.Event(), set[str](), Counter[str]()

    def look() -> None:
        while not ended.wait(_LOOK_INTERVAL):
            writers: dict[tuple[int, int], set[int]] = {}
            for pid, file in _open_for_writing(place.user.home):
                writers.setdefault(file, set()).add(pid)
            looks["files"] += len(writers)
            found.update(
                f"the partial file {file} has the writers {pids}" for file, pids in writers.items() if len(pids) > 1
            )

    observer = threading.Thread(target=look)
    observer.start()
    try:
        yield
    finally:
        ended.set()
        observer.join()
        place.report.problems += sorted(found)
        place.must_be(looks["files"] > 0, "no partial file was observed")
        place.report.notes.append(f"partial files observed {looks['files']} times")


def _open_for_writing(home: Path) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield device and inode of each partial file below `home` that copying processes of the cluster may write.

    Those of the daemon, which rename complete files, are left out; only they have the variables of the daemon.
    """
    for process in Path("/proc").glob("[0-9]*"):
        if b"aliend.storage.worker" not in _read(process / "cmdline"):
            continue
        if b"HOME=" in _read(process / "environ"):
            continue
        try:
            descriptors = list((process / "fd").iterdir())
        except OSError:
            continue
        for one in descriptors:
            try:
                name = str(one.readlink()).removesuffix(" (deleted)")
                flags = int((process / "fdinfo" / one.name).read_text().split("flags:")[1].split()[0], 8)
                if name.startswith(f"{home}/") and name.endswith(".part") and flags & _WRITING:
                    status = one.stat()
                    yield int(process.name), (status.st_dev, status.st_ino)
            except (OSError, IndexError):
                continue


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _check_attempts(place: Ground) -> None:
    """Require that no attempt was charged for a kill, and that kills did hit copies."""
    with closing(
        sqlite3.connect(f"file:{place.user.home}/.local/state/aliend/default/aliend.db?mode=ro", uri=True)
    ) as at:
        charged = at.execute("SELECT id, job, failures FROM transfer WHERE failures > 0").fetchall()
        lost = at.execute("SELECT sum(losses) FROM transfer").fetchone()[0]
        errors = dict(
            at.execute("SELECT transfer, group_concat(error, '; ') FROM attempt GROUP BY transfer").fetchall()
        )
    for transfer, job, failures in charged:
        place.must_be(False, f"transfer {transfer} of job {job} has {failures} failures: {errors.get(transfer)}")
    place.must_be(lost > 0, "no kill has hit a copy")
    place.report.notes.append(f"{lost} copies lost with a process of the cluster")
