"""Where a login goes: a JBox that was named, one that runs on this machine, then the central service itself.

A JBox is a local proxy of the central service that runs as the user. It writes `jclient_token_UID` with lines of
`key = value`. A host that the user chose (a variable, the configuration) excludes every JBox. Reading that file and
looking at processes is left to `aliend.central.finding`.
"""

from __future__ import annotations

from dataclasses import dataclass

from aliend.core.context import DEFAULT_PORT, Context, Endpoint

_LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Target:
    """A service to log in to. A JBox shows a certificate of the user's own in place of its host's name."""

    endpoint: Endpoint
    is_jbox: bool = False


@dataclass(frozen=True, slots=True)
class Announced:
    """What a JBox's file says: its process and where it listens."""

    pid: int
    endpoint: Endpoint


def announced(text: str) -> Announced | None:
    """Read the text of a JBox's file; None where it makes no sense."""
    values = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in text.splitlines())}
    pid, port = values.get("JALIEN_PID", ""), values.get("JALIEN_WSPORT", str(DEFAULT_PORT))
    if not (pid.isascii() and pid.isdigit() and is_port(port)):
        return None
    return Announced(int(pid), Endpoint(values.get("JALIEN_HOST") or "localhost", int(port)))


def is_port(text: str) -> bool:
    """Whether `text` is the number of a port."""
    return text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST_PORT


def targets(context: Context, running: Endpoint | None) -> list[Target]:
    """The services of `context` in the order of trying; `running` is the JBox found by its file."""
    boxes = [context.finding.jbox, running]
    distinct = dict.fromkeys(box for box in boxes if box is not None and box != context.endpoint)
    return [*(Target(box, is_jbox=True) for box in distinct), Target(context.endpoint)]


def real_uid(status: str) -> int | None:
    """The real user id in the text of `/proc/PID/status`."""
    for line in status.splitlines():
        words = line.split()
        if words[:1] == ["Uid:"] and len(words) > 1 and words[1].isdigit():
            return int(words[1])
    return None
