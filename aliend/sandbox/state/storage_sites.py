"""The storage elements of a grid, their sites, and their distances from each site.

The first two are disks at the site of the service, the third is a tape there, and all others are remote disks.
"""

from __future__ import annotations

from aliend.sandbox.state.replicas import Replicas, StorageElement

SITE = "SANDBOX"
FAR_SITE = "FARAWAY"
_TAPE = 3


def element(number: int) -> StorageElement:
    """Return the storage element with this number (from 1), with a preliminary address."""
    if number < _TAPE:
        name, tag = f"ALICE::{SITE}::SE{number}", "disk"
    elif number == _TAPE:
        name, tag = f"ALICE::{SITE}::TAPE1", "tape"
    else:
        name, tag = f"ALICE::{FAR_SITE}::SE{number - 1}", "disk"
    return StorageElement(number, name, (tag,), "root://localhost:1094", "/")


def distances(number: int) -> dict[str, float]:
    """Return the distance (0 to 1) of the storage element with this number from each site."""
    if number <= _TAPE:
        return {SITE: (0.0, 0.1, 0.2)[number - 1], FAR_SITE: 0.5 + number / 10}
    offset = (number - _TAPE - 1) / 100
    return {SITE: 0.6 + offset, FAR_SITE: offset}


def register(replicas: Replicas, count: int) -> None:
    """Register the first `count` storage elements and their distances; registered ones stay unchanged."""
    for number in range(1, count + 1):
        if replicas.numbered(number) is None:
            replicas.save_element(element(number))
        for site, distance in distances(number).items():
            replicas.save_distance(site, number, distance)
