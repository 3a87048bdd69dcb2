"""Queries of size and checksum, and their retries, against a scripted storage element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aliend.storage.errors import OPERATION_EXPIRED, StorageError
from aliend.storage.io import remote_file
from aliend.storage.io.checksum_query import ChecksumQuery, stored_checksum, stored_size_and_checksum, wait_all
from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.tasks import ReplicaUrl, Stopped

SOURCE = ReplicaUrl("root://h:1//p", "e", "S")
FINE: dict[str, Any] = {"ok": True, "code": 0, "errno": 0, "message": ""}
BUSY: dict[str, Any] = {"ok": False, "code": OPERATION_EXPIRED, "errno": 0, "message": "[ERROR] Operation expired"}
Answer = tuple[dict[str, Any], Any]


def refusal(number: int) -> dict[str, Any]:
    return {"ok": False, "code": 400, "errno": number, "message": "no"}


class FakeSystem:
    """Answers each checksum query with the next of `answers`; repeats the last one."""

    def __init__(self, *answers: Answer, size: int = 5, flags: int = 0) -> None:
        self.asked: list[str] = []
        self.limits: list[int] = []
        self._answers = list(answers)
        self._known = {"size": size, "flags": flags, "modtime": 0}

    def stat(self, path: str, timeout: int = 0, callback: Callable[..., None] | None = None) -> dict[str, Any]:
        assert callback
        callback(FINE, self._known)
        return FINE

    def query(
        self, querycode: int, arg: str, timeout: int = 0, callback: Callable[..., None] | None = None
    ) -> dict[str, Any]:
        assert callback
        self.asked.append(arg.partition("cks.type=")[2])
        self.limits.append(timeout)
        callback(*(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]))
        return FINE


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeSystem], FakeSystem]:
    def serve(system: FakeSystem) -> FakeSystem:
        monkeypatch.setattr(remote_file, "filesystem_of", lambda source: (system, "//p?authz=e"))
        return system

    return serve


Serving = Callable[[FakeSystem], FakeSystem]


def settled(size: int = 5) -> ChecksumQuery:
    completions = CompletionQueue()
    inquiry = ChecksumQuery(completions, SOURCE, size)
    wait_all(completions, inquiry)
    return inquiry.checked()


def test_size_and_checksum_are_returned(serving: Serving) -> None:
    serving(FakeSystem((FINE, b"adler32 0062F00A\0")))
    found = settled()
    assert (found.stored_size, found.algorithm, found.value) == (5, "adler32", "0062f00a")


def test_a_busy_server_is_retried_sooner_than_after_thirty_seconds(serving: Serving) -> None:
    system = serving(FakeSystem((BUSY, None), (BUSY, None), (FINE, b"adler32 1")))
    assert settled().value == "1"
    assert system.asked == ["adler32"] * 3
    assert all(0 < limit < 30 for limit in system.limits)


def test_a_query_of_a_large_file_has_no_short_limit(serving: Serving) -> None:
    system = serving(FakeSystem((FINE, b"adler32 1"), size=1 << 30))
    settled(1 << 30)
    assert system.limits == [0]


def test_algorithms_are_tried_in_order(serving: Serving) -> None:
    system = serving(FakeSystem((refusal(3013), None), (FINE, b"crc32c 12"), (FINE, b"md5 ab")))
    found = settled()
    assert (found.algorithm, found.value) == ("md5", "ab")
    assert system.asked == ["adler32", "", "md5"]


def test_a_server_without_checksums_returns_only_the_size(serving: Serving) -> None:
    serving(FakeSystem((refusal(3013), None)))
    found = settled()
    assert (found.stored_size, found.algorithm) == (5, "")


def test_an_unfinished_upload_is_an_error(serving: Serving) -> None:
    serving(FakeSystem((FINE, b"adler32 1"), flags=64))
    with pytest.raises(StorageError, match="unfinished upload"):
        settled()


def test_a_broken_connection_is_an_error(serving: Serving) -> None:
    broken = {"ok": False, "code": 103, "errno": 0, "message": "[FATAL] Connection error"}
    serving(FakeSystem((broken, None)))
    with pytest.raises(StorageError, match="Connection error"):
        stored_checksum(CompletionQueue(), SOURCE, 5)


def test_a_refused_algorithm_is_an_error_if_it_is_required(serving: Serving) -> None:
    serving(FakeSystem((refusal(3013), None)))
    with pytest.raises(StorageError, match="checksum: no"):
        stored_size_and_checksum(CompletionQueue(), SOURCE, 5, "md5")


def test_a_task_waiting_for_a_busy_server_can_be_stopped(serving: Serving) -> None:
    completions = CompletionQueue()
    system = serving(FakeSystem((BUSY, None)))
    inquiry = ChecksumQuery(completions, SOURCE, 5)
    completions.put(lambda: completions.put(completions.stop))
    with pytest.raises(Stopped):
        wait_all(completions, inquiry)
    assert system.asked
