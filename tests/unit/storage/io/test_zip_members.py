"""Members of archives whose directory lies."""

from __future__ import annotations

import io
import zipfile
import zlib
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aliend.storage.io import zip_members
from aliend.storage.io.zip_members import Archive

ZEROS = bytes(1 << 20)
CONTEXT: Any = SimpleNamespace(completions=None)


def archive_of(content: bytes, method: int = zipfile.ZIP_DEFLATED) -> Archive:
    """Return an archive in memory with the member `m`."""
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", method) as packed:
        packed.writestr("m", content)
    with zipfile.ZipFile(stored) as packed:
        return Archive(cast("Any", None), len(stored.getvalue()), stored.getvalue(), dict(packed.NameToInfo))


def received(archive: Archive) -> bytes:
    """Return the bytes that a reader gets before the end or the error."""
    got = bytearray()
    try:
        for piece in zip_members._read_content(CONTEXT, archive, archive.members["m"], 0):
            got += piece
    except zipfile.BadZipFile:
        return bytes(got)
    return bytes(got)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_honest_member_is_read_whole(method: int) -> None:
    assert received(archive_of(ZEROS, method)) == ZEROS


@pytest.mark.parametrize("declared", [0, 1, len(ZEROS) - 1])
def test_no_byte_of_a_member_beyond_its_declared_size_is_delivered(declared: int) -> None:
    archive = archive_of(ZEROS)
    member = archive.members["m"]
    member.file_size, member.CRC = declared, zlib.crc32(ZEROS[:declared])
    with pytest.raises(zipfile.BadZipFile, match="longer than"):
        list(zip_members._read_content(CONTEXT, archive, member, 0))
    assert len(received(archive)) <= declared


@pytest.mark.parametrize(
    ("field", "value"),
    [("file_size", 1 << 62), ("compress_size", 1 << 62), ("header_offset", -1), ("header_offset", 1 << 40)],
)
def test_lengths_that_contradict_each_other_are_refused_before_reading(field: str, value: int) -> None:
    archive = archive_of(ZEROS)
    setattr(archive.members["m"], field, value)
    with pytest.raises(zipfile.BadZipFile, match="lengths"):
        next(zip_members._read_content(CONTEXT, archive, archive.members["m"], 0))


def test_a_stored_member_has_as_many_bytes_as_it_states() -> None:
    archive = archive_of(b"0123456789", zipfile.ZIP_STORED)
    archive.members["m"].file_size = 4
    assert received(archive) == b""


def test_a_directory_that_would_not_fit_in_memory_is_not_read() -> None:
    reader = zip_members._DirectoryReader(io.BytesIO(bytes(100)))
    assert len(reader.read(50)) == 50
    with pytest.raises(zipfile.BadZipFile, match="directory"):
        reader.read(zip_members._MAX_DIRECTORY + 1)
