"""What the catalogue tells about files: entries, replicas, tickets. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

EntryType = Literal["file", "directory", "collection"]


EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
"""The md5 of no bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in the catalogue.

    `lfn` is absolute, a directory's ends in `/`. `size` in bytes, `changed_ms` in POSIX milliseconds (0: unknown),
    `md5` and `guid` lower case, empty where unknown or not told (a listing tells neither). `permissions` are three
    octal digits, `job` is the number of the job that made it (empty: none; only `find` tells it).
    """

    lfn: str
    type: EntryType
    size: int = 0
    owner: str = ""
    group: str = ""
    permissions: str = ""
    changed_ms: int = 0
    md5: str = ""
    guid: str = ""
    job: str = ""

    @property
    def is_directory(self) -> bool:
        """Whether other entries may live below it."""
        return self.type == "directory"


@dataclass(frozen=True, slots=True)
class Replica:
    """One physical copy: the storage element's name (upper case) and the PFN (`root://host:port//path`)."""

    se: str
    pfn: str


@dataclass(frozen=True, slots=True)
class Member:
    """Where a file inside an archive is: the archive's GUID (lower case), and its name there."""

    archive: str
    name: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to read or write one replica, as `access` hands it out.

    `url` is the PFN (with `#member` for a file inside an archive), `envelope` goes behind `authz=` and is a secret.
    `guid` is the record that the replica belongs to (the archive's for a member); `size` (bytes) and `md5` (empty:
    unknown) are those of the name that was asked for.
    """

    url: str
    envelope: str = field(repr=False)
    guid: str
    se: str
    size: int
    md5: str = ""
