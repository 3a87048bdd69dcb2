"""Reads and stores the content of files in the directories of the storage elements.

The real service runs a copy program; here the storage is on the same machine.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from aliend.sandbox.service import read_access
from aliend.sandbox.service.bookings import StorageSpec, choose_elements
from aliend.sandbox.service.call import Call, Service
from aliend.sandbox.state import guids, paths
from aliend.sandbox.state.entries import Entry, NewEntry
from aliend.sandbox.state.replicas import ARCHIVE_SE, Guid

_PERM = "755"
_COPIES = {"disk": 4}


class UnreadableError(Exception):
    """A file cannot be read: it does not exist, is not readable for the user, or has lost its replicas."""


def replica_file(service: Service, number: int, pfn: str) -> Path | None:
    """Return the file of a replica on the storage element with this number; None when its directory is not known."""
    directory = service.storage_directories.get(number)
    return None if directory is None else directory / pfn.split("/", 3)[-1].lstrip("/")


def read(call: Call, operand: str) -> bytes:
    """Return the content of the file that an operand means. Raises UnreadableError."""
    entry = call.find(operand)
    if entry is None or entry.guid is None:
        raise UnreadableError
    for ticket in read_access.tickets(call, entry.guid, StorageSpec(), strict=False):
        file = replica_file(call.service, ticket.se.number, ticket.pfn)
        try:
            content = b"" if file is None else file.read_bytes()
            if file is not None:
                return _member(content, ticket.member) if ticket.member else content
        except (OSError, KeyError, zipfile.BadZipFile):
            continue
    raise UnreadableError


def _member(archive: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read(name)


def store(call: Call, path: str, content: bytes, expires: int | None = None) -> bool:
    """Store a new file at an absolute path, on up to four storage elements; return false if this is not possible.

    `expires` is the expiry time of the entry in POSIX milliseconds.
    """
    names, principal = call.catalogue.names, call.principal
    above = names.nearest_directory(path)
    if names.get(path) is not None or not call.may_write(above) or _is_blocked(call, path, above):
        return False
    guid, md5 = call.service.guids.make(call.now), hashlib.md5(content, usedforsecurity=False).hexdigest()
    record = Guid(guid, principal.name, principal.group, _PERM, len(content), md5, call.now)
    written = [
        (element.number, pfn)
        for element in choose_elements(call, StorageSpec(qos=_COPIES))
        if _write(call.service, element.number, pfn := guids.replica_url(element.daemon, element.path, guid), content)
    ]
    if not written:
        return False
    call.catalogue.replicas.save(record)
    for number, pfn in written:
        call.catalogue.replicas.add(record, number, pfn)
    names.make_directory(paths.parent(path), above.owner, above.group, call.now)
    entry = names.insert(NewEntry(path, principal.name, principal.group, _PERM, call.now, len(content), guid, md5))
    if expires is not None:
        names.update(entry, expires=expires)
    return True


def register_members(call: Call, archive: str, members: Mapping[str, bytes]) -> None:
    """Register the members of a stored archive as files in its directory. Existing names stay unchanged."""
    names, principal, now = call.catalogue.names, call.principal, call.now
    for name, content in members.items():
        path = f"{paths.parent(archive).rstrip('/')}/{name}"
        whole = names.get(archive)
        if whole is None or names.get(path) is not None:
            continue
        guid, md5 = call.service.guids.make(now), hashlib.md5(content, usedforsecurity=False).hexdigest()
        record = Guid(guid, principal.name, principal.group, _PERM, len(content), md5, now)
        call.catalogue.replicas.save(record)
        call.catalogue.replicas.add(record, ARCHIVE_SE, f"guid:///{whole.guid}?ZIP={name}")
        names.insert(NewEntry(path, principal.name, principal.group, _PERM, now, len(content), guid, md5))


def _is_blocked(call: Call, path: str, above: Entry) -> bool:
    """Return whether a required new directory has the name of an existing file."""
    first = path[len(above.path) :].split("/")[0]
    return call.catalogue.names.get(above.path + first) is not None


def _write(service: Service, number: int, pfn: str, content: bytes) -> bool:
    file = replica_file(service, number, pfn)
    if file is None:
        return not service.storage_directories
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError:
        return False
    return True
