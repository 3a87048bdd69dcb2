"""Public usage patterns of alienpy give the same results with alienpy itself and with the library of alienctl."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness import ROOT, clean_environment
from tests.side_by_side.runner import HOME, LINES, Stage

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("side by side")]
PROGRAM = Path(__file__).with_name("library_patterns.py")
_LISTED = """
    low_level_session command_chains pipelines session_facts file_list_of_a_run popularity_filter collection_of_a_run
    train_outputs copy_program
    silent_upload uneven_lists results_as_tuples raw_requests working_directory single_commands token_information
    printed_documents tables grid_names
"""
PATTERNS = _LISTED.split()
Results = dict[str, Any]
BASE_PYTHON = str(Path(sys.base_prefix) / "bin" / "python3")
"""A Python without any library."""


@pytest.fixture(scope="module")
def outcomes(stage: Stage) -> tuple[Results, Results]:
    """Run all patterns in one process with each of both libraries."""
    place = Path(stage.user.home) / "library"
    place.mkdir()
    stage.user.must("install-names", "--python", str(place / "packages"))
    theirs = {**clean_environment(), "HOME": str(place), "TMPDIR": str(place), **stage.grid.exports}
    ours = {**stage.user.environment, "PYTHONPATH": str(place / "packages")}
    ours.pop("ALIEN_SESSION")
    return (
        _results([str(ROOT / ".venv-alienpy/bin/python")], theirs, place / "theirs"),
        _results([BASE_PYTHON, "-S"], ours, place / "ours"),
    )


def _results(python: list[str], environment: dict[str, str], here: Path) -> Results:
    here.mkdir()
    grid = f"{LINES}/library-{here.name}"
    done = subprocess.run(
        [*python, str(PROGRAM), grid, str(here)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = done.stdout.replace(grid, "GRID").replace(str(here), "HERE")
    results: Results = json.loads(text[text.index('{"low_level_session"') :])
    return results


def test_every_pattern_is_compared(outcomes: tuple[Results, Results]) -> None:
    assert [list(results) for results in outcomes] == [PATTERNS, PATTERNS]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_public_pattern_gives_the_same_result(outcomes: tuple[Results, Results], pattern: str) -> None:
    """F240-F246, F248: our library runs in a Python without XRootD."""
    theirs, ours = (results[pattern] for results in outcomes)
    if pattern == "train_outputs":  # the lines of simultaneous copies have no order
        theirs[1], ours[1] = (sorted(text.splitlines()) for text in (theirs[1], ours[1]))
    assert ours == theirs


def test_f247_a_failed_connection_can_be_caught(stage: Stage) -> None:
    packages = Path(stage.user.home) / "library" / "packages"
    stage.user.must("install-names", "--python", str(packages))
    program = "from xjalienfs import alien\ntry:\n    alien.AliEn()\nexcept SystemExit as end:\n    print(end.code)"
    environment = {**stage.user.environment, "PYTHONPATH": str(packages), "ALIENPY_JCENTRAL_PORT": "1"}
    done = subprocess.run(
        [BASE_PYTHON, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout, done.returncode) == ("107\n", 0), done.stderr
    assert "cannot connect" in done.stderr


def test_a_forked_process_has_its_own_directory(stage: Stage) -> None:
    packages = Path(stage.user.home) / "library" / "packages"
    stage.user.must("install-names", "--python", str(packages))
    program = """
import os
from alienpy.alien import AliEn
session = AliEn()
session.run("cd data")
if (child := os.fork()) == 0:
    session.run("cd /alice")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(session.run("pwd").out)
"""
    environment = {**stage.user.environment, "PYTHONPATH": str(packages)}
    environment.pop("ALIEN_SESSION")
    done = subprocess.run(
        [BASE_PYTHON, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == f"{HOME}/data/\n", done.stderr
