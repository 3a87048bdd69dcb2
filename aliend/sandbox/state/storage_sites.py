"""Which storage elements a grid has, where they are, and how far from each site.

The first two are disks at the site of the service, the third is a tape there, and all others are disks far away.
"""

from __future__ import annotations

from aliend.sandbox.state.replicas import Replicas, StorageElement

SITE = "SANDBOX"
FAR_SITE = "FARAWAY"
_TAPE = 3


def element(number: int) -> StorageElement:
    """Return the storage element with this number, from 1 on; its address is not known yet."""
    if number < _TAPE:
        name, tag = f"ALICE::{SITE}::SE{number}", "disk"
    elif number == _TAPE:
        name, tag = f"ALICE::{SITE}::TAPE1", "tape"
    else:
        name, tag = f"ALICE::{FAR_SITE}::SE{number - 1}", "disk"
    return StorageElement(number, name, (tag,), "root://localhost:1094", "/")


def distances(number: int) -> dict[str, float]:
    """How far (0 to 1) the storage element with this number is from each site."""
    if number <= _TAPE:
        return {SITE: (0.0, 0.1, 0.2)[number - 1], FAR_SITE: 0.5 + number / 10}
    place = (number - _TAPE - 1) / 100
    return {SITE: 0.6 + place, FAR_SITE: place}


def register(replicas: Replicas, count: int) -> None:
    """Make the first `count` storage elements known, with their distances; those that are stay as they are."""
    for number in range(1, count + 1):
        if replicas.numbered(number) is None:
            replicas.save_element(element(number))
        for site, distance in distances(number).items():
            replicas.save_distance(site, number, distance)
