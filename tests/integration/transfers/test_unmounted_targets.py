"""Downloads whose disk is unmounted: nothing is written into the bare mount point, and they continue on the disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import User, eventually, make_grid_directory, needs_root

pytestmark = needs_root
MIB = 1 << 20


class Disk:
    """A small disk in memory; it lives on while it is not mounted at `place`."""

    def __init__(self, home: Path) -> None:
        self.store, self.place = home / "store", home / "usb"
        for directory in (self.store, self.place):
            directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(self.store)], check=True)

    def mount(self) -> None:
        subprocess.run(["mount", "--bind", str(self.store), str(self.place)], check=True)

    def unmount(self, *options: str) -> None:
        subprocess.run(["umount", *options, str(self.place)], check=True)

    def fill(self) -> None:
        (self.store / "filling").write_bytes(bytes(38 * MIB))

    def close(self) -> None:
        for place in (self.place, self.store):
            while os.path.ismount(place):
                subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def disk(user: User) -> Iterator[Disk]:
    """Mount a disk in the user's home; a file of 3 MiB and a small one are in the catalogue."""
    make_grid_directory(user)
    for name, size in (("big", 3 * MIB), ("small", 10)):
        (user.home / name).write_bytes(os.urandom(size))
        user.must("cp", f"file:{name}", f"tree/{name}@disk:1")
    disk = Disk(user.home)
    disk.mount()
    yield disk
    disk.close()


def is_waiting_for_disk(user: User, job: str, disk: Disk) -> bool:
    document = user.json("transfers", "show", job)
    return document["state"] == "paused" and f"mounted at {disk.place}" in document["message"]


def check(user: User, job: str, disk: Disk, *names: str) -> None:
    """Check that the job waits for its disk, also when it is resumed, and completes on it."""
    eventually(lambda: is_waiting_for_disk(user, job, disk))
    user.must("transfers", "resume", job)
    eventually(lambda: is_waiting_for_disk(user, job, disk))
    assert list(disk.place.iterdir()) == []
    (disk.store / "filling").unlink(missing_ok=True)
    disk.mount()
    user.must("transfers", "wait", job)
    for name in names:
        assert (disk.place / name).read_bytes() == (user.home / Path(name).name).read_bytes()


def test_a_held_job_of_the_foreground_waits_for_its_disk(user: User, disk: Disk) -> None:
    disk.fill()
    done = user.run("cp", "tree/big", "file:usb/big")
    assert done.returncode == 4
    assert "job 3 stays queued" in done.stderr
    disk.unmount()
    check(user, "3", disk, "big")


def test_a_detached_job_waits_for_its_disk_after_a_restart_of_the_daemon(user: User, disk: Disk) -> None:
    job = user.must("cp", "--detach", "--limit", "20K", "tree", "file:usb/")
    eventually(lambda: list((disk.place / "tree").glob(".big.*.part")))
    user.kill_daemon()
    eventually(lambda: subprocess.run(["umount", str(disk.place)], capture_output=True).returncode == 0)
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    check(user, job, disk, "tree/big", "tree/small")


def test_a_disk_that_is_taken_away_during_the_copy_gets_the_file_later(user: User, disk: Disk) -> None:
    job = user.must("cp", "--detach", "--limit", "20K", "tree/big", "file:usb/big")
    eventually(lambda: list(disk.place.glob(".big.*.part")))
    disk.unmount("-l")
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    check(user, job, disk, "big")


def test_a_disk_mounted_below_the_target_is_part_of_the_job_too(user: User, disk: Disk) -> None:
    (disk.place / "sub").mkdir()
    user.must("cp", "file:small", "tree/usb/sub/small@disk:1")
    (disk.store / "sub/small").write_bytes(b"other")
    assert user.run("cp", "tree/", f"file:{user.home}/").returncode == 3
    disk.unmount()
    (disk.store / "sub/small").unlink()
    user.must("transfers", "retry", "4")
    check(user, "4", disk, "sub/small")
