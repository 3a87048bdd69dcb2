"""Collects what only the client knows for `doctor` and `bug-report`: its environment, and the state of the daemon.

Nothing here starts a daemon or changes anything, and each question has a time limit.
"""

import json
import os
import re
import subprocess
from typing import Any

from alienctl import VERSION, ClientError
from alienctl.daemon import control, record, systemd
from alienctl.daemon.directories import unit_of
from alienctl.daemon.process import is_stopped
from alienctl.daemon.start import find
from alienctl.invocation import Invocation
from alienctl.local import interpreter, wire_replies
from alienctl.transport import unary

_PATIENCE = 3.0
"""Seconds to wait for an answer of the daemon."""
_LIBRARY_LIMIT = 15.0
_BACKING_OFF = 2
"""`ElementState` of the contract."""
_VARIABLE = re.compile(r"\b(?:ALIEN|JALIEN|X509)[A-Z0-9]*_[A-Z0-9_]+")
_PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "pages", "environment.md")


def collect(invocation: Invocation) -> bytes:
    """Return the facts as one JSON document; `aliend.doctor.client_facts` reads it."""
    socket, socket_error = _socket(invocation)
    status, error = (None, socket_error) if socket_error else _status(invocation)
    directory = record.state_directory(invocation.profile, invocation.environment)
    found, is_held = record.read(directory), record.is_held(directory)
    pid = (record.lock_holder(directory) or (found.pid if found else 0)) if is_held else 0
    stopped = bool(pid) and status is None and is_stopped(pid)
    if stopped:
        error = f"aliend (pid {pid}) is stopped by a signal or a debugger; run `kill -CONT {pid}`"
    xrootd = _xrootd(invocation)
    document = {
        "profile": invocation.profile,
        "environment": {os.fsdecode(name): os.fsdecode(value) for name, value in invocation.environment.items()},
        "socket": socket,
        "socket_error": socket_error,
        "daemon": {
            "pid": status["pid"] if status else pid,
            "holds_lock": is_held,
            "is_stopped": stopped,
            "answers": status is not None,
            "error": error,
            "version": status["version"] if status else "",
            "client": VERSION,
        },
        "record_host": found.host if found and is_held else "",
        "status": status or {},
        "elements": _elements(invocation) if status else None,
        "daemons": _daemons(invocation),
        "unit": _unit(invocation),
        "xrootd_version": xrootd[0],
        "xrootd_error": xrootd[1],
        "known_variables": _known_variables(),
    }
    return json.dumps(document).encode()


def _socket(invocation: Invocation) -> tuple[str, str]:
    """Return the socket's path, and why it cannot be used."""
    try:
        return find(invocation) or invocation.socket, ""
    except ClientError as error:
        return invocation.socket, str(error)


def _status(invocation: Invocation) -> tuple[dict[str, Any] | None, str]:
    """Return the document of `daemon status --json`; None and the reason without an answer."""
    try:
        answer = unary(invocation.socket, b"/aliend.v1.DaemonService/Status", b"", _PATIENCE)
    except ClientError as error:
        return None, str(error)
    return control.facts_of(wire_replies.daemon_status(answer), os.uname().nodename), ""


def _elements(invocation: Invocation) -> list[dict[str, Any]] | None:
    try:
        answer = unary(invocation.socket, b"/aliend.v1.TransfersService/GetLimits", b"", _PATIENCE)
    except ClientError:
        return None
    return [
        {"name": one.name, "is_available": one.state != _BACKING_OFF, "why": one.why, "until_ms": one.until_ms}
        for one in wire_replies.storage_elements(answer)
    ]


def _daemons(invocation: Invocation) -> list[list[Any]]:
    try:
        return [[profile, answers] for profile, _, answers in control.running(invocation)]
    except OSError:
        return []  # the check of the state directory says why


def _unit(invocation: Invocation) -> dict[str, Any]:
    is_enabled = systemd.is_enabled(invocation)
    try:
        if reason := systemd.unavailable():
            return {"unavailable": reason, "is_enabled": is_enabled}
        state, lingers = systemd.state_of(unit_of(invocation.profile)), systemd.lingers()
    except ClientError as error:
        return {"unavailable": str(error), "is_enabled": is_enabled}
    return {"is_enabled": is_enabled, "state": state, "lingers": lingers}


def _xrootd(invocation: Invocation) -> tuple[str, str]:
    """Return the version of the XRootD library, loaded as the workers do, and why it cannot be loaded."""
    code = "import XRootD.client, importlib.metadata; print(importlib.metadata.version('xrootd'))"
    command = [interpreter.command("aliend")[0], "-I", "-c", code]
    environment = interpreter.clean(invocation.environment)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=_LIBRARY_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return "", f"it was not loaded within {_LIBRARY_LIMIT:.0f} s"
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if done.returncode:
        return "", said[-1] if said else f"exit code {done.returncode}"
    return done.stdout.decode("ascii", "replace").strip(), ""


def _known_variables() -> list[str]:
    """Return the variables that the page about the environment names."""
    with open(_PAGE, encoding="utf-8") as page:
        return sorted(set(_VARIABLE.findall(page.read())))
