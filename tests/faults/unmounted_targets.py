"""The disk of a download is unmounted at a random moment: nothing is written below its mount point, all of it later.

A job that has files left waits for its disk and says so; one that fails, or writes elsewhere, is a problem.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tests.faults.campaign import Ground, Order, Report, ground, md5_of
from tests.faults.checker import Promises, check
from tests.faults.load import wait_for
from tests.harness import eventually

WHAT = "disks unmounted under downloads"
ROUNDS, SHORT = 20, 1
_FILES, _SIZE = 4, 3_000_000
_LONGEST = 2.0
_STOPPED = ("paused", "done", "partial", "failed")


def run(order: Order) -> Report:
    """Unmount so many times; then compare. Needs root, to mount small disks."""
    with ground(order) as place:
        sums = place.fill(place.user.home / "source", _FILES, _SIZE)
        place.user.must("cp", "file:source/", f"{place.folder}source/@disk:2")
        promises = Promises(entries={f"{place.folder}source/{name}": md5 for name, md5 in sums.items()})
        store, mount = place.user.home / "store", place.user.home / "usb"
        for directory in (store, mount):
            directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "none", str(store)], check=True)
        try:
            waited = 0
            for number in range(order.rounds):
                waited += _unmount(place, promises, (store, mount), (number, sums))
                place.report.faults += 1
            place.report.notes.append(f"{waited} jobs waited for their disk")
        finally:
            for directory in (mount, store):
                while os.path.ismount(directory):
                    subprocess.run(["umount", "-l", str(directory)], check=True)
        check(place, promises)
        return place.report


def _unmount(place: Ground, promises: Promises, places: tuple[Path, Path], task: tuple[int, dict[str, str]]) -> bool:
    """Unmount the disk of one job; return whether the job waited for it."""
    (store, mount), (number, sums) = places, task
    subprocess.run(["mount", "--bind", str(store), str(mount)], check=True)
    job = place.detach("--limit", "2M", f"{place.folder}source/", f"file:usb/round{number}/")
    time.sleep(place.chance.uniform(0.0, _LONGEST))
    subprocess.run(["umount", "-l", str(mount)], check=True)
    place.user.must("transfers", "limit", "--job", str(job), "rate=unlimited")
    eventually(lambda: place.user.json("transfers", "show", str(job))["state"] in _STOPPED, 60)
    shown = place.user.json("transfers", "show", str(job))
    left = sorted(str(path.relative_to(mount)) for path in mount.rglob("*"))
    place.must_be(not left, f"round {number}: written below the bare mount point: {left}")
    is_waiting = shown["state"] == "paused" and f"mounted at {mount}" in shown["message"]
    is_complete = shown["state"] == "done" and not _wrong(store / f"round{number}", sums)
    sentence = f"round {number}: the job does not wait for its disk: {shown['state']}, {shown['message']!r}"
    if not place.must_be(is_waiting or is_complete, sentence):
        return False
    subprocess.run(["mount", "--bind", str(store), str(mount)], check=True)
    if is_waiting:
        place.user.must("transfers", "resume", str(job))
        wait_for(place, [job])
    promises.jobs[job] = _FILES
    wrong = _wrong(mount / f"round{number}", sums)
    place.must_be(not wrong, f"round {number}: wrong, missing or left behind: {wrong}")
    subprocess.run(["umount", "-l", str(mount)], check=True)
    return is_waiting


def _wrong(directory: Path, sums: dict[str, str]) -> list[str]:
    """Return the names of files that are missing, that differ, or that do not belong there."""
    names = {path.name for path in directory.iterdir()} if directory.exists() else set()
    return sorted({name for name, md5 in sums.items() if md5_of(directory / name) != md5} | (names - set(sums)))
