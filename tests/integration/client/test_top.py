"""The live view, driven by Textual's pilot on prepared data, and once on a real terminal and daemon."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pexpect
import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static

from alienctl.top.app import TopApp
from alienctl.top.rows import Element, File, Job, Reason, Snapshot
from alienctl.top.source import SourceError
from tests.harness import ALIENCTL, User, eventually

SIZE = (80, 24)
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07]*\x07|[P_][^\x1b]*\x1b\\\\|[=>])")


class FakeSource:
    """A queue of two jobs with 50,000 files; records what it is asked to change."""

    def __init__(self) -> None:
        self.jobs = [
            Job(9, "active", "/home/alice/data/", 100, 0, 50_000, 10 << 20, 100 << 20, 5 << 20, 18),
            Job(8, "paused", "/alice/cern.ch/out/", 0, 2, 7, priority=3, label="night"),
        ]
        self.changes: list[object] = []
        self.problem = ""

    async def snapshot(self) -> Snapshot:
        if self.problem:
            raise SourceError(self.problem)
        elements = [Element("ALICE::SANDBOX::SE1", "resting", 0, 1, 0, "12:03:20", "no answer")]
        return Snapshot(list(self.jobs), elements, 4, "limits files=8")

    async def files(self, job: int) -> list[File]:
        return [File("running", f"/alice/f{number}", 1024, 512, f"of job {job}") for number in range(200)]

    async def reasons(self, job: int) -> list[Reason]:
        return [Reason("se resting", "ALICE::SANDBOX::SE1 is backing off", 49_000, "/alice/f1", "12:03:20")]

    async def change(self, verb: str, job: int) -> None:
        self.changes.append((verb, job))

    async def set_priority(self, job: int, priority: int) -> None:
        self.changes.append(("priority", job, priority))

    async def set_limits(self, words: Sequence[str]) -> None:
        if words == ["nonsense"]:
            raise SourceError("write limits as NAME=VALUE")
        self.changes.append(("limits", *words))

    async def close(self) -> None:
        self.changes.append("closed")


def text_of(app: App[Any], name: str) -> str:
    return str(app.screen.query_one(name, Static).content)


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "the view does not show it"
        await pilot.pause(0.02)


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


async def test_jobs_and_storage_elements_are_shown(source: FakeSource) -> None:
    app = TopApp(source, "profile default")
    async with app.run_test(size=SIZE):
        table = app.query_one("#jobs", DataTable)
        assert [str(cell) for cell in table.get_row_at(0)][1:6] == [
            "active",
            "100/50000".rjust(12),
            "10.0/100.0 MiB".rjust(17),
            "5.0MiB/s".rjust(11),
            "0:18".rjust(7),
        ]
        assert "resting" in [str(cell) for cell in app.query_one("#elements", DataTable).get_row_at(0)]
        assert "2 unfinished jobs, 4 files running" in text_of(app, "#summary")
        assert app.query_one("#jobs", DataTable).max_scroll_x == 0  # nothing is cut off at 80 columns
    assert source.changes == ["closed"]


@pytest.mark.parametrize(
    ("keys", "change"),
    [
        (["p"], ("pause", 9)),
        (["r"], ("resume", 9)),
        (["t"], ("retry", 9)),
        (["down", "plus"], ("priority", 8, 4)),
        (["down", "minus"], ("priority", 8, 2)),
        (["c", "y"], ("cancel", 9)),
        (["down", "c", "y"], ("cancel", 8)),
        (["l", *"files=3", "enter"], ("limits", "files=3")),
    ],
)
async def test_keys_change_the_selected_job(source: FakeSource, keys: list[str], change: object) -> None:
    app = TopApp(source, "x")
    async with app.run_test(size=SIZE) as pilot:
        for key in keys:
            await pilot.press("equals_sign" if key == "=" else key)
            await until(pilot, lambda key=key: key not in "lc" or len(app.screen_stack) == 2)  # type: ignore[misc]
        await until(pilot, lambda: change in source.changes)


async def test_a_job_is_not_cancelled_without_a_yes(source: FakeSource) -> None:
    app = TopApp(source, "x")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("n")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert source.changes == []


async def test_refused_limits_are_reported(source: FakeSource) -> None:
    app = TopApp(source, "x")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("l")
        await until(pilot, lambda: app.screen.query(Input))
        app.screen.query_one(Input).value = "nonsense"
        await pilot.press("enter")
        await until(pilot, lambda: app._notifications)


async def test_files_and_reasons_of_the_selected_job_are_shown(source: FakeSource) -> None:
    app = TopApp(source, "x")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.query("#files") and app.screen.query_one("#files", DataTable).row_count)
        await pilot.press("down", "down")
        assert text_of(app, "#file-message") == "/alice/f2: of job 9"
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await pilot.press("w")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert "49000 files: se resting: ALICE::SANDBOX::SE1 is backing off (until 12:03:20)" in text_of(app, "#text")


async def test_the_selection_stays_when_other_jobs_come_and_go(source: FakeSource) -> None:
    app = TopApp(source, "x")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("down")
        source.jobs = [Job(10, "expanding", "/new/"), *source.jobs]
        await app.refresh_queue()
        await pilot.press("p")
        await until(pilot, lambda: ("pause", 8) in source.changes)


async def test_changed_numbers_are_shown_and_a_lost_daemon_is_reported(source: FakeSource) -> None:
    app = TopApp(source, "x")
    async with app.run_test(size=SIZE):
        source.jobs[0] = replace(source.jobs[0], files_done=200)
        await app.refresh_queue()
        assert "200/50000" in str(app.query_one("#jobs", DataTable).get_row_at(0)[2])
        source.problem = "the daemon does not answer; trying again"
        await app.refresh_queue()
        assert text_of(app, "#summary") == "x: the daemon does not answer; trying again"


@pytest.fixture
def slow_copy(user: User, folder: str) -> Iterator[str]:
    (user.home / "f").write_bytes(os.urandom(3_000_000))
    user.must("cp", "file:f", "big@disk:1")
    yield user.must("cp", "--detach", "--limit", "40K", "--label", "night", "big", "file:got")
    user.run("transfers", "cancel", "--all")


class Shown:
    """What a program has written to its terminal, without escape sequences."""

    def __init__(self, child: Any) -> None:  # noqa: ANN401 - its stub is wrong about bytes
        self._child = child
        self._text = ""

    def expect(self, pattern: str) -> None:
        """Read until the pattern occurs."""
        end = time.monotonic() + 60
        while not re.search(pattern, self._text):
            assert time.monotonic() < end, self._text[-2000:]
            self._text += ESCAPES.sub("", self._child.read_nonblocking(65536, timeout=120).decode("utf-8", "replace"))


@pytest.mark.parametrize("colours", [{}, {"NO_COLOR": "1"}])
def test_the_view_on_a_terminal_shows_the_bytes_on_disk_and_takes_keys(
    user: User, slow_copy: str, colours: dict[str, str]
) -> None:
    environment: Any = {**user.environment, "TERM": "xterm-256color", **colours}
    child = pexpect.spawn(ALIENCTL, ["transfers", "top"], env=environment, dimensions=(24, 80), timeout=120)
    shown = Shown(child)
    shown.expect(r"JOB +STATE +FILES +BYTES +RATE +ETA +TARGET")
    shown.expect(r"active +0/1 +([1-9]\.\d|0\.[1-9])/2\.9 MiB")
    child.send("p")
    eventually(lambda: user.json("transfers", "show", slow_copy)["state"] == "paused", 60)
    child.send("q")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_without_a_terminal_the_view_is_refused_and_loads_nothing(user: User) -> None:
    refused = user.run("transfers", "top")
    assert refused.returncode == 22
    assert "needs a terminal" in refused.stderr
    code = "import sys; from alienctl.main import run; run(['version']); print('textual' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code], env=user.environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines()[-1] == "False"


async def test_an_answer_after_the_end_of_the_view_is_ignored(source: FakeSource) -> None:
    app = TopApp(source, "x")
    async with app.run_test(size=SIZE):
        pass
    await app.refresh_queue()
    source.problem = "no answer"
    await app.refresh_queue()
