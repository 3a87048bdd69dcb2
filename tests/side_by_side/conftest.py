"""One grid for all lines; alien.py runs the lines of this session in the background."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.harness import ROOT, make_user, new_grid
from tests.side_by_side.corpus import Line
from tests.side_by_side.runner import Stage


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Run both programs on a grid whose service caches no answers."""
    done = subprocess.run(["make", "-C", str(ROOT), ".venv-alienpy/.done"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with new_grid() as grid:
        grid.must("set", "find_cache=0", "replica_cache=0")
        for user in make_user(grid.exports):
            made = Stage(grid, user)
            callspecs = [getattr(item, "callspec", None) for item in request.session.items]
            lines = [spec.params.get("line") for spec in callspecs if spec is not None]
            made.begin([line for line in lines if isinstance(line, Line)])
            try:
                yield made
            finally:
                made.close()
