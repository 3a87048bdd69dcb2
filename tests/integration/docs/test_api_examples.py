"""The examples of the gRPC reference run on a sandbox grid, in the order of the page, as one program."""

from __future__ import annotations

import subprocess
import sys

from tests.api_pages import EXAMPLES, PRELUDE
from tests.harness import ROOT, User, make_grid_directory

JDL = 'Executable = "/bin/date"; SandboxWait = "0"; SandboxRun = "0";'


def test_the_examples_of_the_reference_work(user: User) -> None:
    folder = make_grid_directory(user)
    (user.home / "f.root").write_bytes(bytes(2000))
    (user.home / "work.jdl").write_text(JDL, encoding="ascii")
    user.must("mkdir", "data")
    user.must("cp", "file:f.root", "data/f.root")
    user.must("cp", "file:work.jdl", "work.jdl")
    user.must("--session", "default", "cd", folder)
    parts = [part for name, text in EXAMPLES.items() for part in (f"print('# {name}')", text)]
    program = "\n".join([PRELUDE, *parts])
    environment = {**user.environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=user.home,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = dict(part.split("\n", 1) for part in done.stdout.split("# ")[1:])
    expected = {
        "ConsoleService": "f.root\n",
        "SessionService": "/alice/\n",
        "CatalogueService": f"{folder}data/f.root 2000\n",
        "ContentsService": "0 0\n1000 100\n",
        "StorageService": "['ALICE::SANDBOX::SE1', 'ALICE::SANDBOX::SE2']\n",
        "TransfersService": "1\n",
        "NetworkService": "2\n",
    }
    assert {name: shown[name] for name in expected} == expected
    assert "DONE" in shown["GridJobsService"].splitlines()[-1]
    assert "alice" in shown["CredentialsService"]
    assert "running jobs" in shown["RawService"]
    assert set(shown) == set(EXAMPLES)
