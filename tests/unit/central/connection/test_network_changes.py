"""What the machine knows about a change of network or a sleep."""

from __future__ import annotations

import time

import pytest

from aliend.central.connection.network_changes import SuspendDetector, route_changed


def test_a_connection_whose_address_is_still_the_way_out_has_not_moved() -> None:
    assert not route_changed(("127.0.0.1", 4000), ("127.0.0.1", 8097))
    assert not route_changed(("::1", 4000, 0, 0), ("::1", 8097, 0, 0))


def test_a_connection_from_an_address_that_is_gone_has_moved() -> None:
    assert route_changed(("192.0.2.1", 4000), ("127.0.0.1", 8097))


def test_a_sleep_of_the_machine_is_noticed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = [0.0]
    real = time.monotonic
    monkeypatch.setattr("aliend.central.connection.network_changes.time.monotonic", lambda: real() - slept[0])
    sleep = SuspendDetector()
    assert not sleep.has_suspended()
    slept[0] = 60.0
    assert sleep.has_suspended()
    assert not sleep.has_suspended()
