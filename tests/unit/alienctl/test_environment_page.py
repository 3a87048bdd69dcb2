"""`help environment` and the variables that the code reads and the client sends are the same."""

from __future__ import annotations

import re
from pathlib import Path

from alienctl.invocation import DISPLAY_NAMES, FORWARDED_NAMES, Invocation

ROOT = Path(__file__).parents[3]


def words() -> set[str]:
    folders = (ROOT / "aliend", ROOT / "alienctl")
    files = (path for folder in folders for path in folder.rglob("*.py"))
    return {word for path in files for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}


def variables(table: str) -> set[str]:
    rows = (line.split("|")[1] for line in table.splitlines() if line.startswith("| "))
    return set(re.findall(r"\b(?:ALIEN|JALIEN|X509|JBOXPY)[A-Z0-9_]*_[A-Z0-9_]+|\bALIBUILD", "\n".join(rows)))


def test_the_page_lists_exactly_the_variables_of_the_code() -> None:
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    honoured, obsolete = map(variables, page.split("## Variables of alien.py without effect"))
    used = words()
    assert honoured - used == set()
    assert obsolete & used == set()
    assert len(honoured) > 30


def test_the_daemon_gets_every_variable_of_the_page() -> None:
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8").split("## ")[0]
    rows = (line.split("|")[1] for line in page.splitlines() if line.startswith("| "))
    names = {name.replace("XRD_...", "XRD_X").encode() for row in rows for name in row.split(", ")}
    names = {name.strip() for name in names} - {b"variable"}
    sent = Invocation(["pwd"], dict.fromkeys(names, b"x") | {b"ALIENPY_DEBUG": b""}).variables()
    assert names - set(sent) == set()
    assert set(FORWARDED_NAMES + DISPLAY_NAMES) - names == set()
