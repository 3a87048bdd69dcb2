"""Reads the command lines for both programs from TOML, with the differences that are allowed in their output.

A corpus is a file of `[[line]]` tables:

    run = "ls {dir}"            the arguments of `alien.py` and `alienctl`, split as by a shell; several runs: a list
    expect = "same"             or, where alienctl is deliberately better:
    improved = "why"            with the required result: `code` (0), `stdout`, `stderr` (regular expressions)
    compare = ["code", "stdout"]   the results that must be equal; also "stderr", "local" (local files with md5s),
                                "grid" (names and sizes below {dir}); the file's own `compare` is the default
    json = true                 compare the outputs as JSON documents, not as text
    subset = true               leave out the members of our document that the incumbent's does not have
    forget = ["time"]           the values that are masked before comparing, see `FORGOTTEN`
    local = {"a.txt" = 100}     files of the local directory: a size in bytes, or a text
    grid = {"b.txt" = 200}      files below {dir}, which exists only if this, `setup` or the line itself creates it
    setup = ["mkdir {dir}/x"]   lines that `alienctl` executes first, for each program
    stdin = "pwd\\n"             standard input (without: none)
    env = {NAME = "value"}      more environment
    rows = ["F142"]             the rows of the incumbent's features that the line covers

Lines that need no directories of their own can share one run of each program, as a batch; only their exit codes and
standard output are compared:

    [[batch]]
    name = "errors"             the name of the batch
    expect = "same"
    lines = ["ls -z", "stat"]   the command lines, without quotes and `;`
    forget = ["time"]           as above

`{dir}` is a directory of the catalogue (no slash at its end), `{here}` the local directory; each program has its own.
`{job}` is the number of the job that a `setup` line submitted, `{done}` that of a job that is done, `{master}` of one
with parts.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

KINDS = ("code", "stdout", "stderr", "local", "grid")
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
FORGOTTEN: dict[str, tuple[tuple[str, str], ...]] = {
    "time": (
        (rf"\b(?:{_MONTH} +\d+|\d+ {_MONTH}) +(?:\d\d:\d\d(?::\d\d)?|\d{{4}})", "<time>"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
        (rf"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {_MONTH} +\d+ \d\d:\d\d:\d\d(?: [A-Z]+)? \d{{4}}", "<time>"),
        (r"\b\d{10}(?:\d{3})?\b", "<time>"),
        (r"\b\d+d \d+:\d\d\b", "<span>"),
    ),
    "guid": ((r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<guid>"),),
    "pfn": ((r"root://\S+", "<pfn>"),),
    "job": ((r"\b\d{7,}\b", "<job>"),),
    "envelope": ((r"-----BEGIN(?: |%20)SEALED[^']*", "<envelope>"),),
    "number": ((r"\d+(?:\.\d+)?", "<n>"),),
    "speed": ((r"[\d.]+ (?:[KMGT]i)?B/s", "<speed>"),),
    "space": ((r"[ \t]+", " "), (r"(?m)^ | $", "")),
    "sort": (),
}
"""Values that differ between runs: patterns and their replacements; `sort` sorts the lines."""


@dataclass(frozen=True)
class Line:
    """One line of a corpus."""

    run: tuple[str, ...]
    improved: str = ""
    code: int = 0
    stdout: str = ""
    stderr: str = ""
    compare: tuple[str, ...] = ("code", "stdout")
    json: bool = False
    subset: bool = False
    forget: tuple[str, ...] = ()
    local: dict[str, int | str] = field(default_factory=dict)
    grid: dict[str, int | str] = field(default_factory=dict)
    setup: tuple[str, ...] = ()
    stdin: str = ""
    env: dict[str, str] = field(default_factory=dict)
    rows: tuple[str, ...] = ()
    batch: str = ""

    @property
    def id(self) -> str:
        """Return the line as a test name."""
        text = " ".join([*(f"{name}={value}" for name, value in self.env.items()), " && ".join(self.run)])
        return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]

    def forgetting(self, text: str) -> str:
        """Return `text` with masked values that differ between runs."""
        for name in self.forget:
            for pattern, instead in FORGOTTEN[name]:
                text = re.sub(pattern, instead, text)
        text = text.strip()
        return "\n".join(sorted(text.splitlines())) if "sort" in self.forget else text


def read(path: Path) -> list[Line]:
    """Read the lines of a corpus. Raises ValueError for an invalid table."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    default = document.pop("compare", ["code", "stdout"])
    tables = document.pop("line", [])
    for batch in document.pop("batch", []):
        shared = {"batch": batch["name"], "compare": ["code", "stdout"], "expect": batch["expect"]}
        tables += [{**shared, "forget": batch.get("forget", []), "run": text} for text in batch["lines"]]
    if document:
        raise ValueError(f"{path.name}: unknown {', '.join(document)}")
    return [_line({"compare": default, **table}, path) for table in tables]


def _line(table: dict[str, Any], path: Path) -> Line:
    run = table.pop("run", "")
    lines = (run,) if isinstance(run, str) else tuple(run)
    where = f"{path.name}: {' && '.join(lines)}"
    expect = table.pop("expect", "")
    if unknown := table.keys() - {one.name for one in fields(Line)}:
        raise ValueError(f"{where}: unknown {', '.join(sorted(unknown))}")
    if (expect, bool(table.get("improved"))) not in (("same", False), ("", True)):
        raise ValueError(f'{where}: either expect = "same" or improved = "why"')
    if expect and table.keys() & {"code", "stdout", "stderr"}:
        raise ValueError(f"{where}: a line has expectations of its own only if it is improved")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    line = Line(run=lines, **values)
    if wrong := (set(line.compare) - set(KINDS)) | (set(line.forget) - set(FORGOTTEN)):
        raise ValueError(f"{where}: there is no {', '.join(sorted(wrong))} to compare or to forget")
    return line
