"""Values of the catalogue: entries, replicas, archive members, tickets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

EntryType = Literal["file", "directory", "collection"]


EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
"""The md5 of an empty file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the catalogue.

    `lfn` is absolute and ends in `/` for a directory. `size` in bytes, `changed_ms` in POSIX milliseconds (0: unknown),
    `md5` and `guid` in lower case, empty if unknown (listings have neither). `permissions` are three octal digits,
    `job` is the number of the grid job that created it (empty: none, or not from `find`).
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
        """Return whether it is a directory."""
        return self.type == "directory"


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica: the name of the storage element (upper case) and the PFN (`root://host:port//path`)."""

    se: str
    pfn: str


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an archive: the GUID of the archive (lower case), and the name in the archive."""

    archive: str
    name: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket of `access` to read or write one replica.

    `url` is the PFN (with `#member` for a file inside an archive), `envelope` (a secret) grants the access. `guid` is
    the GUID of the file (of the archive for a member); `size` (bytes) and `md5` (empty: unknown) are those of the
    requested name.
    """

    url: str
    envelope: str = field(repr=False)
    guid: str
    se: str
    size: int
    md5: str = ""
