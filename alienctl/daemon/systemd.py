"""`alienctl daemon install | uninstall`: lets systemd run the daemon, or stops that.

The queue is in the database, so it is enough to stop one daemon and to start another.
"""

import json
import os
import shutil
import subprocess

from alienctl import ClientError, NoDaemonError
from alienctl.daemon import control, systemd_unit
from alienctl.daemon.configuration import require_valid
from alienctl.daemon.directories import link_of, unit_of
from alienctl.daemon.profiles import check_typed
from alienctl.daemon.start import start
from alienctl.invocation import Invocation
from alienctl.local import wire_replies

_EINVAL = 22
_LIMIT = 30.0
"""Time limit of systemd's commands in seconds."""


def install_unit(invocation: Invocation, options: list[str], as_json: bool) -> tuple[str, int]:
    """Install the unit; `--enable`: let it run the daemon; `--linger`: also while the user is logged out.

    Returns the text for standard output and the exit code. Raises ClientError.
    """
    wrong = [word for word in options if word not in ("--enable", "--linger")]
    if wrong:
        raise ClientError(f"daemon install takes --enable and --linger, not {wrong[0]!r}", _EINVAL)
    check_typed(invocation)
    unit, reason = unit_of(invocation.profile), unavailable()
    if options and reason:
        raise ClientError(
            f"systemd's user manager does not respond: {reason}\n"
            "nothing was changed; without systemd, the first command starts aliend",
            1,
        )
    has_changed = systemd_unit.write(invocation)
    done = [f"the unit is installed: {systemd_unit.file_of(invocation)}"]
    if reason:
        done.append(f"it has no effect yet: systemd's user manager does not respond: {reason}")
    else:
        _must("daemon-reload")
    if "--enable" in options:
        done += _enable(invocation, unit, has_changed)
    elif not reason:
        done.append("enable and start it with `alienctl daemon install --enable`")
    if "--linger" in options:
        _run("loginctl", "enable-linger")
        done.append("lingering is on: aliend also runs while you are logged out")
    return _report(done, as_json, unit=unit), 0


def uninstall_unit(invocation: Invocation, options: list[str], as_json: bool) -> tuple[str, int]:
    """Remove the unit; a daemon with jobs continues without systemd.

    Returns the text for standard output and the exit code. Raises ClientError.
    """
    if options:
        raise ClientError(f"daemon uninstall takes no arguments, but got {' '.join(options)!r}", _EINVAL)
    unit, file = unit_of(invocation.profile), systemd_unit.file_of(invocation)
    if not os.path.lexists(file) and not is_enabled(invocation):
        return _report([f"no unit is installed for the profile {invocation.profile}"], as_json, unit=unit), 0
    reason, done = unavailable(), []
    daemon = None if reason else _run_by(unit, invocation)
    if reason:
        _remove(link_of(invocation))
    else:
        _must("disable", "--now", unit)
    if daemon:
        done.append(f"aliend (pid {daemon.pid}), run by {unit}, was stopped")
    if invocation.profile == "default" or not _other_instances(invocation):
        _remove(file)
        done.append(f"the unit was removed: {file}")
    else:
        done.append(f"{unit} was disabled; other profiles use {file}")
    if not reason:
        _must("daemon-reload")
    if daemon and daemon.active_jobs:
        start(invocation)
        pid = control.status_of(invocation).pid
        done.append(f"aliend runs without systemd (pid {pid}); its {_jobs(daemon)}")
    return _report(done, as_json, unit=unit), 0


def is_enabled(invocation: Invocation) -> bool:
    """Return whether systemd starts the daemon of this profile at login."""
    return os.path.lexists(link_of(invocation))


def _enable(invocation: Invocation, unit: str, has_changed: bool) -> list[str]:
    """Let systemd run the daemon instead of one that was started on demand; return messages about it."""
    require_valid(invocation)
    done = []
    is_by_unit = _run_by(unit, invocation) is not None
    running = None if is_by_unit else _running(invocation)
    if running:
        control.stop(invocation, False)
        done.append(f"aliend (pid {running.pid}), started on demand, was stopped; its {_jobs(running)} under systemd")
    try:
        _must("enable", unit)
        if not is_by_unit or has_changed:
            _must("restart", unit)
    except ClientError:
        if running:
            _continue_on_demand(invocation, unit)
        raise
    done.append(f"{unit} is enabled and runs (pid {control.status_of(invocation).pid})")
    return done


def _continue_on_demand(invocation: Invocation, unit: str) -> None:
    """Start the daemon on demand again after the unit failed to start."""
    _systemctl("disable", unit)
    start(invocation)


def _jobs(daemon: wire_replies.DaemonStatus) -> str:
    return "1 job continues" if daemon.active_jobs == 1 else f"{daemon.active_jobs} jobs continue"


def _running(invocation: Invocation) -> wire_replies.DaemonStatus | None:
    try:
        return control.status_of(invocation)
    except NoDaemonError:
        return None


def _run_by(unit: str, invocation: Invocation) -> wire_replies.DaemonStatus | None:
    """Return the daemon if the unit runs it."""
    daemon = _running(invocation)
    pid = _systemctl("show", "--property=MainPID", "--value", unit).stdout.decode().strip()
    return daemon if daemon and pid == str(daemon.pid) else None


def _other_instances(invocation: Invocation) -> list[str]:
    link = link_of(invocation)
    try:
        names = os.listdir(os.path.dirname(link))
    except OSError:
        return []
    return [name for name in names if name.startswith("aliend@") and name != os.path.basename(link)]


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ClientError(f"cannot remove {path}: {error.strerror}", error.errno or 1) from None


def unavailable() -> str:
    """Return why systemd's user manager cannot be used; empty if it responds."""
    if not shutil.which("systemctl"):
        return "systemctl is not installed"
    asked = _systemctl("show", "--property=Version")
    return asked.stderr.decode("utf-8", "replace").strip() or "no reason given" if asked.returncode else ""


def state_of(unit: str) -> str:
    """Return the state of a unit, such as `active` or `failed`."""
    return _systemctl("is-active", unit).stdout.decode("utf-8", "replace").strip()


def lingers() -> bool:
    """Return whether the user's services run while the user is logged out."""
    done = _executed("loginctl", "show-user", "--property=Linger", "--value", str(os.getuid()))
    return done.stdout.strip() == b"yes"


def _must(*arguments: str) -> None:
    _run("systemctl", "--user", *arguments)


def _systemctl(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return _executed("systemctl", "--user", *arguments)


def _run(*command: str) -> None:
    done = _executed(*command)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise ClientError(f"`{' '.join(command)}` failed: {said or done.returncode}", 1)


def _executed(*command: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT, check=False)
    except FileNotFoundError:
        raise ClientError(f"{command[0]} is not installed", 1) from None
    except subprocess.TimeoutExpired:
        raise ClientError(f"`{' '.join(command)}` did not end within {_LIMIT:.0f} s", 1) from None


def _report(lines: list[str], as_json: bool, unit: str) -> str:
    return json.dumps({"unit": unit, "done": lines}) if as_json else "\n".join(lines)
