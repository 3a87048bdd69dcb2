"""Starting, stopping and asking the daemon: `alienctl daemon status | start | stop | restart`.

Each function returns the text for standard output and the exit code, and raises ClientError.
"""

import json
import time
from dataclasses import asdict

from alienctl import ClientError, NoDaemonError
from alienctl.daemon.start import answers, start
from alienctl.invocation import Invocation
from alienctl.local import wire_replies
from alienctl.transport import unary

_ANSWER_WAIT = 5.0
_END_WAIT = 10.0
"""Seconds that a daemon has to answer, and to be gone after it was told to stop."""
_PAUSE = 0.02
_NOT_RUNNING = 3
"""Exit code of `daemon status` without a daemon, as init scripts have it (LSB, program is not running)."""

_STATES = {1: "idle", 2: "connecting", 3: "connected", 4: "failing"}
"""`CentralStatus.State` of the contract."""
FAILING = 4


def status(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """How the daemon is."""
    try:
        daemon = status_of(invocation)
    except NoDaemonError:
        if not as_json:
            return f"aliend is not running (profile {invocation.profile}, socket {invocation.socket})", _NOT_RUNNING
        facts = {"running": False, "profile": invocation.profile, "socket": invocation.socket}
        return json.dumps(facts), _NOT_RUNNING
    return json.dumps(_facts(daemon)) if as_json else _lines(daemon), 0


def start_daemon(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Start the daemon where none runs, and say its process id."""
    if not answers(invocation.socket):
        start(invocation)
    pid = status_of(invocation).pid
    return json.dumps({"running": True, "pid": pid}) if as_json else f"aliend runs (pid {pid})", 0


def stop(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Stop the daemon and wait until it is gone."""
    pid = _stop(invocation)
    if as_json:
        return json.dumps({"running": False, "stopped_pid": pid or None}), 0
    return f"aliend stopped (pid {pid})" if pid else "aliend was not running", 0


def restart(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Stop the daemon where one runs, and start one."""
    _stop(invocation)
    return start_daemon(invocation, as_json)


def status_of(invocation: Invocation, patience: float = _ANSWER_WAIT) -> wire_replies.DaemonStatus:
    """What the daemon says of itself within `patience` seconds. Raises ClientError."""
    return wire_replies.daemon_status(unary(invocation.socket, b"/aliend.v1.Daemon/Status", b"", patience))


def _stop(invocation: Invocation) -> int:
    """Stop the daemon; return its process id, 0 when none ran."""
    try:
        answer = unary(invocation.socket, b"/aliend.v1.Daemon/Stop", b"", _ANSWER_WAIT)
    except NoDaemonError:
        return 0
    pid = wire_replies.stopped_pid(answer)
    deadline = time.monotonic() + _END_WAIT
    while answers(invocation.socket):
        if time.monotonic() > deadline:
            raise ClientError(f"aliend (pid {pid}) still answers {_END_WAIT:.0f} s after it was told to stop", 1)
        time.sleep(_PAUSE)
    return pid


def _facts(daemon: wire_replies.DaemonStatus) -> dict[str, object]:
    facts = {"running": True} | asdict(daemon)
    facts["started"] = _moment(facts.pop("started_ms"))
    for central in facts["central"]:
        central["state"] = _STATES.get(central["state"], "")
        for name in ("certificate_ends", "since", "next_attempt"):
            moment = central.pop(f"{name}_ms")
            central[name] = _moment(moment) if moment else None
    return facts


def _moment(milliseconds: int) -> str:
    """POSIX milliseconds as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))


def _lines(daemon: wire_replies.DaemonStatus) -> str:
    since = _moment(daemon.started_ms)
    lines = [
        f"aliend {daemon.version} runs (pid {daemon.pid}, profile {daemon.profile}, since {since})",
        f"  socket     {daemon.socket}",
        f"  state      {daemon.state_directory}",
        f"  log        {daemon.log_file}",
        f"  transfers  {daemon.running_transfers} running, {daemon.active_jobs} jobs have not ended",
    ]
    for central in daemon.central:
        lines += _lines_of(central)
    lines += [f"  warning    {warning}" for warning in daemon.warnings]
    return "\n".join(lines)


def _lines_of(central: wire_replies.CentralStatus) -> list[str]:
    identity = f" as {central.user}" if central.user else ""
    since = f" since {_moment(central.since_ms)}" if central.since_ms else ""
    counts = f"connections {central.connections}, logins {central.logins}, commands {central.commands}"
    points = f"points {central.points}, requests waiting {central.waiting}"
    lines = [
        f"  central    {central.endpoint}{identity}: {_STATES.get(central.state, '')}{since}",
        f"{counts}, {points}",
    ]
    if central.delay_ms:
        lines.append(f"the service delays each command by {central.delay_ms} ms because of the points")
    if central.subject:
        ends = f", ends {_moment(central.certificate_ends_ms)}" if central.certificate_ends_ms else ""
        lines.append(f"{central.subject}{ends}")
    if central.problem:
        lines.append(central.problem)
    if central.next_attempt_ms:
        lines.append(f"the next login is not made before {_moment(central.next_attempt_ms)}")
    return [lines[0], *(f"             {line}" for line in lines[1:])]
