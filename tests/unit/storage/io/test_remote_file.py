"""URLs as they are given to XRootD, checksums, inboxes: what needs no server."""

from __future__ import annotations

import hashlib
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aliend.storage.errors import StorageError
from aliend.storage.io.checksums import Digests
from aliend.storage.io.completion_queue import Inbox
from aliend.storage.io.remote_file import on_connection, url_of
from aliend.storage.pool.worker_environment import worker_environment
from aliend.storage.tasks import Source, Stopped


def test_an_envelope_goes_behind_authz() -> None:
    assert url_of(Source("root://h:1//p", "a\nb&c=d", "S")) == "root://h:1//p?xrd.wantprot=unix&authz=a\nb&c=d"


def test_a_signed_envelope_is_a_query_itself() -> None:
    assert (
        url_of(Source("root://h//p", "turl=x&signature=y", "S")) == "root://h//p?xrd.wantprot=unix&turl=x&signature=y"
    )


def test_a_member_is_no_part_of_the_url() -> None:
    assert url_of(Source("root://h//p.zip#m", "", "S")) == "root://h//p.zip?xrd.wantprot=unix"


def test_large_files_get_connections_of_their_own() -> None:
    source = Source("root://h:1//p", "", "S")
    assert on_connection(source, 3, 1 << 30).url == "root://c3@h:1//p"
    assert on_connection(source, 3, 1 << 10) == source
    named = Source("root://me@h:1//p", "", "S")
    assert on_connection(named, 3, 1 << 30) == named


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=100), max_size=4), st.booleans())
def test_the_checksums_are_those_of_the_bytes(chunks: list[bytes], large: bool) -> None:
    chunks = [bytes(1 << 20) + chunk for chunk in chunks] if large and chunks else chunks
    whole = b"".join(chunks)
    with ThreadPoolExecutor(2) as pool:
        digests = Digests(pool, with_adler32=True)
        for chunk in chunks:
            digests.update(chunk)
        md5 = hashlib.md5(whole, usedforsecurity=False).hexdigest()
        assert digests.md5 == md5
        assert not digests.differs("md5", md5.upper())
        assert not digests.differs("adler32", f"{zlib.adler32(whole):x}")
        assert digests.differs("adler32", f"{zlib.adler32(whole) ^ 1:x}")


def test_a_task_that_waits_is_stopped_at_once() -> None:
    inbox = Inbox()
    threading.Timer(0.05, inbox.stop).start()
    with pytest.raises(Stopped):
        inbox.wait(lambda: False, "read", limit=30)


def test_who_helps_a_task_is_stopped_with_it() -> None:
    inbox = Inbox()
    early = inbox.branch()
    inbox.stop()
    for branch in (early, inbox.branch()):
        with pytest.raises(Stopped):
            branch.check()


def test_silence_ends_the_waiting() -> None:
    with pytest.raises(StorageError, match="did not answer"):
        Inbox().wait(lambda: False, "read", limit=0.01)


def test_callbacks_run_in_the_task() -> None:
    inbox = Inbox()
    heard: list[object] = []
    inbox.callback(lambda status, response: heard.append((status, response)))("ok", "bytes", "hosts")
    assert heard == []
    inbox.wait(lambda: bool(heard), "read")
    assert heard == [("ok", "bytes")]


def test_who_needs_several_answers_is_woken_once() -> None:
    inbox = Inbox()
    heard: list[int] = []
    for number in range(3):
        threading.Timer(0.02 * number, inbox.put, (lambda number=number: heard.append(number),)).start()
    assert inbox.serve(30, together=3)
    assert heard == [0, 1, 2]


def test_an_answer_that_does_not_come_holds_the_others_for_the_limit_only() -> None:
    inbox = Inbox()
    heard: list[int] = []
    inbox.put(lambda: heard.append(1))
    assert inbox.serve(0.01, together=2)
    assert heard == [1]
    assert not inbox.serve(0.01)


def test_the_environment_of_the_user_wins() -> None:
    merged = worker_environment({"XRD_STREAMTIMEOUT": "7", "XRD_OTHER": "1"})
    assert (merged["XRD_STREAMTIMEOUT"], merged["XRD_OTHER"], merged["XRD_REQUESTTIMEOUT"]) == ("7", "1", "1200")


def test_variables_that_choose_another_python_or_other_libraries_are_left_out() -> None:
    foreign = {"PYTHONPATH": "/x", "PYTHONHOME": "/x", "LD_LIBRARY_PATH": "/x", "LD_PRELOAD": "/x"}
    assert worker_environment(foreign) == worker_environment({})
    assert worker_environment({**foreign, "ALIEND_LIBRARY_PATH": "/y"})["LD_LIBRARY_PATH"] == "/y"
