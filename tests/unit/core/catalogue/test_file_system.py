"""Which file system counts as the recorded one: the same disk, also after a new mount or a restart of the system."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aliend.core.catalogue.file_system import FileSystem, expected_for, is_same

ROOT = FileSystem("/", 1, 10, "ext4", "/dev/sda1", "boot")
DISK = FileSystem("/media/usb", 2, 20, "ext4", "/dev/sdb1", "boot")
NETWORK = FileSystem("/work", 3, 0, "nfs4", "server:/export", "boot")
MEMORY = FileSystem("/tmp", 4, 40, "tmpfs", "tmpfs", "boot")


@pytest.mark.parametrize(
    ("recorded", "present"),
    [
        (DISK, DISK),
        (DISK, replace(DISK, device=9, source="/dev/sdc1")),
        (DISK, replace(DISK, mount="/media/usb1")),
        (ROOT, replace(ROOT, device=7, number=8)),
        (NETWORK, replace(NETWORK, device=9)),
        (replace(NETWORK, kind="fuse.sshfs"), replace(NETWORK, kind="fuse.sshfs", device=9, number=7)),
        (MEMORY, replace(MEMORY, device=9, number=90, boot="next boot")),
    ],
)
def test_the_same_file_system_is_recognised(recorded: FileSystem, present: FileSystem) -> None:
    assert is_same(recorded, present)


@pytest.mark.parametrize(
    ("recorded", "present"),
    [
        (DISK, ROOT),
        (ROOT, DISK),
        (DISK, replace(DISK, number=21)),
        (replace(DISK, boot="last boot"), replace(DISK, number=21)),
        (NETWORK, replace(NETWORK, source="other:/export")),
        (MEMORY, replace(MEMORY, number=41)),
        (MEMORY, replace(DISK, mount="/tmp")),
    ],
)
def test_another_file_system_is_not_the_recorded_one(recorded: FileSystem, present: FileSystem) -> None:
    assert not is_same(recorded, present)


def test_the_deepest_recorded_file_system_contains_a_path() -> None:
    assert expected_for("/media/usb/x", [ROOT, DISK]) == DISK
    assert expected_for("/media/usb", [ROOT, DISK]) == DISK
    assert expected_for("/media/usb2/x", [ROOT, DISK]) == ROOT
    assert expected_for("/media/usb2/x", [DISK]) is None
