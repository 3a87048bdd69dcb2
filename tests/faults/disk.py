"""The local disk is full or read-only, for files and for the daemon's database; a target is replaced meanwhile."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.campaign import Ground, Order, Report, ground, md5_of
from tests.faults.checker import Promises, check
from tests.faults.load import wait_for
from tests.harness import alive, eventually

WHAT = "disks full and read-only, targets replaced meanwhile"
ROUNDS, SHORT = 15, 5
_FILES, _SIZE = 6, 8_000_000


def run(order: Order) -> Report:
    """Cause each fault in turn; then compare. Needs root, to mount small disks."""
    with ground(order) as place:
        promises = Promises()
        sums = place.fill(place.user.home / "source", _FILES, _SIZE)
        job = place.detach("file:source/", f"{place.folder}source/@disk:2")
        wait_for(place, [job])
        promises.jobs[job] = _FILES
        promises.entries = {f"{place.folder}source/{name}": md5 for name, md5 in sums.items()}
        kinds: list[Callable[[Ground, Promises, dict[str, str]], None]] = [
            _full,
            _read_only,
            _full_database,
            _link,
            _directory,
        ]
        for number in range(order.rounds):
            kinds[number % len(kinds)](place, promises, sums)
            place.report.faults += 1
        check(place, promises)
        return place.report


def _full(place: Ground, promises: Promises, sums: dict[str, str]) -> None:
    """Check that a job waits while the disk is full, and continues afterwards."""
    with _small_disk(place, "full", "6m") as disk:
        job = _download_all(place, disk)
        _held(place, job)
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
        _continue(place, promises, job, disk, sums)


def _read_only(place: Ground, promises: Promises, sums: dict[str, str]) -> None:
    with _small_disk(place, "read-only", "200m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        job = _download_all(place, disk)
        _held(place, job)
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        _continue(place, promises, job, disk, sums)


def _full_database(place: Ground, promises: Promises, sums: dict[str, str]) -> None:
    """Without space for its database the daemon acknowledges nothing; jobs that it had acknowledged continue later."""
    number = place.report.faults
    with _database_on_small_disk(place) as disk:
        place.user.must("transfers", "list")
        subprocess.run(["dd", "if=/dev/zero", f"of={disk / 'filling'}", "bs=4k"], capture_output=True)
        code = 0
        for attempt in range(40):
            done = place.user.run("cp", "--detach", f"{place.folder}source/", f"file:early{number}-{attempt}/")
            code = done.returncode
            if code:
                place.must_be(code == 5 and "full" in done.stderr, f"no space for the database: {code}: {done.stderr}")
                break
            promises.jobs[int(done.stdout)] = _FILES
            promises.local |= {place.user.home / f"early{number}-{attempt}" / name: md5 for name, md5 in sums.items()}
        place.must_be(code == 5, "the full disk of the database was never reported")
        (disk / "filling").unlink()
        job = place.detach(f"{place.folder}source/", f"file:late{number}/")
        promises.jobs[job] = _FILES
        wait_for(place, list(promises.jobs))
    promises.local |= {place.user.home / f"late{number}" / name: md5 for name, md5 in sums.items()}


@contextmanager
def _database_on_small_disk(place: Ground) -> Iterator[Path]:
    """Move the daemon's state to a small disk, and afterwards back with its changes."""
    state = place.user.home / ".local" / "state" / "aliend" / "default"
    pid = place.user.pid()
    place.user.must("daemon", "stop")
    eventually(lambda: not alive(pid))
    with _small_disk(place, "state", "8m") as disk:
        subprocess.run(["cp", "-a", f"{state}/.", str(disk)], check=True)
        subprocess.run(["mount", "--bind", str(disk), str(state)], check=True)
        try:
            yield disk
        finally:
            place.user.run("daemon", "stop")
            subprocess.run(["umount", "-l", str(state)], check=True)
            subprocess.run(["cp", "-a", f"{disk}/.", str(state)], check=True)


def _link(place: Ground, promises: Promises, sums: dict[str, str]) -> None:
    """Check that a link that appears under the target's name is not followed."""
    precious = place.user.home / "precious"
    precious.write_bytes(b"precious")

    def replace(target: Path) -> None:
        target.symlink_to(precious)

    _meanwhile(place, "link", replace)
    place.must_be(precious.read_bytes() == b"precious", "a link in place of the target was followed")


def _directory(place: Ground, promises: Promises, sums: dict[str, str]) -> None:
    """Check that a directory that appears under the target's name stays, with its content."""

    def replace(target: Path) -> None:
        target.mkdir()
        (target / "inside").write_bytes(b"inside")

    target = _meanwhile(place, "directory", replace)
    place.must_be((target / "inside").read_bytes() == b"inside", "a directory in place of the target was removed")


def _meanwhile(place: Ground, name: str, replace: Callable[[Path], None]) -> Path:
    """Download one file from slow storage, and put something in its place before it has arrived."""
    target = place.user.home / f"{name}-{place.report.faults}" / "00.root"
    with place.grid.fault("freeze", "SE1"):
        place.grid.must("fault", "freeze", "SE2")
        job = place.detach(f"{place.folder}source/00.root", f"file:{target}")
        eventually(lambda: target.parent.is_dir())
        replace(target)
    wait_for(place, [job])
    return target


def _download_all(place: Ground, directory: Path) -> int:
    return place.detach(
        f"{place.folder}source/", f"file:{directory}/back/" if directory.is_mount() else f"file:{directory}/"
    )


def _held(place: Ground, job: int) -> None:
    """Wait until the job is on hold with a message."""
    eventually(lambda: place.user.json("transfers", "show", str(job))["state"] == "paused", 30)
    message = place.user.json("transfers", "show", str(job))["message"]
    place.must_be(bool(message), f"job {job} is held, and does not say why")


def _continue(place: Ground, promises: Promises, job: int, disk: Path, sums: dict[str, str]) -> None:
    place.user.must("transfers", "resume", str(job))
    wait_for(place, [job])
    promises.jobs[job] = _FILES
    wrong = [name for name, md5 in sums.items() if md5_of(disk / "back" / name) != md5]
    left = {path.name for path in (disk / "back").iterdir()} - set(sums)
    place.must_be(not wrong and not left, f"{disk}: wrong or missing {wrong}, left behind {sorted(left)}")


@contextmanager
def _small_disk(place: Ground, name: str, size: str) -> Iterator[Path]:
    """Mount a disk of that size."""
    disk = place.user.home / f"disk-{name}"
    disk.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
