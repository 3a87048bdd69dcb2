"""What a check has found, and the report of all checks as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from aliend.core.cli.escaping import printable_line

State = Literal["ok", "warning", "problem", "unchecked"]
"""`warning`: something may become a problem; `problem`: something does not work; `unchecked`: the text says why."""
_NAMES: dict[State, str] = {"ok": "ok", "warning": "warning", "problem": "problem", "unchecked": "not checked"}
_WIDTH, _COLUMN = 12, 22


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `remedy` says what to do (empty: nothing)."""

    check: str
    state: State
    text: str
    remedy: str = ""


def ok(check: str, text: str) -> Finding:
    """Return the finding of a check that found nothing wrong."""
    return Finding(check, "ok", text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """Return a finding that may become a problem."""
    return Finding(check, "warning", text, remedy)


def problem(check: str, text: str, remedy: str) -> Finding:
    """Return a finding that explains why something does not work."""
    return Finding(check, "problem", text, remedy)


def unchecked(check: str, reason: str) -> Finding:
    """Return the finding of a check that could not run."""
    return Finding(check, "unchecked", reason)


def has_problems(findings: Sequence[Finding]) -> bool:
    """Return whether something does not work."""
    return any(finding.state == "problem" for finding in findings)


def counts_of(findings: Sequence[Finding]) -> dict[str, int]:
    """Return the number of findings of each state."""
    found = Counter(finding.state for finding in findings)
    return {state: found[state] for state in _NAMES}


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with problems first, then warnings, then what was not checked."""
    order: tuple[State, ...] = ("problem", "warning", "unchecked", "ok")
    return sorted(findings, key=lambda finding: order.index(finding.state))


def document(findings: Sequence[Finding]) -> dict[str, object]:
    """Return the document of `doctor --json`."""
    return {
        "healthy": not has_problems(findings),
        "counts": counts_of(findings),
        "checks": [asdict(finding) for finding in findings],
    }


def text(findings: Sequence[Finding], *, whole: bool = True) -> str:
    """Return the report for people; without `whole` only the warnings and problems, and the last line."""
    lines: list[str] = []
    for finding in findings:
        if whole or finding.state in ("warning", "problem"):
            lines += _lines(finding)
    counts = counts_of(findings)
    total = ", ".join(f"{counts[state]} {name}" for state, name in _NAMES.items())
    return "\n".join([*lines, f"{len(findings)} checks: {total}"])


def _lines(finding: Finding) -> list[str]:
    first, *more = finding.text.splitlines() or [""]
    lines = [f"{_NAMES[finding.state]:<{_WIDTH}}{finding.check:<{_COLUMN}}{printable_line(first)}"]
    lines += [f"{'':<{_WIDTH + _COLUMN}}{printable_line(line)}" for line in more]
    lines += [f"{'':<{_WIDTH + _COLUMN}}-> {printable_line(line)}" for line in finding.remedy.splitlines()]
    return lines
