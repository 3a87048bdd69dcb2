"""alien.py and alienctl run the same lines on the same grid."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import pytest

from tests.side_by_side.corpus import Line, read
from tests.side_by_side.runner import Outcome, Stage, pruned

HERE = Path(__file__).parent
CORPORA = {name: read(HERE / f"{name}.toml") for name in ("commands", "copy", "errors")}
LINES = [
    pytest.param(line, id=f"{name}: {line.id}", marks=pytest.mark.xdist_group("side by side"))
    for name, lines in CORPORA.items()
    for line in lines
]
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("line", LINES)
def test_a_line_behaves_as_in_the_incumbent(stage: Stage, line: Line) -> None:
    theirs, ours = stage.theirs(line), stage.ours(line)
    if not line.improved:
        wanted, found = theirs.compared(line), ours.compared(line)
        assert (pruned(found, wanted) if line.subset else found) == wanted, _differences(line, theirs, ours)
        return
    assert ours.code == line.code, f"{ours.stdout}\n{ours.stderr}"
    assert re.search(line.stdout, ours.stdout, re.MULTILINE), ours.stdout
    assert re.search(line.stderr, ours.stderr, re.MULTILINE), ours.stderr
    assert ours.compared(line) != theirs.compared(line), "this line is the same: say so in the corpus"


def _differences(line: Line, theirs: Outcome, ours: Outcome) -> str:
    """Return the outputs of both programs as a diff."""
    old, new = (
        [f"exit code {one.code}", *line.forgetting(one.stdout).splitlines(), *one.stderr.splitlines()]
        for one in (theirs, ours)
    )
    return "\n".join(["", *difflib.unified_diff(old, new, "alien.py", "alienctl", lineterm="", n=100)])


@pytest.mark.parametrize("name", CORPORA)
def test_no_line_occurs_twice(name: str) -> None:
    ids = [line.id for line in CORPORA[name]]
    assert sorted(ids) == sorted(set(ids))
