"""A file of the Grid behaves as a raw file of Python."""

from __future__ import annotations

import io
import os

import pytest

from alienctl.api.open_file import GridFile
from alienctl.api.results import Content

DATA = bytes(range(100))


@pytest.fixture
def reads() -> list[tuple[int, int]]:
    return []


@pytest.fixture
def file(reads: list[tuple[int, int]]) -> GridFile:
    def read(offset: int, length: int) -> bytes:
        reads.append((offset, length))
        return DATA[offset : offset + length]

    return GridFile(Content("/a/x", len(DATA), "", "guid", ()), read)


def test_reads_continue_and_end(file: GridFile, reads: list[tuple[int, int]]) -> None:
    assert [file.read(60), file.read(60), file.read(60)] == [DATA[:60], DATA[60:], b""]
    assert reads == [(0, 60), (60, 40)]


def test_a_read_of_more_than_the_memory_ends_with_the_file(file: GridFile) -> None:
    assert file.read(1 << 40) == DATA


def test_a_write_is_an_unsupported_operation(file: GridFile) -> None:
    for use in (lambda: file.write(b"x"), lambda: file.writelines([b"x"]), lambda: file.truncate(0)):
        with pytest.raises(io.UnsupportedOperation):
            use()


def test_the_rest_is_one_read(file: GridFile, reads: list[tuple[int, int]]) -> None:
    file.seek(10)
    assert file.read() == DATA[10:]
    assert reads == [(10, 90)]


@pytest.mark.parametrize(
    ("offset", "whence", "expected"), [(5, 0, 5), (5, os.SEEK_CUR, 25), (-5, os.SEEK_END, 95), (7, os.SEEK_END, 107)]
)
def test_seek(file: GridFile, offset: int, whence: int, expected: int) -> None:
    file.seek(20)
    assert (file.seek(offset, whence), file.tell()) == (expected, expected)
    assert file.read(2) == DATA[expected : expected + 2]


def test_a_wrong_seek_changes_nothing(file: GridFile) -> None:
    file.seek(3)
    for arguments in ((-1,), (0, 9)):
        with pytest.raises(ValueError, match=r"position|whence"):
            file.seek(*arguments)
    assert file.tell() == 3


def test_a_closed_file_refuses(file: GridFile) -> None:
    with file:
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
    for use in (file.read, file.tell, file.seekable, lambda: file.seek(0), lambda: file.readinto(bytearray(1))):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_a_buffer_joins_small_reads(file: GridFile, reads: list[tuple[int, int]]) -> None:
    buffered = io.BufferedReader(file, 64)
    assert [buffered.read(1) for _ in range(64)] == [DATA[n : n + 1] for n in range(64)]
    assert reads == [(0, 64)]
