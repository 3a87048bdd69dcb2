"""The targets of a login: a configured JBox, a local JBox, then the central service itself.

A JBox is a local proxy of the central service that runs as the user. It writes `jclient_token_UID` with lines of
`key = value`. A host chosen by the user (a variable, the configuration) excludes every JBox. Reading that file and
checking processes is left to `aliend.central.connection.jbox`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from aliend.core.connection.context import DEFAULT_PORT, Context, DiscoverySettings, Endpoint
from aliend.errors import ConfigurationError

BRIDGE_MARK = "ALIEND_BRIDGE"
"""A line of the file that announces the bridge of a daemon; JBox and its programs ignore it."""
BRIDGE_HEADER = "X-Aliend-Bridge"
"""A header of the handshake with a bridge."""
_MAX_PORT = 65535
_MAX_SECONDS = 86400
_FAMILIES = {"ipv4": "ipv4", "v4": "ipv4", "4": "ipv4", "ipv6": "ipv6", "v6": "ipv6", "6": "ipv6"}


@dataclass(frozen=True, slots=True)
class Target:
    """A service to log in to. A JBox has a certificate of the user instead of one of its host."""

    endpoint: Endpoint
    is_jbox: bool = False


@dataclass(frozen=True, slots=True)
class JBoxFile:
    """The content of a JBox's file: its process id and its endpoint."""

    pid: int
    endpoint: Endpoint


def discovery_settings(variables: Mapping[str, str], jbox_file: str) -> DiscoverySettings:
    """Return the settings from alien.py's variables; an empty `jbox_file` disables every JBox.

    Raises ConfigurationError for an invalid value.
    """
    defaults = DiscoverySettings()
    jbox = None
    if jbox_file and variables.get("JALIEN_HOST"):
        port = variables.get("JALIEN_WSPORT") or str(DEFAULT_PORT)
        if not is_port(port):
            raise ConfigurationError(f"JALIEN_WSPORT must be a port number, not {port!r}")
        jbox = Endpoint(variables["JALIEN_HOST"], int(port))
    return DiscoverySettings(
        jbox=jbox,
        jbox_file=jbox_file,
        tries=int(_number(variables, "ALIENPY_CONNECT_TRIES", defaults.tries, minimum=1)),
        interval=_number(variables, "ALIENPY_CONNECT_TRIES_INTERVAL", defaults.interval),
        family=_FAMILIES.get(variables.get("ALIENPY_NETWORKSTACK", "").lower(), ""),
        racing=not variables.get("ALIENPY_NO_STAGGER"),
        ping=_number(variables, "ALIENPY_TIMEOUT", defaults.ping, minimum=1),
        reply=_number(variables, "ALIEND_REPLY_TIMEOUT", defaults.reply, minimum=1),
    )


def _number(variables: Mapping[str, str], name: str, default: float, minimum: float = 0) -> float:
    text = variables.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not minimum <= value <= _MAX_SECONDS:
        raise ConfigurationError(f"{name} must be a number from {minimum:g} to {_MAX_SECONDS}, not {text!r}")
    return value


def parse_jbox_file(text: str) -> JBoxFile | None:
    """Parse the text of a JBox's file; None if it is invalid, or announces the bridge of a daemon."""
    values = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in text.splitlines())}
    pid, port = values.get("JALIEN_PID", ""), values.get("JALIEN_WSPORT", str(DEFAULT_PORT))
    if BRIDGE_MARK in values or not (pid.isascii() and pid.isdigit() and is_port(port)):
        return None
    return JBoxFile(int(pid), Endpoint(values.get("JALIEN_HOST") or "localhost", int(port)))


def is_port(text: str) -> bool:
    """Return whether `text` is a port number."""
    return text.isascii() and text.isdigit() and 0 < int(text) <= _MAX_PORT


def login_targets(context: Context, running: Endpoint | None) -> list[Target]:
    """Return the services of `context` in the order to try; `running` is the local JBox."""
    boxes = [context.finding.jbox, running]
    distinct = dict.fromkeys(box for box in boxes if box is not None and box != context.endpoint)
    return [*(Target(box, is_jbox=True) for box in distinct), Target(context.endpoint)]


def real_uid(status: str) -> int | None:
    """Return the real user id in the text of `/proc/PID/status`; None if the process has ended (a zombie)."""
    for line in status.splitlines():
        fields = line.split()
        if fields[:1] == ["State:"] and fields[1:2] in (["Z"], ["X"]):
            return None
        if fields[:1] == ["Uid:"] and len(fields) > 1 and fields[1].isdigit():
            return int(fields[1])
    return None
