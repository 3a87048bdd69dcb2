"""Detection of a network change and of a suspend."""

from __future__ import annotations

import time

import pytest

from aliend.central.connection.network_changes import SuspendDetector, route_changed


def test_the_route_of_a_usable_local_address_has_not_changed() -> None:
    assert not route_changed(("127.0.0.1", 4000), ("127.0.0.1", 8097))
    assert not route_changed(("::1", 4000, 0, 0), ("::1", 8097, 0, 0))


def test_the_route_of_a_removed_local_address_has_changed() -> None:
    assert route_changed(("192.0.2.1", 4000), ("127.0.0.1", 8097))


def test_a_suspend_is_detected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = [0.0]
    real = time.monotonic
    monkeypatch.setattr("aliend.central.connection.network_changes.time.monotonic", lambda: real() - slept[0])
    sleep = SuspendDetector()
    assert not sleep.has_suspended()
    slept[0] = 60.0
    assert sleep.has_suspended()
    assert not sleep.has_suspended()
