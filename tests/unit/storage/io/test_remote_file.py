"""Connections of large files, checksums and completion queues, without a server."""

from __future__ import annotations

import functools
import hashlib
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aliend.storage.errors import StorageError
from aliend.storage.io.checksums import Digests
from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.io.remote_file import with_own_connection
from aliend.storage.pool.worker_environment import worker_environment
from aliend.storage.tasks import ReplicaUrl, Stopped


def test_large_files_use_connections_of_their_own() -> None:
    source = ReplicaUrl("root://h:1//p", "", "S")
    assert with_own_connection(source, 3, 1 << 30).url == "root://c3@h:1//p"
    assert with_own_connection(source, 3, 1 << 10) == source
    named = ReplicaUrl("root://me@h:1//p", "", "S")
    assert with_own_connection(named, 3, 1 << 30) == named


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=100), max_size=4), st.booleans())
def test_checksums_match_the_bytes(chunks: list[bytes], large: bool) -> None:
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


def test_a_waiting_task_stops_immediately() -> None:
    completions = CompletionQueue()
    threading.Timer(0.05, completions.stop).start()
    with pytest.raises(Stopped):
        completions.wait(lambda: False, "read", limit=30)


def test_a_helper_thread_stops_with_its_task() -> None:
    completions = CompletionQueue()
    early = completions.child()
    completions.stop()
    for branch in (early, completions.child()):
        with pytest.raises(Stopped):
            branch.raise_if_stopped()


def test_a_wait_ends_when_the_server_does_not_answer() -> None:
    with pytest.raises(StorageError, match="did not answer"):
        CompletionQueue().wait(lambda: False, "read", limit=0.01)


def test_callbacks_run_in_the_thread_of_the_task() -> None:
    completions = CompletionQueue()
    heard: list[object] = []
    completions.callback(lambda status, response: heard.append((status, response)))("ok", "bytes", "hosts")
    assert heard == []
    completions.wait(lambda: bool(heard), "read")
    assert heard == [("ok", "bytes")]


def test_a_task_that_needs_several_answers_wakes_once() -> None:
    completions = CompletionQueue()
    heard: list[int] = []

    def answer() -> None:
        for number in range(3):
            completions.put(functools.partial(heard.append, number))
            time.sleep(0.02)

    threading.Thread(target=answer).start()
    assert completions.process(30, min_messages=3)
    assert heard == [0, 1, 2]


def test_a_missing_answer_delays_the_others_only_until_the_limit() -> None:
    completions = CompletionQueue()
    heard: list[int] = []
    completions.put(lambda: heard.append(1))
    assert completions.process(0.01, min_messages=2)
    assert heard == [1]
    assert not completions.process(0.01)


def test_the_environment_of_the_user_has_priority() -> None:
    merged = worker_environment({"XRD_STREAMTIMEOUT": "7", "XRD_OTHER": "1"})
    assert (merged["XRD_STREAMTIMEOUT"], merged["XRD_OTHER"], merged["XRD_REQUESTTIMEOUT"]) == ("7", "1", "1200")


def test_variables_that_choose_another_python_or_other_libraries_are_left_out() -> None:
    foreign = {"PYTHONPATH": "/x", "PYTHONHOME": "/x", "LD_LIBRARY_PATH": "/x", "LD_PRELOAD": "/x"}
    assert worker_environment(foreign) == worker_environment({})
    assert worker_environment({**foreign, "ALIEND_LIBRARY_PATH": "/y"})["LD_LIBRARY_PATH"] == "/y"


def test_a_worker_gets_no_variable_that_may_hold_a_secret() -> None:
    secret = {
        "JALIEN_TOKEN_CERT": "x",
        "JALIEN_TOKEN_KEY": "x",
        "X509_USER_KEY": "x",
        "BEARER_TOKEN": "x",
        "DB_PASSWORD": "x",
        "aws_secret_access_key": "x",
        "OTHER": "-----BEGIN RSA PRIVATE KEY-----\n",
    }
    assert worker_environment(secret) == worker_environment({})
    kept = {"HOME": "/h", "XrdSecPROTOCOL": "unix", "XRD_LOGLEVEL": "Dump", "KEYBOARD": "us", "X509_CERT_DIR": "/c"}
    assert worker_environment(kept).items() >= kept.items()
