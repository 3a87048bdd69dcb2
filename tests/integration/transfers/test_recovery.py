"""A storage element that was stopped or frozen is used within seconds of its return; rests are no attempts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.harness import Grid, User, eventually

FILES = 30
LIMIT = 20.0
"""Seconds: a ping every five, the probing copy, and the rest; a back-off lasts at least thirty."""


def state(user: User, se: str) -> str:
    elements = user.json("transfers", "limit")["elements"]
    return next((one["state"] for one in elements if one["se"] == se), "unused")


def logged(user: User, se: str, text: str) -> bool:
    return any(text in line and se in line for line in user.run("daemon", "logs").stdout.splitlines())


@pytest.mark.parametrize("fault", ["stop", "freeze"])
def test_a_storage_element_is_used_within_seconds_of_its_return(
    fault: str, user: User, grid: Grid, folder: str
) -> None:
    contents = {f"{number}": os.urandom(1500) for number in range(FILES)}
    source = user.home / "d"
    source.mkdir()
    for name, content in contents.items():
        (source / name).write_bytes(content)
    se = next(one["seName"] for one in user.json("listSEs")["results"] if one["qos"] == "disk")
    user.must("cp", "file:d/", f"./@{se}")
    with grid.fault(fault, se):
        job = user.must("cp", "--detach", folder, "file:out/")
        eventually(lambda: state(user, se) == "resting", 120)
        eventually(lambda: logged(user, se, "does not answer a ping"), 60)
        before = user.json("transfers", "show", job)["transfers"]
    back = time.monotonic()
    eventually(lambda: user.json("transfers", "show", job)["state"] == "done", 60)
    took = time.monotonic() - back
    assert took < LIMIT
    assert {path.name: path.read_bytes() for path in Path(user.home / "out").rglob("*") if path.is_file()} == contents
    after = user.json("transfers", "show", job, "--attempts")["transfers"]
    assert all("is backing off" not in one["error"] for file in after for one in file["history"])
    assert any(file["state"] == "waiting" for file in before)
    assert max(file["attempts"] for file in after) <= 5
