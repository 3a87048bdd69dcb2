"""Checksums of bytes that are hashed beside their copy."""

from __future__ import annotations

import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

from aliend.storage.io.checksums import Digests

CONTENT = bytes(range(256)) * 16384


def test_an_answer_waits_for_the_bytes_that_are_still_hashed() -> None:
    blocked = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(blocked.wait)
        digests = Digests(pool, with_adler32=True)
        digests.update(CONTENT)
        threading.Timer(0.05, blocked.set).start()
        assert not digests.differs("adler32", f"{zlib.adler32(CONTENT):08x}")


def test_a_short_hexadecimal_number_is_the_same_number() -> None:
    with ThreadPoolExecutor(1) as pool:
        digests = Digests(pool, with_adler32=True)
        digests.update(b"")
        assert not digests.differs("adler32", "1")
        assert digests.differs("adler32", "2")
