"""pandas, uproot and Dask open alien://, in programs of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness import ROOT, Grid, User, make_grid_directory, make_user

PROGRAM = Path(__file__).with_name("libraries.py")
ROOT_PACKAGES = ROOT / f".venv-root/lib/python3.{sys.version_info.minor}/site-packages"
SERVERS = ("ALICE::SANDBOX::SE1", "ALICE::SANDBOX::SE2")
pytestmark = [pytest.mark.xdist_group("fsspec"), pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Tree:
    """A tree in the catalogue: its URL, its size in bytes, and the sums of the columns that are read."""

    url: str
    size: int
    sums: dict[str, object]


@pytest.fixture(scope="module")
def analyst(grid: Grid) -> Iterator[User]:
    yield from make_user(grid.exports)


@pytest.fixture(scope="module")
def directory(analyst: User) -> str:
    return make_grid_directory(analyst).rstrip("/")


@pytest.fixture(scope="module")
def tree(analyst: User, directory: str) -> Iterator[Tree]:
    local = analyst.home / "tree.root"
    sums = result_of(analyst, "write_tree", str(local))
    size = local.stat().st_size
    analyst.must("cp", f"file:{local}", f"{directory}/tree.root@disk:1")
    local.unlink()
    yield Tree(f"alien://{directory}/tree.root", size, sums)
    analyst.must("rm", f"{directory}/tree.root")


def result_of(user: User, *command: str) -> dict[str, object]:
    """Run a part of the program, and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *command],
        env={**user.environment, "PYTHONPATH": str(ROOT)},
        cwd=user.home,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def read_bytes(user: User) -> int:
    """The bytes that the storage servers have read from their files and sent to the daemon."""
    pids = [json.loads(user.must("xrd_stats", "-compact", server))["pid"] for server in SERVERS]
    counters = [Path(f"/proc/{pid}/io").read_text(encoding="ascii").split() for pid in pids]
    return sum(int(fields[fields.index("rchar:") + 1]) for fields in counters)


def test_pandas_writes_and_reads_tables(analyst: User, directory: str) -> None:
    assert result_of(analyst, "table", directory) == {
        "same": True,
        "chunks": [300, 300, 300, 100],
        "zipped": True,
        "missing": "NotFoundError",
    }


def test_uproot_reads_three_columns_of_a_tree_without_the_others(analyst: User, tree: Tree) -> None:
    before = read_bytes(analyst)
    assert result_of(analyst, "read_tree", tree.url) == tree.sums
    assert tree.size * 3 // 50 <= read_bytes(analyst) - before < tree.size / 5


@pytest.mark.skipif(
    not (ROOT / ".venv-root/bin/root").exists(), reason="ROOT is not installed here; install it with: make root"
)
def test_uproot_reads_while_root_is_loaded(analyst: User, tree: Tree) -> None:
    found = result_of(analyst, "read_tree_with_root", tree.url, str(ROOT_PACKAGES))
    clients = found.pop("clients")
    assert found == tree.sums
    assert isinstance(clients, list)
    assert [name for name in clients if name.startswith(str(ROOT_PACKAGES))] == clients
    assert clients


def test_dask_reads_many_files_by_threads_and_by_processes(analyst: User, directory: str) -> None:
    both = [sum(range(400))] * 2
    assert result_of(analyst, "dask_files", directory) == {"files": 4, "threads": both, "processes": both}
