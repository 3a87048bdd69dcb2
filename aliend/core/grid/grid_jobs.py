"""Grid jobs: parses their log and description (JDL), and the arguments of `jobInfo` and `siteJobs`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

FormatTime = Callable[[int], str]
"""Formats a time (POSIX seconds)."""

Description = dict[str, str | list[str]]
"""A job description (JDL): values as text, lists as lists."""

_EVENT = re.compile(r"^(\d{10}) \[(\w+) *\]: ?(.*)$")
_STAMP = re.compile(r"^(\d{10})(?= \[)", re.MULTILINE)
_WORKDIR = re.compile(r"Created workdir: *(\S+)")
_NODE = re.compile(r"Running JAliEn JobAgent.* on (\S+)")
_QUEUE = re.compile(r"BatchId\w*[: ]+(.+)")


@dataclass(frozen=True, slots=True)
class Log:
    """The log of a job by kind of line, and where the job ran."""

    node: str = ""
    workdir: str = ""
    queue: tuple[str, ...] = ()
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return the document in alien.py's format."""
        kinds = {kind: list(self.lines.get(kind, ())) for kind in ("state", "trace", "proc")}
        return {"wn": self.node, "workdir": self.workdir, "queue": list(self.queue), **kinds}


def read_log(text: str, format_time: FormatTime) -> Log:
    """Parse a job's `trace`. A line without a time continues the previous one."""
    lines: dict[str, list[str]] = {}
    kind = ""
    for line in text.splitlines():
        event = _EVENT.match(line)
        if event:
            kind = "proc" if event[2] == "procfmt" else event[2]
            lines.setdefault(kind, []).append(f"{format_time(int(event[1]))}  {event[3]}")
        elif kind and line.strip():
            lines[kind][-1] += f"\n{line}"
    whole = "\n".join(line for listed in lines.values() for line in listed)
    node, workdir = _NODE.search(whole), _WORKDIR.search(whole)
    return Log(
        node[1] if node else "",
        workdir[1] if workdir else "",
        tuple(_QUEUE.findall(whole)),
        {name: tuple(listed) for name, listed in lines.items()},
    )


def format_log_times(text: str, format_time: FormatTime) -> str:
    """Return a log with readable times at the start of its lines."""
    return _STAMP.sub(lambda stamp: format_time(int(stamp[1])), text)


_TOKEN = re.compile(
    r"""\s+ | (?://|\#)[^\n]* | /\*.*?\*/            # blanks and remarks
      | "(?P<text>(?:[^"\\]|\\.)*)"                  # a text in quotes
      | (?P<sign>[{}=;,])
      | (?P<word>[^\s{}=;,"]+)""",
    re.VERBOSE | re.DOTALL,
)


def read_description(text: str) -> Description:
    """Parse a job description (JDL), ignoring text that is not an entry. Names keep their spelling."""
    entries: Description = {}
    for entry in _statements(_tokens(text)):
        name, *rest = entry
        if len(rest) < 2 or rest[0] != ("sign", "=") or name[0] != "word":
            continue
        value = rest[1:]
        if value[0] == ("sign", "{"):
            entries[name[1]] = [word for kind, word in value if kind != "sign"]
        else:
            entries[name[1]] = " ".join(word for _, word in value)
    return entries


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = [(match.lastgroup or "", match[match.lastgroup or 0]) for match in _TOKEN.finditer(text)]
    return [
        ("text", re.sub(r"\\(.)", r"\1", word)) if kind == "text" else (kind, word) for kind, word in tokens if kind
    ]


def _statements(tokens: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    parts: list[list[tuple[str, str]]] = [[]]
    for token in tokens:
        if token == ("sign", ";"):
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def table(jobs: Sequence[Mapping[str, object]]) -> list[str]:
    """Return a table of jobs, one per line, with a heading."""
    heads = {"id": "JobID", "split": "MasterJobID", "status": "Status", "owner": "User", "name": "Name"}
    widths = {"id": 13, "split": 13, "status": 12, "owner": 14, "name": 0}
    rows: list[Mapping[str, object]] = [heads, *jobs]
    return ["".join(f"{row.get(key, '')!s:<{width}}" for key, width in widths.items()).rstrip() for row in rows]
