"""The initial content of a sandbox grid.

The content of a seeded file is SHAKE-128 of its LFN: `hashlib.shake_128(lfn.encode()).digest(size)`; so tests can
compute it, and its md5, from name and size. The content of an archive member belongs to the member's own LFN.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aliend.sandbox.certificates import user_subject
from aliend.sandbox.commands.catalogue.namespace import EMPTY_MD5
from aliend.sandbox.errors import SandboxError
from aliend.sandbox.layout import USERS
from aliend.sandbox.server.bulk_entries import CROWDED, BulkFiller, crowded_names
from aliend.sandbox.state import computing_sites, guids, paths, storage_sites
from aliend.sandbox.state.accounts import ADMIN, Account
from aliend.sandbox.state.catalogue import Catalogue
from aliend.sandbox.state.entries import NewEntry
from aliend.sandbox.state.quotas import Quota
from aliend.sandbox.state.replicas import ARCHIVE_SE, Guid

_MAX_SIZE, _MAX_FILES = 10**12, 10**6
_KIB = 1024
EXECUTABLES = ("date", "echo", "hello", "sleep")
"""The names in `/bin/`, which a job description may give as its executable."""


@dataclass(frozen=True, slots=True)
class File:
    """A seeded file: LFN, size in bytes, number of replicas (0: the file is lost), owner and permission."""

    lfn: str
    size: int
    copies: int = 1
    owner: str = "alice"
    perm: str = "755"


def home(user: str) -> str:
    """Return a user's home directory."""
    return f"/alice/cern.ch/user/{user[0]}/{user}/"


def content(lfn: str, size: int) -> bytes:
    """Return the content of a seeded file."""
    return hashlib.shake_128(lfn.encode()).digest(size)


def files() -> list[File]:
    """Return the seeded files, without the archive."""
    alice = home("alice")
    sizes = {"tiny.dat": 102, "small.dat": 10 * _KIB, "medium.dat": 300 * _KIB, "large.dat": 4 * _KIB * _KIB}
    listed = [File(f"{alice}files/{name}", size, copies=2) for name, size in sizes.items()]
    listed.append(File(f"{alice}files/one-copy.dat", 2 * _KIB))
    listed.append(File(f"{alice}files/lost.dat", 4 * _KIB, copies=0))
    for run in ("run1", "run2"):
        for number in range(10):
            listed.append(File(f"{alice}data/{run}/part{number:02d}.root", (number + 1) * 3 * _KIB, 1 + number % 2))
    listed.append(File(f"{home('bob')}shared.txt", 500, owner="bob"))
    listed.append(File(f"{home('bob')}secret.txt", 200, owner="bob", perm="600"))
    listed += [File(f"/bin/{name}", 60, owner=ADMIN) for name in EXECUTABLES]
    return listed


class Seeder:
    """Fills an empty catalogue and the directories of the storage elements (`data`, in the order of the elements)."""

    def __init__(
        self,
        catalogue: Catalogue,
        data: Sequence[Path],
        now: Callable[[], int],
        guid_maker: guids.GuidMaker | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._data = data
        self._now = now
        self._guids = guid_maker or guids.GuidMaker()

    def run(self) -> None:
        """Create accounts, storage elements, computing sites and files."""
        self._add_accounts()
        storage_sites.register(self._catalogue.replicas, len(self._data))
        computing_sites.seed(self._catalogue.grid, list(USERS), storage_sites.SITE)
        for file in files():
            self._make_directory(paths.parent(file.lfn), file.owner)
            self._add_file(file, content(file.lfn, file.size))
        self._add_archive(f"{home('alice')}archive/", {"first.dat": 20 * _KIB, "second.dat": 300})
        touched = f"{home('alice')}files/touched.txt"
        self._catalogue.names.insert(NewEntry(touched, "alice", "alice", "755", self._now(), md5=EMPTY_MD5))
        BulkFiller(self._catalogue, self._data[0], self._now(), self._guids).fill(CROWDED, crowded_names())
        self._catalogue.save()

    def add(self, file: File) -> None:
        """Add one file and save. Raises SandboxError if the file exists."""
        if self._catalogue.names.get(file.lfn) is not None:
            raise SandboxError(f"{file.lfn} already exists")
        self._make_directory(paths.parent(file.lfn), file.owner)
        self._add_file(file, content(file.lfn, file.size))
        self._catalogue.save()

    def _add_accounts(self) -> None:
        names = self._catalogue.names
        names.insert(NewEntry("/", ADMIN, ADMIN, "755", self._now(), kind="d"))
        for user in USERS:
            roles = (ADMIN, *USERS[:-1]) if user == ADMIN else (user,)
            account = Account(
                user, home(user), f"{user.title()} Sandbox", f"{user}@localhost", user_subject(user), roles
            )
            self._catalogue.accounts.save(account)
            self._catalogue.quotas.save(user, Quota(0, _MAX_SIZE, 0, _MAX_FILES))
            names.make_directory(paths.parent(home(user)), ADMIN, ADMIN, self._now())
            names.make_directory(home(user), user, user, self._now())

    def _make_directory(self, path: str, owner: str) -> None:
        self._catalogue.names.make_directory(path, owner, owner, self._now())

    def _add_file(self, file: File, data: bytes) -> Guid:
        guid, now = self._guids.make(self._now()), self._now()
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        record = Guid(guid, file.owner, file.owner, file.perm, len(data), md5, now)
        self._catalogue.replicas.save(record)
        for number in range(1, file.copies + 1):
            element = self._catalogue.replicas.numbered(number)
            if element is None:
                break
            pfn = guids.replica_url(element.daemon, element.path, guid)
            self._catalogue.replicas.add(record, number, pfn)
            target = self._data[number - 1] / guids.storage_path(guid).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        entry = NewEntry(file.lfn, file.owner, file.owner, file.perm, now, len(data), guid, md5)
        self._catalogue.names.insert(entry)
        return record

    def _add_archive(self, directory: str, members: dict[str, int]) -> None:
        self._make_directory(directory, "alice")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name, size in members.items():
                archive.writestr(zipfile.ZipInfo(name), content(directory + name, size))
        record = self._add_file(File(f"{directory}root_archive.zip", 0, copies=2), packed.getvalue())
        for name, size in members.items():
            self._add_member(File(directory + name, size), record)

    def _add_member(self, file: File, archive: Guid) -> None:
        md5 = hashlib.md5(content(file.lfn, file.size), usedforsecurity=False).hexdigest()
        guid = Guid(self._guids.make(self._now()), file.owner, file.owner, "755", file.size, md5, self._now())
        self._catalogue.replicas.save(guid)
        pfn = f"guid:///{archive.guid}?ZIP={paths.name(file.lfn)}"
        self._catalogue.replicas.add(guid, ARCHIVE_SE, pfn)
        self._catalogue.names.insert(
            NewEntry(file.lfn, file.owner, file.owner, "755", self._now(), file.size, guid.guid, md5)
        )
