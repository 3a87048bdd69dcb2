"""Creates large numbers of readable catalogue entries, which share a few small files on the first storage element.

Each file below `SHARED_CONTENTS` contains SHAKE-128 of its path: `hashlib.shake_128(b"/shared/03").digest(size)`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aliend.sandbox.layout import USERS
from aliend.sandbox.state.catalogue import Catalogue
from aliend.sandbox.state.guids import GuidMaker

SHARED_CONTENTS = "/shared/"
CROWDED = "/alice/data/crowded/"
"""The directory with `CROWDED_FILES` entries."""
CROWDED_FILES = 2_000
MILLION = "/alice/sim/million/"
"""The directory of the requested number of files, `PER_DIRECTORY` in each subdirectory."""
PER_DIRECTORY = 1_000
_CONTENTS = 16
_SIZE_STEP = 500
_PER_MILLISECOND = 10_000
"""The number of distinct GUIDs per millisecond."""
_ELEMENT = 1


@dataclass(frozen=True, slots=True)
class _Content:
    pfn: str
    size: int
    md5: str


class BulkFiller:
    """Fills directories of a catalogue; `data` is the directory of the first storage element."""

    def __init__(self, catalogue: Catalogue, data: Path, now: int, guid_maker: GuidMaker) -> None:
        self._catalogue = catalogue
        self._owner = USERS[0]
        self._now = now
        self._guids = guid_maker
        self._contents = [_make_content(data, number) for number in range(_CONTENTS)]

    def fill(self, directory: str, names: list[str]) -> None:
        """Create a directory with files of these names."""
        database = self._catalogue.database
        parent = self._catalogue.names.make_directory(directory, self._owner, self._owner, self._now).id
        rows = list(self._rows(directory, names))
        second = self._now // 1000 * 1000
        database.executemany(
            "INSERT INTO lfn(path, parent_id, type, owner, gowner, perm, size, ctime, guid, md5)"
            " VALUES(?, ?, 'f', ?, ?, '755', ?, ?, ?, ?)",
            ((path, parent, self._owner, self._owner, of.size, second, guid, of.md5) for path, guid, of in rows),
        )
        database.executemany(
            "INSERT INTO guid(guid, owner, gowner, perm, size, md5, ctime) VALUES(?, ?, ?, '755', ?, ?, ?)",
            ((guid, self._owner, self._owner, of.size, of.md5, second) for _, guid, of in rows),
        )
        database.executemany(
            "INSERT INTO pfn(guid, se, pfn) VALUES(?, ?, ?)", ((guid, _ELEMENT, of.pfn) for _, guid, of in rows)
        )
        database.execute(
            "UPDATE se SET used = used + ?, files = files + ? WHERE number = ?",
            (sum(of.size for _, _, of in rows), len(rows), _ELEMENT),
        )

    def _rows(self, directory: str, names: list[str]) -> Iterator[tuple[str, str, _Content]]:
        for number, name in enumerate(names):
            yield directory + name, self._guids.make(self._now), self._contents[number % _CONTENTS]
        # with the same time the GUIDs would repeat
        self._now += 1 + len(names) // _PER_MILLISECOND

    def fill_million(self, existing: int, wanted: int) -> None:
        """Add files to the `existing` ones until `wanted` files exist."""
        for first in range(existing // PER_DIRECTORY * PER_DIRECTORY, wanted, PER_DIRECTORY):
            directory = f"{MILLION}{first // PER_DIRECTORY:05d}/"
            numbers = range(max(first, existing), min(first + PER_DIRECTORY, wanted))
            self.fill(directory, [f"file{number % PER_DIRECTORY:03d}.root" for number in numbers])
            self._catalogue.set_bulk_count(numbers.stop)
            self._catalogue.save()


def crowded_names() -> list[str]:
    """Return the names of the files in `CROWDED`."""
    return [f"file{number:04d}.dat" for number in range(CROWDED_FILES)]


def _make_content(data: Path, number: int) -> _Content:
    path, size = f"{SHARED_CONTENTS}{number:02d}", (number + 1) * _SIZE_STEP
    content, file = hashlib.shake_128(path.encode()).digest(size), data / path.lstrip("/")
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_bytes(content)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return _Content(f"root://localhost:1094/{path}", size, md5)
