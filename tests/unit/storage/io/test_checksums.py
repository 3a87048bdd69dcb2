"""Checksums that are computed during a copy."""

from __future__ import annotations

import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

from aliend.storage.io.checksums import Digests

CONTENT = bytes(range(256)) * 16384


def test_a_checksum_waits_until_all_bytes_are_hashed() -> None:
    blocked = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(blocked.wait)
        digests = Digests(pool, with_adler32=True)
        digests.update(CONTENT)
        threading.Timer(0.05, blocked.set).start()
        assert not digests.differs("adler32", f"{zlib.adler32(CONTENT):08x}")


def test_leading_zeros_of_a_checksum_are_optional() -> None:
    with ThreadPoolExecutor(1) as pool:
        digests = Digests(pool, with_adler32=True)
        digests.update(b"")
        assert not digests.differs("adler32", "1")
        assert digests.differs("adler32", "2")
