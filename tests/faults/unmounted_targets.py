"""The disk of a download is unmounted at a random moment: nothing is written below its mount point, all of it later."""

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
            for number in range(order.rounds):
                _unmount(place, promises, (store, mount), (number, sums))
                place.report.faults += 1
        finally:
            for directory in (mount, store):
                while os.path.ismount(directory):
                    subprocess.run(["umount", "-l", str(directory)], check=True)
        check(place, promises)
        return place.report


def _unmount(place: Ground, promises: Promises, places: tuple[Path, Path], task: tuple[int, dict[str, str]]) -> None:
    (store, mount), (number, sums) = places, task
    subprocess.run(["mount", "--bind", str(store), str(mount)], check=True)
    job = place.detach("--limit", "2M", f"{place.folder}source/", f"file:usb/round{number}/")
    time.sleep(place.chance.uniform(0.0, _LONGEST))
    subprocess.run(["umount", "-l", str(mount)], check=True)
    place.user.must("transfers", "limit", "--job", str(job), "rate=unlimited")
    eventually(lambda: place.user.json("transfers", "show", str(job))["state"] in ("paused", "done"), 60)
    place.must_be(not list(mount.iterdir()), f"round {number}: files were written below the bare mount point")
    subprocess.run(["mount", "--bind", str(store), str(mount)], check=True)
    place.user.must("transfers", "resume", str(job))
    wait_for(place, [job])
    promises.jobs[job] = _FILES
    wrong = [name for name, md5 in sums.items() if md5_of(mount / f"round{number}" / name) != md5]
    left = {path.name for path in (mount / f"round{number}").iterdir()} - set(sums)
    place.must_be(not wrong and not left, f"round {number}: wrong or missing {wrong}, left behind {sorted(left)}")
    subprocess.run(["umount", "-l", str(mount)], check=True)
