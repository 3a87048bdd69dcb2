"""The examples for other languages run on a sandbox grid and print what they promise."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import ROOT, User

CONTENT = "Hello grid, hello program!\n"
NODE = ROOT / ".node"


def run_example(user: User, command: list[str]) -> dict[str, str]:
    (user.home / "greeting.txt").write_text(CONTENT)
    folder = f"{user.must('pwd')}{user.home.name}".rstrip("/")
    user.must("mkdir", "-p", folder)
    user.must("cp", "file:greeting.txt", f"{folder}/greeting.txt")
    target = user.home / "copied.txt"
    environment = {**user.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment |= {"NODE_PATH": str(NODE / "node_modules"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, folder, f"{folder}/greeting.txt", str(target)],
        env=environment,
        cwd=user.home,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert target.read_text() == CONTENT
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert said["list"] == f"{folder}/greeting.txt"
    assert said["find"] == f"{folder}/greeting.txt:{len(CONTENT)}"
    assert said["read"] == "grid,"
    assert said["submit"].lower() == "true"
    return said


def test_a_node_program_uses_the_daemon(user: User) -> None:
    node = shutil.which("node")
    assert node, "node is missing; run tests/setup.sh"
    if not (NODE / "node_modules" / "@grpc").exists():
        pytest.fail("the packages of the example are missing; run: make node")
    said = run_example(user, [node, str(ROOT / "examples/node/example.js"), str(ROOT / "proto")])
    code, info = said["error"].split(" ", 1)
    assert code == "NOT_FOUND"
    assert json.loads(info)["reason"] == "ERROR_REASON_NOT_FOUND"
    assert said["watch"] == "true JOB_STATE_DONE 1"


def test_a_python_program_with_plain_grpcio_uses_the_daemon(user: User) -> None:
    said = run_example(user, [sys.executable, str(ROOT / "examples/python/example.py")])
    assert said["error"] == "NOT_FOUND ERROR_REASON_NOT_FOUND 2"
    assert said["watch"] == "True JOB_STATE_DONE 1"
