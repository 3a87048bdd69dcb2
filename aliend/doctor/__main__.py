"""The program behind `alienctl doctor` and `alienctl bug-report`.

It reads the client's facts from standard input, and prints the report or writes the archive.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aliend.config import Settings, load
from aliend.core.connection.context import Context
from aliend.core.doctor.finding import Finding, document, has_problems, text, unchecked
from aliend.doctor import client_facts, credentials, machine, service, state
from aliend.doctor.client_facts import ClientFacts
from aliend.doctor.groups import Group, run, within
from aliend.errors import AliendError

_REFUSED = 22
"""Exit code if the archive cannot be created; the message is on standard error."""
_BASE_LIMIT = 5.0
_LIMIT = 20.0
"""Seconds for all checks together; they run at the same time."""
_OF_SETTINGS = (
    *("state-directory", "state-file-system", "state-space", "state-inodes", "database", "jobs", "linger"),
    *("target-space", "target-inodes", "partial-files", "damaged-databases", "log"),
)
_OF_CONTEXT = (
    *("certificate", "certificate-validity", "key", "key-mode", "pair", "token", "token-place", "authorities", "chain"),
    *("dns", "ipv6", "port", "login", "throttle", "clock"),
)
"""Checks that need valid settings."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; return 0, or 1 if something does not work."""
    flags = _flags(arguments)
    client = client_facts.read(sys.stdin.buffer.read())
    base = within(_BASE_LIMIT, lambda: _base(client)) or _Base(None, None, "the configuration cannot be read in time")
    findings = _examine(client, base)
    if flags.bug_report:
        return _report_bug(Path(flags.bug_report), client, base, findings)
    report = json.dumps(document(findings)) if flags.json else text(findings, whole=not flags.problems)
    _print(report)
    return 1 if has_problems(findings) else 0


def _report_bug(path: Path, client: ClientFacts, base: _Base, findings: list[Finding]) -> int:
    from aliend.doctor import bug_report

    try:
        names = bug_report.write(path, client, base.settings, findings)
    except AliendError as error:
        sys.stderr.write(f"{error}\n")
        return _REFUSED
    _print(json.dumps({"file": str(path), "files": names}))
    return 0


def _print(line: str) -> None:
    sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def _examine(client: ClientFacts, base: _Base) -> list[Finding]:
    """Return the findings of all checks."""
    settings, context, reason = base.settings, base.context, base.reason
    groups = [state.configuration_group(client), *_of_context(context, settings, client, reason)]
    groups += _of_settings(settings, client, reason)
    groups += machine.groups(client, settings.state_directory if settings else "the state directory")
    return run(groups, _LIMIT)


@dataclass(frozen=True, slots=True)
class _Base:
    """Settings and context; None: not valid, for `reason`."""

    settings: Settings | None
    context: Context | None
    reason: str


def _base(client: ClientFacts) -> _Base:
    settings = None
    try:
        settings = load(client.profile, client.environment)
        return _Base(settings, settings.context(client.environment), "")
    except AliendError as error:
        return _Base(settings, None, str(error))


def _of_context(context: Context | None, settings: Settings | None, client: ClientFacts, reason: str) -> list[Group]:
    if context is None or settings is None:
        return [_skipped(_OF_CONTEXT, reason)]
    return [*credentials.groups(context, client.environment), *service.groups(context, settings, client)]


def _of_settings(settings: Settings | None, client: ClientFacts, reason: str) -> list[Group]:
    return state.groups(settings, client) if settings else [_skipped(_OF_SETTINGS, reason)]


def _skipped(checks: tuple[str, ...], reason: str) -> Group:
    return Group(checks, lambda: [unchecked(check, reason) for check in checks])


def _flags(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="alienctl doctor")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--problems", action="store_true")
    parser.add_argument("--bug-report", default="", metavar="FILE")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    code = main()
    os._exit(code)  # a thread that hangs must not delay the end
