"""Controls the daemon: `alienctl daemon status | start | stop | restart | list | socket`.

Each function returns the text for standard output and the exit code, and raises ClientError.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import asdict
from typing import Any

from alienctl import ClientError, NoDaemonError
from alienctl.daemon import ownership, record
from alienctl.daemon.configuration import require_valid
from alienctl.daemon.process import open_lock_holder, open_process, shares_numbers
from alienctl.daemon.profiles import check_typed
from alienctl.daemon.start import answers, ask, find, start
from alienctl.invocation import Invocation
from alienctl.local import wire_replies
from alienctl.transport import unary

_ANSWER_WAIT, _HELLO_WAIT = 3.0, 1.0
_END_WAIT = 10.0
"""Seconds to wait for an answer of the daemon, and for its end after the request to stop."""
_PAUSE = 0.02
_EINVAL = 22
_NOT_RUNNING = 3
"""Exit code of `daemon status` without a daemon, as for init scripts (LSB, program is not running)."""

_STATES = {1: "idle", 2: "connecting", 3: "connected", 4: "failing"}
"""`CentralStatus.State` of the contract."""
FAILING = 4


def status(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Report the state of the daemon."""
    find(invocation)
    try:
        daemon = status_of(invocation)
    except NoDaemonError:
        return _not_running(invocation, None, as_json), _NOT_RUNNING
    if not ownership.is_ours(invocation, daemon):
        return _not_running(invocation, daemon, as_json), _NOT_RUNNING
    host = _host(record.read(record.state_directory(invocation.profile, invocation.environment)))
    return json.dumps(facts_of(daemon, host)) if as_json else _lines(daemon, host), 0


