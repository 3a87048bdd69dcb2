"""Writes the parity table into docs/parity.md: `python -m tests.parity_table`, or `make rows`.

A row is covered by every test that has its id in its name (`test_f066_...`) or docstring, and by every line of a
side-by-side corpus that names it; module docstrings do not count. A row without coverage is open.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "parity.md"
BEGIN, END = "<!-- rows: begin (written by `make rows`) -->", "<!-- rows: end -->"
_ID = re.compile(r"(?<![A-Za-z0-9])F(\d{3})(?!\d)", re.IGNORECASE)
_SPAN = re.compile(r"(?<![A-Za-z0-9])F(\d{3})(?:-| to )F(\d{3})(?!\d)")


def titles() -> dict[str, dict[str, str]]:
    """Read the rows: their titles, and the reasons for deliberate differences."""
    rows: dict[str, dict[str, str]] = tomllib.loads((ROOT / "tests" / "parity_table.toml").read_text(encoding="utf-8"))
    return rows


def shown() -> dict[str, set[str]]:
    """Return the files that cover each row."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for text in _names_and_docstrings(path):
            for row in ids(text):
                found[row].add(str(path.relative_to(ROOT)))
    for path in sorted((ROOT / "tests" / "side_by_side").glob("*.toml")):
        for line in tomllib.loads(path.read_text(encoding="utf-8")).get("line", []):
            for row in line.get("rows", []):
                found[row].add(str(path.relative_to(ROOT)))
    return found


def ids(text: str) -> set[str]:
    """Return the rows that a text names, singly or as a range such as `F010-F014`."""
    spans = [range(int(first), int(last) + 1) for first, last in _SPAN.findall(text)]
    numbers = {int(number) for number in _ID.findall(text.replace("_", " "))}
    return {f"F{number:03}" for number in numbers.union(*spans)}


def table(rows: dict[str, dict[str, str]], found: dict[str, set[str]]) -> str:
    """Return the table as Markdown, without a count, which would differ between branches."""
    lines = ["| row | what | status | shown by |", "|---|---|---|---|"]
    for row, entry in rows.items():
        lines.append(f"| {row} | {entry['title']} | {_status(row, entry, found)} | {_places(found.get(row, set()))} |")
    return "\n".join(lines)


def open_rows(rows: dict[str, dict[str, str]], found: dict[str, set[str]]) -> list[str]:
    """Return the rows without coverage."""
    return [row for row, entry in rows.items() if _status(row, entry, found) == "open"]


def page(text: str, content: str) -> str:
    """Return the page with `content` between the markers. Raises ValueError if they are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.rpartition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


def main() -> int:
    """Write the page and print the number of open rows."""
    rows, found = titles(), shown()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), table(rows, found)), encoding="utf-8")
    left = open_rows(rows, found)
    sys.stdout.write(f"{len(rows)} rows, {len(left)} open: {' '.join(left)}\n")
    return 0


def _names_and_docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        named = node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else None
        if named and named.name.startswith(("test", "Test")):
            yield named.name
            yield ast.get_docstring(named) or ""


def _status(row: str, entry: dict[str, str], found: dict[str, set[str]]) -> str:
    if "different" in entry:
        return f"different: {entry['different']}"
    return "works" if found.get(row) else "open"


def _places(paths: set[str]) -> str:
    return ", ".join(f"`{path.removeprefix('tests/')}`" for path in sorted(paths))


if __name__ == "__main__":
    sys.exit(main())
