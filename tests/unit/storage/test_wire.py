"""The messages between the daemon and a worker process."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliend.errors import CopyError
from aliend.storage import wire
from aliend.storage.tasks import (
    AdoptPartial,
    Checksum,
    Checksummed,
    ChecksummedFiles,
    Checksums,
    Compare,
    Compared,
    Download,
    Downloaded,
    Listed,
    ListMembers,
    Probe,
    Probed,
    PublishPartial,
    Read,
    ReadDone,
    RemovePartial,
    ReplicaOutcome,
    ReplicaUrl,
    Result,
    Task,
    ThirdParty,
    Tuning,
    Upload,
    Uploaded,
)

SOURCES = (ReplicaUrl("root://h:1//p", "-----BEGIN\nä\n", "A::B::C"), ReplicaUrl("root://h:2//p#m", "", "D"))
TASKS: list[Task[Any]] = [
    Download(1, SOURCES, "/t", 5, "ab", "always", 0o22),
    Upload(2, "/s", SOURCES, 5, 6, 7),
    ThirdParty(5, SOURCES, SOURCES[:1], 5, "ab", blocked_pairs=(("A", "B"), ("C", "D"))),
    Checksum(3, "/c"),
    Checksums(11, ("/c", "/d")),
    RemovePartial(4, "/t", ("/d", "/d/e"), 1 << 20),
    AdoptPartial(5, "/t", 4),
    PublishPartial(1, Download(1, SOURCES, "/t", 5, "ab", "always", 0o22, attempt=3)),
    Read(6, SOURCES, 5, "ab", ((1, 4), (0, 2))),
    Compare(7, SOURCES, 5, "ab"),
    ListMembers(8, SOURCES),
    Probe(9, "root://h:1", "stat", "/p"),
    Upload(10, "/s", SOURCES, 5, 6, 7, Tuning(4, 1 << 20, 2, 1000)),
]
RESULTS: list[Result] = [
    Downloaded(5, "ab", "A", False, "w"),
    Uploaded(5, "ab", (ReplicaOutcome("A", "root://h", "", "permanent", "md5", unreachable_sources=("B", "C")),)),
    Checksummed(5, "ab"),
    ChecksummedFiles((Checksummed(5, "ab"), Checksummed(0, ""))),
    Downloaded(5, "ab", "A", False, "w", (("B", "gone", 2),)),
    Compared((("A", "other bytes"),)),
    Listed((("m", 5),)),
    ReadDone(5, "A", ""),
    Probed(True, False, False, 0, 0, 0, "", milliseconds=(1.5, 2.5)),
]


@pytest.mark.parametrize("task", TASKS)
def test_a_task_survives_encoding_and_decoding(task: Task[Any]) -> None:
    line = wire.encode({"do": 1, "task": wire.pack(task)})
    assert line.count(b"\n") == 1
    assert wire.unpack_task(wire.decode(line)["task"]) == task


@pytest.mark.parametrize("result", RESULTS)
def test_a_result_survives_encoding_and_decoding(result: Result) -> None:
    assert wire.unpack_result(wire.decode(wire.encode(wire.pack(result)))) == result


@given(st.binary())
def test_every_path_survives_encoding_and_decoding(raw: bytes) -> None:
    task = Checksum(1, os.fsdecode(raw))
    packed = wire.decode(wire.encode(wire.pack(task)))
    assert os.fsencode(wire.unpack_task(packed).path) == raw  # type: ignore[attr-defined]


def test_a_failure_survives_encoding_and_decoding() -> None:
    error = wire.unpack_error(wire.pack_error(CopyError("why", "local", 3.0).with_errno(28)))
    assert (str(error), error.kind, error.retry_after, error.error_number) == ("why", "local", 3.0, 28)


def test_a_task_is_not_a_result() -> None:
    with pytest.raises(ValueError, match="not a result"):
        wire.unpack_result(wire.pack(TASKS[0]))
    with pytest.raises(ValueError, match="not a task"):
        wire.unpack_task(wire.pack(RESULTS[0]))
    with pytest.raises(ValueError, match="object"):
        wire.decode(b"[]\n")


def test_an_envelope_is_never_shown() -> None:
    assert "BEGIN" not in repr(TASKS)