def start_daemon(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Start the daemon if none runs, and report its process id."""
    start(invocation)
    daemon = status_of(invocation)
    ownership.require_ours(invocation, daemon)
    return json.dumps({"running": True, "pid": daemon.pid}) if as_json else f"aliend runs (pid {daemon.pid})", 0


def stop(invocation: Invocation, as_json: bool, *, force: bool = False) -> tuple[str, int]:
    """Stop the daemon and wait for its end; with `force`, kill it."""
    pid = _kill(invocation) if force else _stop(invocation)
    if as_json:
        return json.dumps({"running": False, "stopped_pid": pid or None}), 0
    return f"aliend stopped (pid {pid})" if pid else "aliend was not running", 0


def restart(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Stop a running daemon and start one; if the configuration is invalid, keep the running one."""
    check_typed(invocation)
    require_valid(invocation)
    _stop(invocation)
    return start_daemon(invocation, as_json)


def show_socket(invocation: Invocation, options: list[str], as_json: bool) -> tuple[str, int]:
    """Return the socket's path and the exit code; `--start` also starts the daemon. Raises ClientError."""
    if options not in ([], ["--start"]):
        raise ClientError(f"`daemon socket` takes only --start, not {' '.join(options)!r}", _EINVAL)
    if options and not answers(invocation.socket):
        check_typed(invocation)
        start(invocation)
    try:
        path, is_running = status_of(invocation).socket, True
    except NoDaemonError:
        path, is_running = invocation.socket, False
    return json.dumps({"socket": path, "running": is_running}) if as_json else path, 0


def show_metrics(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Return the daemon's figures for monitoring, in the OpenMetrics text format."""
    if as_json:
        raise ClientError("daemon metrics prints OpenMetrics text only; leave out --json", _EINVAL)
    answer = ask(invocation, b"/aliend.v1.DaemonService/Metrics", b"", _ANSWER_WAIT)
    return wire_replies.metrics_response(answer).removesuffix("\n"), 0


def list_daemons(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Return the user's daemons on this host, one for each profile."""
    found = sorted(set(running(invocation)), key=lambda one: one[0])
    if as_json:
        facts = [{"profile": profile, "responds": ok, **vars(daemon)} for profile, daemon, ok in found]
        return json.dumps({"daemons": facts}), 0
    lines = [
        f"{profile:<16} pid {daemon.pid:<8} aliend {daemon.version:<8} {daemon.host:<16} "
        + (daemon.socket if ok else "does not respond" if daemon.socket else "starts or stops")
        for profile, daemon, ok in found
    ]
    return "\n".join(lines) or "no daemon runs", 0


def status_of(invocation: Invocation, patience: float = _ANSWER_WAIT) -> wire_replies.DaemonStatus:
    """Return the status that the daemon reports within `patience` seconds. Raises ClientError."""
    return wire_replies.daemon_status(ask(invocation, b"/aliend.v1.DaemonService/Status", b"", patience))


def _not_running(invocation: Invocation, other: wire_replies.DaemonStatus | None, as_json: bool) -> str:
    """Return the report that no daemon runs; `other` has another state directory and listens on our socket."""
    if as_json:
        facts: dict[str, object] = {"running": False, "profile": invocation.profile, "socket": invocation.socket}
        if other:
            facts["other_daemon"] = {"pid": other.pid, "state_directory": other.state_directory}
        return json.dumps(facts)
    line = f"aliend is not running (profile {invocation.profile}, socket {invocation.socket})"
    return f"{line}\n{ownership.describe(invocation, other)}" if other else line


def running(invocation: Invocation) -> Iterator[tuple[str, record.Record, bool]]:
    """Yield profile, record, and whether it responds, for each daemon that holds its lock."""
    for root in record.state_roots(invocation.environment):
        for profile in os.listdir(root) if os.path.isdir(root) else ():
            directory = f"{root}/{profile}"
            daemon = record.read(directory)
            if daemon and record.is_held(directory):
                yield profile, daemon, _responds(daemon)


def _responds(daemon: record.Record) -> bool:
    try:
        return (
            daemon.socket != ""
            and wire_replies.hello(unary(daemon.socket, b"/aliend.v1.DaemonService/Hello", b"", _HELLO_WAIT)).pid
            == daemon.pid
        )
    except ClientError:
        return False


def _stop(invocation: Invocation) -> int:
    """Stop the daemon and wait until its process has ended; return its process id, 0 if none ran."""
    directory = record.state_directory(invocation.profile, invocation.environment)
    _require_ours(invocation)
    before = record.read(directory) if record.is_held(directory) else None
    process = open_process(before) if before and shares_numbers(before) else None
    with process or nullcontext():
        try:
            pid = wire_replies.stop_response(ask(invocation, b"/aliend.v1.DaemonService/Stop", b"", _ANSWER_WAIT)).pid
        except NoDaemonError:
            pid = process.pid if process else 0
        deadline = time.monotonic() + _END_WAIT
        while not (process.has_ended(_PAUSE) if process else _is_silent(invocation, directory)):
            if time.monotonic() > deadline:
                raise ClientError(
                    f"aliend (pid {pid}) still runs {_END_WAIT:.0f} s after the request to stop",
                    1,
                )
    return pid


def _require_ours(invocation: Invocation) -> None:
    """Raise ClientError if the daemon that answers uses another state directory than ours."""
    find(invocation)
    with suppress(NoDaemonError):
        hello = wire_replies.hello(ask(invocation, b"/aliend.v1.DaemonService/Hello", b"", _ANSWER_WAIT))
        if not ownership.is_recorded(invocation, hello.pid):
            ownership.require_ours(invocation, status_of(invocation))


def _is_silent(invocation: Invocation, directory: str) -> bool:
    """Return whether a daemon with an unknown process has ended; otherwise wait for a moment."""
    if not record.is_held(directory) and not answers(invocation.socket):
        return True
    time.sleep(_PAUSE)
    return False


def _kill(invocation: Invocation) -> int:
    """Kill the daemon; return its process id, 0 if none ran. Raises ClientError."""
    directory = record.state_directory(invocation.profile, invocation.environment)
    found = record.read(directory) if record.is_held(directory) else None
    process = (open_process(found) if found else None) or open_lock_holder(directory)
    if not process:
        if record.is_held(directory):
            sentence = f"cannot identify the process that holds {directory}/lock\nfind it with `fuser {directory}/lock`"
            raise ClientError(sentence, 1)
        return 0
    with process:
        process.send(signal.SIGKILL)
        if not process.has_ended(_END_WAIT):
            raise ClientError(
                f"aliend (pid {process.pid}) still exists {_END_WAIT:.0f} s after SIGKILL; try again later", 1
            )
    return process.pid


def _host(running: record.Record | None) -> str:
    return running.host if running else os.uname().nodename


def facts_of(daemon: wire_replies.DaemonStatus, host: str) -> dict[str, Any]:
    """Return the document of `daemon status --json`."""
    facts: dict[str, Any] = {"running": True, "host": host} | asdict(daemon)
    facts["started"] = _moment(facts.pop("started_ms"))
    for central in facts["central"]:
        central["state"] = _STATES.get(central["state"], "")
        for name in ("certificate_ends", "since", "next_attempt"):
            moment = central.pop(f"{name}_ms")
            central[name] = _moment(moment) if moment else None
    return facts


def _moment(milliseconds: int) -> str:
    """Return POSIX milliseconds as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))


def _lines(daemon: wire_replies.DaemonStatus, host: str) -> str:
    since = _moment(daemon.started_ms)
    lines = [
        f"aliend {daemon.version} runs (pid {daemon.pid}, profile {daemon.profile}, since {since})",
        f"  host       {host}",
        f"  socket     {daemon.socket}",
        f"  state      {daemon.state_directory}",
        f"  log        {daemon.log_file}",
        f"  transfers  {daemon.running_transfers} running, unfinished jobs: {daemon.active_jobs}",
    ]
    for central in daemon.central:
        lines += _lines_of(central)
    lines += [f"  warning    {warning}" for warning in daemon.warnings]
    return "\n".join(lines)


def _lines_of(central: wire_replies.CentralStatus) -> list[str]:
    identity = f" as {central.user}" if central.user else ""
    since = f" since {_moment(central.since_ms)}" if central.since_ms else ""
    counts = f"connections {central.connections}, logins {central.logins}, commands {central.commands}"
    waiting = f"requests waiting {central.waiting}"
    lines = [
        f"  central    {central.endpoint}{identity}: {_STATES.get(central.state, '')}{since}",
        f"{counts}, {waiting}",
    ]
    if central.subject:
        ends = f", ends {_moment(central.certificate_ends_ms)}" if central.certificate_ends_ms else ""
        lines.append(f"{central.subject}{ends}")
    if central.problem:
        lines.append(central.problem)
    if central.next_attempt_ms:
        lines.append(f"no login attempt before {_moment(central.next_attempt_ms)}")
    return [lines[0], *(f"             {line}" for line in lines[1:])]
