"""Checks of the daemon's process: socket, lock, answer, version, systemd and other daemons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aliend.core.doctor.finding import Finding, ok, problem, unchecked, warning

_KILL = "run `alienctl daemon stop --force`; transfers resume with the next command"


@dataclass(frozen=True, slots=True)
class DaemonFacts:
    """What the client found: the recorded process (0: none), whether it holds the lock, is stopped, and answers.

    `error` is the reason for a missing answer. `version` is the daemon's, `client` the client's.
    """

    pid: int = 0
    holds_lock: bool = False
    is_stopped: bool = False
    answers: bool = False
    error: str = ""
    version: str = ""
    client: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def silence(self) -> str:
        """Return why the daemon cannot be asked; empty: it answers."""
        if self.answers:
            return ""
        return "the daemon does not answer, see the check `daemon`" if self.holds_lock else "no daemon runs"


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """The systemd unit; `unavailable` says why systemd does not respond. `state` is that of `systemctl is-active`."""

    unavailable: str = ""
    is_enabled: bool = False
    state: str = ""
    lingers: bool = False


def socket(path: str, error: str) -> Finding:
    """Check the path of the socket; `error` says why it cannot be used."""
    if error:
        return problem("socket", error, "set ALIEND_SOCKET to a short path in a directory of your own (mode 700)")
    return ok("socket", path)


def daemon(facts: DaemonFacts, socket_error: str = "") -> Finding:
    """Check that the daemon answers, if one runs; `socket_error` says why it could not be asked."""
    if facts.answers:
        return ok("daemon", f"aliend {facts.version} answers (pid {facts.pid})")
    if facts.is_stopped:
        text = f"aliend (pid {facts.pid}) is stopped by a signal or a debugger"
        return problem("daemon", text, f"run `kill -CONT {facts.pid}`, or {_KILL.removeprefix('run ')}")
    if socket_error:
        return unchecked("daemon", "the socket cannot be used")
    if facts.holds_lock:
        return problem("daemon", f"aliend (pid {facts.pid}) does not answer: {facts.error or 'no answer'}", _KILL)
    return ok("daemon", "not running; the next command starts it")


def lock(directory: str, record: str, facts: DaemonFacts, host: str) -> Finding:
    """Check the lock of the state directory; `record` is the host in it (empty: no record)."""
    if facts.holds_lock and not facts.pid:
        remedy = f"find the process with `fuser {directory}/lock`, and end it"
        return problem("lock", f"{directory}/lock is held by an unknown process", remedy)
    if facts.holds_lock and record and record != host:
        remedy = f"use it on {record}, or set XDG_STATE_HOME to a directory of this host"
        return problem("lock", f"the daemon runs on {record}, with the same state directory", remedy)
    return ok("lock", f"held by aliend (pid {facts.pid})" if facts.holds_lock else "free")


def version(facts: DaemonFacts) -> Finding:
    """Check that client and daemon have one version."""
    if not facts.answers:
        return unchecked("version", f"alienctl is {facts.client}; {facts.silence}")
    if facts.version != facts.client:
        text = f"alienctl is {facts.client}, the daemon is {facts.version}"
        return warning("version", text, "run `alienctl daemon restart`")
    return ok("version", facts.client)


def warnings(facts: DaemonFacts) -> Finding:
    """Check what the daemon itself warns about."""
    if not facts.answers:
        return unchecked("daemon-warnings", facts.silence)
    if facts.warnings:
        return warning("daemon-warnings", "\n".join(facts.warnings), "see `alienctl daemon logs --level warning`")
    return ok("daemon-warnings", "none")


def daemons(profiles: Sequence[tuple[str, bool]], profile: str) -> Finding:
    """Check the user's other daemons: profiles, and whether each answers."""
    silent = [name for name, answers in profiles if not answers and name != profile]
    if silent:
        remedy = f"run `alienctl --profile {silent[0]} daemon stop --force`"
        return warning("daemons", f"the daemon of the profile {', '.join(silent)} does not answer", remedy)
    names = ", ".join(name for name, _ in profiles)
    return ok("daemons", f"{len(profiles)} running ({names})" if profiles else "none running")


def unit(facts: UnitFacts) -> Finding:
    """Check the systemd unit."""
    if facts.is_enabled and facts.unavailable:
        text = f"the unit is enabled, but systemd's user manager does not respond: {facts.unavailable}"
        return warning("unit", text, "log in through your system's login, or run `alienctl daemon uninstall`")
    if facts.is_enabled and facts.state not in ("active", "activating", "reloading"):
        text = f"the unit is enabled, but {facts.state or 'not active'}"
        return problem("unit", text, "see `journalctl --user -u aliend`, then run `alienctl daemon install --enable`")
    return ok("unit", "enabled and active" if facts.is_enabled else "not installed; the first command starts aliend")


def linger(facts: UnitFacts, unfinished: int | None) -> Finding:
    """Check that systemd does not end transfers when the user logs out; `unfinished` jobs (None: unknown)."""
    if facts.unavailable:
        return unchecked("linger", f"systemd does not respond: {facts.unavailable}")
    if unfinished and not facts.lingers:
        text = f"unfinished jobs: {unfinished}; systemd may end the daemon when you log out"
        return warning("linger", text, "run `alienctl daemon install --enable --linger`")
    return ok("linger", "on" if facts.lingers else "off; no job needs it")
