"""Storage elements are stopped, frozen, slow, full, return wrong bytes, or store wrong bytes.

While one of three disks misbehaves, a wave of the load runs; once the disk is repaired everything must arrive. A file
whose replicas all have wrong bytes must not arrive at all.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from aliend.sandbox.protocol.faults import STORAGE
from tests.faults.campaign import Ground, Order, Report, ground, md5
from tests.faults.checker import Promises, check
from tests.faults.load import Load, wait_for

WHAT = "storage elements stopped, frozen, slow, full, corrupt, lying"
ROUNDS, SHORT = 21, 7
_KINDS = tuple(STORAGE)
_SIZE = 40_000_000


def run(order: Order) -> Report:
    """Cause each fault in turn, on a randomly chosen element; then compare."""
    with ground(order, "--storage", "4") as place:
        load = Load(place)
        load.submit()
        wait_for(place, list(load.promises.jobs))
        for number in range(order.rounds):
            turn = number % (len(_KINDS) + 2)
            if turn < len(_KINDS):
                _break(place, load, _KINDS[turn])
            elif turn == len(_KINDS):
                _all_replicas_are_wrong(place, load.promises, number)
            else:
                _wrong_bytes_are_stored(place, load.promises, number)
            place.report.faults += 1
        check(place, load.promises)
        return place.report


def _break(place: Ground, load: Load, kind: str) -> None:
    names = [element["name"] for element in place.grid.must("status")["elements"]]
    element = place.chance.choice([name for name in names if "TAPE" not in name])
    with place.grid.fault(kind, element):
        jobs = load.submit()
        time.sleep(place.chance.uniform(0.5, 4.0))
    wait_for(place, jobs, limit=240)


def _all_replicas_are_wrong(place: Ground, promises: Promises, number: int) -> None:
    """Check that a file without a good replica fails, and leaves nothing on the disk."""
    content = place.chance.randbytes(300_000)
    (place.user.home / f"lone{number}").write_bytes(content)
    lfn = f"{place.folder}lone{number}"
    place.user.must("cp", f"file:lone{number}", f"{lfn}@disk:2")
    replicas = place.user.json("whereis", lfn)["results"]
    promises.entries[lfn] = md5(content)
    elements = [replica["seName"].strip().rpartition(":")[2] for replica in replicas]
    try:
        for element in elements:
            place.grid.must("fault", "corrupt", element, lfn)
        done = place.user.run("cp", lfn, f"file:wrong{number}/f")
    finally:
        place.grid.must("fault", "clear")
    place.must_be(done.returncode == 4, f"a file with wrong bytes everywhere: exit {done.returncode}: {done.stderr}")
    left = [str(path) for path in place.user.home.glob(f"wrong{number}/*")]
    place.must_be(not left, f"a file with wrong bytes everywhere left {left}")


def _wrong_bytes_are_stored(place: Ground, promises: Promises, number: int) -> None:
    """Check that bytes changed by a server are detected before anything is registered."""
    content = place.chance.randbytes(_SIZE)
    (place.user.home / f"lied{number}").write_bytes(content)
    liar = _Liar(place.grid.directory / "storage")
    place.user.must("transfers", "limit", f"up.rate={_SIZE // 2}")  # else it may be over before the liar has looked
    with liar:
        job = place.detach(f"file:lied{number}", f"{place.folder}lied{number}@disk:2")
        wait_for(place, [job])
    place.user.must("transfers", "limit", "up.rate=default")
    promises.entries[f"{place.folder}lied{number}"] = md5(content)
    promises.jobs[job] = 1
    place.must_be(liar.flipped, "no file was changed while it was stored")


class _Liar:
    """Changes the first byte of the first large file that is being written on any storage element."""

    def __init__(self, storage: Path) -> None:
        self._storage = storage
        self._known = set(storage.glob("*/data/**/*"))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._lie)
        self.flipped = False

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _lie(self) -> None:
        while not self._stop.wait(0.002) and not self.flipped:
            for path in self._storage.glob("*/data/**/*"):
                if path not in self._known and path.is_file() and 0 < path.stat().st_size < _SIZE // 2:
                    self._flip(path)
                    return

    def _flip(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR)
        try:
            first = os.pread(descriptor, 1, 0)
            os.pwrite(descriptor, bytes([first[0] ^ 0xFF]), 0)
            self.flipped = path.stat().st_size < _SIZE
        finally:
            os.close(descriptor)
