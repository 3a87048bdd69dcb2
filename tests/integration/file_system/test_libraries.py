"""pandas, uproot and Dask read files of the grid by their names."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array
import dask.bag
import fsspec
import numpy as np
import pandas as pd
import pytest
import uproot
from dask.delayed import delayed

from alienctl.fsspec import AlienFileSystem
from alienctl.fsspec.calls import Calls
from tests.harness import ROOT as REPOSITORY
from tests.harness import User

pytestmark = [pytest.mark.xdist_group("fsspec-libraries"), pytest.mark.timeout(300)]
ROOT_PYTHON = REPOSITORY / ".venv-root" / "bin" / "python"
_COLUMNS, _ROWS = 30, 50_000


@pytest.fixture(scope="module")
def table(files: AlienFileSystem, base: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """Return the name of a file with a tree of 30 columns that do not compress, and the columns."""
    random = np.random.default_rng(1)
    columns = {f"c{number}": random.random(_ROWS) for number in range(_COLUMNS)}
    local = tmp_path_factory.mktemp("tree") / "tree.root"
    with uproot.recreate(local) as file:
        file.mktree("events", {name: "float64" for name in columns})
        for start in range(0, _ROWS, _ROWS // 5):
            file["events"].extend({name: values[start : start + _ROWS // 5] for name, values in columns.items()})
    files.put_file(str(local), f"{base}/tree.root")
    return f"{base}/tree.root", columns


def test_pandas_reads_and_writes(files: AlienFileSystem, base: str) -> None:
    frame = pd.DataFrame({"run": [1, 2, 3], "energy": [0.5, 1.5, 2.5]})
    frame.to_csv(f"alien://{base}/frame.csv", index=False)
    pd.testing.assert_frame_equal(pd.read_csv(f"alien://{base}/frame.csv"), frame)


def test_uproot_reads_three_columns_with_a_fifth_of_the_bytes(
    files: AlienFileSystem, table: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, columns = table
    received: list[int] = []
    read = Calls.read

    async def counted(self: Calls, call: Any, request: Any, deliver: Callable[[Any], None]) -> None:  # noqa: ANN401
        def count(response: Any) -> None:  # noqa: ANN401 - a message
            received.append(len(response.data))
            deliver(response)

        await read(self, call, request, count)

    monkeypatch.setattr(Calls, "read", counted)
    with uproot.open(f"alien://{name}") as file:
        arrays = file["events"].arrays(["c3", "c11", "c29"], library="np")
    for column, values in arrays.items():
        assert np.array_equal(values, columns[column])
    assert 2 * 8 * _ROWS < sum(received) < files.size(name) / 5


@pytest.fixture(scope="module")
def parts(files: AlienFileSystem, base: str) -> list[str]:
    """Return the names of three files with ten lines each."""
    names = [f"{base}/parts/{number}.txt" for number in range(3)]
    for number, name in enumerate(names):
        files.pipe(name, "".join(f"{line}\n" for line in range(number * 10, number * 10 + 10)).encode())
    return [f"alien://{name}" for name in names]


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_a_bag_of_dask_reads_many_files(parts: list[str], scheduler: str) -> None:
    bag = dask.bag.read_text(parts).map(int)
    assert bag.sum().compute(scheduler=scheduler, num_workers=2) == sum(range(30))


def _numbers(name: str) -> Any:  # noqa: ANN401 - an array
    with fsspec.open(name) as file:
        return np.loadtxt(file)


def test_an_array_of_dask_reads_many_files(parts: list[str]) -> None:
    pieces = [dask.array.from_delayed(delayed(_numbers)(name), (10,), float) for name in parts]
    total = dask.array.concatenate(pieces).sum()
    assert total.compute(scheduler="threads") == sum(range(30))


BESIDE_ROOT = """
import sys
sys.path.append(sys.argv[1])
import ROOT
ROOT.TFile
import uproot
with uproot.open(sys.argv[2]) as file:
    print(len(file["events"]["c1"].array(library="np")))
"""


@pytest.mark.skipif(not ROOT_PYTHON.exists(), reason="ROOT is not installed here; install it with: make root")
def test_uproot_reads_in_a_process_that_has_loaded_root(analyst: User, table: tuple[str, dict[str, Any]]) -> None:
    packages = str(Path(np.__file__).parents[1])
    done = subprocess.run(
        [str(ROOT_PYTHON), "-W", "ignore", "-c", BESIDE_ROOT, packages, f"alien://{table[0]}"],
        env={**analyst.environment, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == str(_ROWS)
