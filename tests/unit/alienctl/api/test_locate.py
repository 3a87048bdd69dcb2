"""The search for the daemon, with a daemon that starts and ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alienctl.api import connection
from alienctl.api.errors import NoDaemonError


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that sets whether the daemon runs each time it is looked for; it returns the starts."""

    def set_answers(*running: bool) -> list[str]:
        answers = iter(running)
        started: list[str] = []
        monkeypatch.setattr(connection, "attach", lambda _: next(answers))
        monkeypatch.setattr(connection, "_start", started.append)
        return started

    monkeypatch.setenv("ALIEND_SOCKET", str(tmp_path / "socket"))
    return set_answers


def test_a_daemon_that_ends_after_it_was_found_is_left_to_the_call(starts: Callable[..., list[str]]) -> None:
    started = starts(True, False)
    assert connection.locate().endswith("/socket")
    assert started == []


def test_a_daemon_is_started_up_to_three_times(starts: Callable[..., list[str]]) -> None:
    started = starts(False, False, False, True)
    connection.locate()
    assert started == ["default"] * 3


def test_a_daemon_that_always_ends_is_an_error(starts: Callable[..., list[str]]) -> None:
    started = starts(False, False, False, False)
    with pytest.raises(NoDaemonError, match="ended right after its start"):
        connection.locate()
    assert len(started) == 3
