"""The time limit of groups of checks."""

from __future__ import annotations

import itertools
import threading
import time

from aliend.core.doctor.finding import Finding, unchecked
from aliend.doctor.groups import Group, Limit, processor_wait, run, within


def test_a_group_that_hangs_stops_no_other() -> None:
    ended = threading.Event()
    groups = [Group(("hangs",), lambda: [finding()] if ended.wait(60) else []), Group(("works",), lambda: [finding()])]
    found = run(groups, 0.2)
    ended.set()
    assert found == [unchecked("hangs", "no result in time"), finding()]
    assert within(0.2, lambda: threading.Event().wait(5)) is None


def finding() -> Finding:
    return unchecked("works", "fine")


def test_a_wait_for_a_processor_extends_the_limit_up_to_twice() -> None:
    starved = Limit(0.3, itertools.count().__next__)
    begin = time.monotonic()
    release = threading.Event()
    thread = threading.Thread(target=release.wait, daemon=True)
    thread.start()
    starved.join(thread)
    assert time.monotonic() - begin >= 0.6
    release.set()
    thread.join()


def test_the_wait_for_a_processor_never_shrinks_the_limit() -> None:
    assert processor_wait() >= 0
    assert Limit(5, iter([3.0, 1.0]).__next__)._left() > 4
