"""The incumbent client, alienpy, works on the sandbox grid as it does on the real one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness import ROOT, Grid, clean_environment, new_grid

pytestmark = pytest.mark.xdist_group("alienpy")

VENV = ROOT / ".venv-alienpy"
HOME = "/alice/cern.ch/user/a/alice/"


@dataclass(frozen=True)
class Incumbent:
    """alienpy with a separate home, which is also its working directory."""

    home: Path
    variables: dict[str, str]

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run its interpreter."""
        return subprocess.run(
            [VENV / "bin" / "python", *words],
            env={**clean_environment(), "HOME": str(self.home), "TMPDIR": str(self.home), **self.variables},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def must(self, *words: str) -> str:
        """Run `alien.py ARGS`, which must succeed; return its output."""
        done = self.python(str(VENV / "bin" / "alien.py"), *words)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout.rstrip("\n")


@pytest.fixture(scope="module")
def grid() -> Iterator[Grid]:
    """A grid with the memory that the real service has."""
    done = subprocess.run(["make", "-C", str(ROOT), ".venv-alienpy/.done"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with new_grid() as made:
        yield made


@pytest.fixture
def alienpy(grid: Grid) -> Iterator[Incumbent]:
    home = Path(tempfile.mkdtemp(prefix="alienpy", dir="/tmp"))
    try:
        yield Incumbent(home, dict(grid.exports))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_it_looks_around(alienpy: Incumbent) -> None:
    assert alienpy.must("pwd") == HOME
    assert alienpy.must("ls").split() == ["archive/", "data/", "files/"]
    assert f"{HOME}files/tiny.dat" in alienpy.must("find", HOME, "tiny").split()
    assert "Size: 102 (102 B)" in alienpy.must("stat", "files/tiny.dat")


def test_it_makes_and_removes(alienpy: Incumbent) -> None:
    alienpy.must("mkdir", "made")
    assert "made/" in alienpy.must("ls").split()
    alienpy.must("rm", "-r", "made")
    assert "made/" not in alienpy.must("ls").split()


def test_it_uploads_to_two_replicas_and_downloads(alienpy: Incumbent) -> None:
    content = os.urandom(300_000)
    (alienpy.home / "up").write_bytes(content)
    alienpy.must("cp", "-f", "file:up", "twice.bin@disk:2")
    assert alienpy.must("whereis", "twice.bin").count("SE => ") == 2
    alienpy.must("cp", "-f", "twice.bin", "file:down")
    assert (alienpy.home / "down").read_bytes() == content


def test_it_copies_directories_both_ways(alienpy: Incumbent) -> None:
    for name in ("a", "b/c"):
        (alienpy.home / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (alienpy.home / "tree" / name).write_text(f"this is {name}", encoding="utf-8")
    alienpy.must("cp", "-f", "file:tree/", "tree/@disk:1")
    alienpy.must("cp", "-f", "tree/", "file:back/")
    back = {str(file.relative_to(alienpy.home / "back")) for file in (alienpy.home / "back").rglob("*")}
    assert {"a", "b/c"} <= {name.removeprefix("tree/") for name in back}


def test_it_downloads_a_member_of_an_archive(alienpy: Incumbent) -> None:
    lfn = f"{HOME}archive/first.dat"
    alienpy.must("cp", "-f", lfn, "file:member")
    assert (alienpy.home / "member").read_bytes() == hashlib.shake_128(lfn.encode()).digest(20 * 1024)


def test_quota_prints_the_quota(alienpy: Incumbent) -> None:
    assert "alice" in alienpy.must("quota")


def test_it_submits_a_job_and_sees_it(alienpy: Incumbent) -> None:
    (alienpy.home / "job.jdl").write_text('Executable = "/bin/date";\n', encoding="utf-8")
    alienpy.must("cp", "-f", "file:job.jdl", "job.jdl")
    reported = alienpy.must("submit", "job.jdl")
    number = re.search(r"job ID is (\d+)", reported)
    assert number is not None, reported
    assert number[1] in alienpy.must("ps", "-a")


def test_it_makes_a_token(alienpy: Incumbent) -> None:
    alienpy.variables["JALIEN_TOKEN_CERT"] = str(alienpy.home / "token.pem")
    alienpy.variables["JALIEN_TOKEN_KEY"] = str(alienpy.home / "token.key.pem")
    assert "CN=Users/CN=alice" in alienpy.must("token-init")
    assert (alienpy.home / "token.pem").read_text(encoding="utf-8").startswith("-----BEGIN CERTIFICATE-----")
    assert alienpy.must("pwd") == HOME


def test_its_python_interface_works(alienpy: Incumbent) -> None:
    script = f"""
import json
from alienpy.alien import AliEn
grid = AliEn()
answer = grid.run("ls -l {HOME}files")
print(json.dumps([answer.exitcode, sorted(result["name"] for result in answer.ansdict["results"])]))
"""
    done = alienpy.python("-c", script)
    assert done.returncode == 0, done.stderr
    code, names = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert "tiny.dat" in names
