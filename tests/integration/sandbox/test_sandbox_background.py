"""Background work of a running sandbox grid: jobs, their output, and copies between storage elements."""

from __future__ import annotations

import re

from tests.harness import User, eventually


def submit(user: User, description: str) -> str:
    found = re.search(r"Your new job ID is (\d+)", user.must("submit", description))
    assert found is not None
    return found[1]


def test_a_submitted_job_runs_and_its_output_can_be_copied(user: User) -> None:
    (user.home / "hello.jdl").write_text(
        'Executable = "/bin/hello"; Arguments = "$1"; OutputDir = "job-output"; Output = {"stdout@disk=2"};'
    )
    user.must("cp", f"file:{user.home}/hello.jdl", "hello.jdl")
    number = submit(user, "Executable = hello; SandboxError = ERROR_E; SandboxWait = 0; SandboxRun = 0")
    failed = user.must("ps", "-E")
    assert number in failed
    user.must("submit", "hello.jdl", "world")
    eventually(lambda: "stdout" in user.run("ls", "job-output").stdout.split())
    user.must("cp", "job-output/stdout", f"file:{user.home}/stdout")
    assert "ran hello" in (user.home / "stdout").read_text()
    user.must("rm", "-r", "job-output", "hello.jdl")


def test_a_mirrored_replica_can_be_read(user: User) -> None:
    (user.home / "data").write_text("to be mirrored\n")
    user.must("cp", f"file:{user.home}/data", "mirrored@ALICE::SANDBOX::SE1")
    user.must("mirror", "mirrored", "ALICE::SANDBOX::SE2")
    eventually(lambda: "ALICE::SANDBOX::SE2" in user.must("whereis", "mirrored"))
    user.must("deleteMirror", "mirrored", "ALICE::SANDBOX::SE1")
    user.must("cp", "mirrored", f"file:{user.home}/back")
    assert (user.home / "back").read_text() == "to be mirrored\n"
    user.must("rm", "mirrored")
