"""The Python programs of docs/python.md, docs/fsspec.md and examples/ run on a sandbox grid."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import uproot

from tests.harness import ROOT, Grid, User, make_user

pytestmark = pytest.mark.xdist_group("python-pages")
HOME = "/alice/cern.ch/user/a/alice"
CONTENT = "Hello grid, hello program!\n"


@pytest.fixture(scope="module")
def analyst(grid: Grid) -> Iterator[User]:
    """Create a user whose home in the catalogue has the files that the pages name; other tests use this home too."""
    for user in make_user(grid.exports):
        with uproot.recreate(user.home / "AO2D.root") as file:
            file["events"] = {"x": [1.0, 2.0]}
        (user.home / "table.csv").write_text("run,size\n1,2\n", encoding="ascii")
        (user.home / "f.root").write_bytes(bytes(2000))
        (user.home / "greeting.txt").write_text(CONTENT, encoding="ascii")
        sources = {
            f"{HOME}/data/run1/f.root": "f.root",
            f"{HOME}/data/f.root": "f.root",
            f"{HOME}/table.csv": "table.csv",
            f"{HOME}/AO2D.root": "AO2D.root",
            f"{HOME}/analysis/greeting.txt": "greeting.txt",
        }
        for target, source in sources.items():
            user.must("cp", "-f", f"file:{source}", target)
        yield user
        user.must("rm", "-f", *sources)


def blocks(page: str) -> list[str]:
    """Return the programs of a page; one with `await` becomes one that runs it."""
    found = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.M | re.S)
    head = "import asyncio\nfrom alienctl import api\n"
    return [
        f"{head}async def main():\n{textwrap.indent(one, '    ')}\nasyncio.run(main())"
        if "await " in one
        else head + one
        for one in found
    ]


def run(user: User, *command: str) -> list[str]:
    """Run a Python program as the user; return the lines that it prints."""
    environment = {**user.environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=user.home,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_programs_of_the_page_about_python_work(analyst: User) -> None:
    first, second = blocks("python.md")
    listed, copied = run(analyst, "-c", first)
    assert {"run1", "f.root"} <= set(re.findall(r"[\w.]+", listed))
    assert int(copied) == len(list((analyst.home / "run1").rglob("*.root"))) > 0
    assert run(analyst, "-c", f"{second}\n") == []


def test_the_program_of_the_page_about_fsspec_works(analyst: User) -> None:
    (program,) = blocks("fsspec.md")
    shown = run(analyst, "-c", f"{program.replace('...', 'print(file.keys())')}\nprint(table.shape)")
    assert shown == ["['events;1']", "(1, 2)"]


def test_the_example_of_the_api_works(analyst: User, tmp_path: Path) -> None:
    folder = f"{HOME}/analysis"
    shown = run(analyst, str(ROOT / "examples/python/analysis.py"), folder, str(tmp_path / "out"))
    assert shown == [
        f"find {folder}/greeting.txt:{len(CONTENT)}",
        f"error 2 {folder}/none",
        "read grid,",
        f"text {CONTENT.strip()}",
        "copy done 1",
    ]
    assert (tmp_path / "out/greeting.txt").read_text(encoding="ascii") == CONTENT
