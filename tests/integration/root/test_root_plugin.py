"""ROOT opens alien:// through aliend: from C++ macros and from PyROOT, with threads, archives and missing replicas.

ROOT is a test dependency of its own (`make root`), because it is large.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness import ROOT, Grid, User, eventually, make_user, new_grid

BIN = ROOT / ".venv-root" / "bin"
HERE = Path(__file__).parent
pytestmark = [
    pytest.mark.skipif(not (BIN / "root").exists(), reason="ROOT is not installed here; install it with: make root"),
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("root"),
]
TOTAL = sum(range(1000))


@dataclass(frozen=True)
class Analysis:
    """A user with ROOT's settings, and a directory of the catalogue that holds the files."""

    user: User
    directory: str
    macro: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command],
            env=self.user.environment,
            cwd=self.user.home,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )

    def must(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def analysis() -> Iterator[Analysis]:
    with new_grid() as grid:  # of our own: its archive is changed
        for user in make_user(grid.exports):
            yield prepared(user, grid)


def prepared(user: User, grid: Grid) -> Analysis:
    """Upload the files, take the first replica of one away, and put another into the archive."""
    made = Analysis(user, f"/alice/cern.ch/user/a/alice/root-{user.home.name}", user.must("root-plugin", "path"))
    user.must("root-plugin", "install")
    made.must(str(BIN / "python"), "-W", "ignore", str(HERE / "write_and_read.py"), "write", str(user.home))
    for name in ("tree.root", "one.root", "ntuple.root"):
        user.must("cp", f"file:{name}", f"{made.directory}/{name}@disk:2")
    first_replica(user, grid, f"{made.directory}/one.root").unlink()
    eventually(lambda: user.run("ls", "archive").returncode == 0)
    with zipfile.ZipFile(first_replica(user, grid, "archive/first.dat"), "w", zipfile.ZIP_STORED) as archive:
        archive.write(user.home / "member.root", "first.dat")
    return made


def first_replica(user: User, grid: Grid, lfn: str) -> Path:
    """The file of the replica that the service offers first."""
    first = user.json("lfn2uri", lfn)["results"][0]
    path = str(first["uri"]).partition("?")[0].partition("#")[0].rpartition("//")[2]
    return grid.directory / "storage" / str(first["se"]).rpartition("::")[2].lower() / "data" / path


def test_a_c_macro_reads_through_alien(analysis: Analysis) -> None:
    call = f'{HERE}/read_back.C("{analysis.directory}")'
    done = analysis.run(str(BIN / "root"), "-b", "-q", "-l", "-e", f'gROOT->Macro("{analysis.macro}")', call)
    results = dict(
        line.split(" ", 1) for line in done.stdout.replace("second replica", "second").splitlines() if " " in line
    )
    expected = {
        "tree": f"{TOTAL}",
        "second": f"{TOTAL}",
        "member": f"{TOTAL}",
        "missing": "-1",
        "write": "0",
        "ls": "1",
        "threads": f"{TOTAL} {TOTAL}",
        "ntuple": f"{TOTAL}",
        "frame": f"{TOTAL}",
    }
    assert {name: results.get(name) for name in expected} == expected, f"{done.stdout}\n{done.stderr}"
    assert "files are read only; write a local file and upload it with `alienctl cp`" in done.stderr
    assert "TGrid::Ls>: may not use this method" in done.stderr
    assert "one.root: the replica on ALICE::SANDBOX::SE" in done.stderr


def test_pyroot_reads_through_alien(analysis: Analysis) -> None:
    program = str(HERE / "write_and_read.py")
    done = analysis.run(str(BIN / "python"), "-W", "ignore", program, "read", analysis.macro, analysis.directory)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "class": "TNetXNGFile",
        "sum": TOTAL,
        "frame": TOTAL,
        "grid": [True, "alice"],
        "query": [1, f"alien://{analysis.directory}/tree.root", str((analysis.user.home / "tree.root").stat().st_size)],
        "ls": False,
        "missing": "OSError",
    }
