"""Processes of one user that start at once, while another user has the usual name: all use one substitute."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness import ROOT, needs_root, shared_directory

pytestmark = needs_root
OWNER, OTHER = 23456, 23457
PROCESSES, ROUNDS = 6, 40
PROGRAM = f"""
import fcntl, os, sys, time  # before root is given up: it may own the interpreter

rule, shared = sys.argv[1:]
if rule == "daemon":
    from aliend.temporary_directories import own_directory
else:
    from alienctl.transport import own_directory
os.setgroups([])
os.setresgid({OWNER}, {OWNER}, {OWNER})
os.setresuid({OWNER}, {OWNER}, {OWNER})
for line in sys.stdin:
    print(own_directory(f"{{shared}}/{{line.strip()}}"), flush=True)
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory in which everybody may create names."""
    with shared_directory() as place:
        yield place


def plant(path: Path) -> None:
    path.mkdir(mode=0o777)
    os.chown(path, OTHER, OTHER)


def test_processes_that_start_at_once_use_one_substitute(shared: Path) -> None:
    with ExitStack() as stack:
        programs = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", PROGRAM, ("daemon", "client")[number % 2], str(shared)],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(PROCESSES)
        ]
        for number in range(ROUNDS):
            plant(shared / f"aliend-{number}")
            for again in range(2):  # the second time the substitute is there already
                for program in programs:
                    assert program.stdin
                    program.stdin.write(f"aliend-{number}\n")
                    program.stdin.flush()
                found = {program.stdout.readline().strip() for program in programs if program.stdout}
                assert len(found) == 1, (number, again, found)
                (one,) = found
                assert (Path(one).lstat().st_uid, Path(one).lstat().st_mode & 0o7777) == (OWNER, 0o700)
            assert len(list(shared.glob(f"aliend-{number}-*"))) == 1
        for program in programs:
            assert program.stdin
            program.stdin.close()
