"""The active faults of the central service: which fault affects the next command, and for how long.

`conversation` applies them to a connection; `storage_faults` handles the faults of storage elements.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from aliend.sandbox.errors import SandboxError

ONCE = {
    "drop-before": "drop the connection instead of executing a command",
    "drop-after": "execute a command, then drop the connection instead of replying",
    "hang": "neither execute a command nor reply",
    "close": "close the connection with a code (VALUE, e.g. 1013) instead of executing a command",
    "garbage": "reply with truncated JSON",
    "empty": "reply with an empty message",
    "merged": "mix the results of another command into the reply, and send an empty message after it",
}
"""The faults that affect one command by default."""
LASTING = {
    "delay": "reply VALUE seconds late",
    "refuse-commits": "refuse to register uploaded replicas",
    "refuse-logins": "refuse new connections (401)",
    "throttle": "delay the commands of busy certificates; each starts with VALUE points",
}
"""The faults that last until cleared by default."""
IMMEDIATE = {
    "expire-session": "close every connection as the session's limit does (1013)",
    "expire-certificate": "let the token certificates expire (VALUE `user`: the certificates of the users)",
}
"""The faults that take effect immediately."""
STORAGE = {
    "stop": "stop its server",
    "freeze": "suspend its server (SIGSTOP) until the fault is cleared",
    "slow": "let its server run for a fraction of the time (VALUE, default 0.02)",
    "corrupt": "change the first byte of all its files, or of one (VALUE, an LFN)",
    "fill": "let its writes fail with `No space left on device`",
}
"""The faults of a storage element, which last until cleared."""
_CLOSE_CODES = (range(1000, 1004), range(1007, 1015), range(3000, 5000))


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the commands named `command` (empty: all), for `times` commands (0: until cleared)."""

    kind: str
    value: float = 0.0
    command: str = ""
    times: int = 0

    def matches(self, command: str) -> bool:
        """Return whether the fault affects a command of this name."""
        return self.command in ("", command)


def parse(kind: str, value: str = "", command: str = "", times: int | None = None) -> Fault:
    """Parse the arguments of `fault`. Raises SandboxError with the reason for invalid ones."""
    if kind not in ONCE and kind not in LASTING:
        raise SandboxError(f"unknown fault {kind!r}; list the faults with: alienctl sandbox fault --help")
    if times is None:
        times = 1 if kind in ONCE else 0
    if times < 0:
        raise SandboxError("--times must be at least 0 (0: all commands until the fault is cleared)")
    return Fault(kind, _parse_number(kind, value), command, times)


def _parse_number(kind: str, text: str) -> float:
    needs_value = kind in ("close", "delay")
    if not text and not needs_value:
        return 0.0
    if not needs_value and kind != "throttle":
        raise SandboxError(f"{kind} takes no value; remove {text!r}")
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if kind == "close" and not any(number in codes for codes in _CLOSE_CODES):
        raise SandboxError(f"close needs a close code, e.g. 1013, not {text!r}")
    if not 0 <= number < float("inf"):
        raise SandboxError(f"{kind} needs a number, not {text!r}")
    return number


class Faults:
    """The faults that are active."""

    def __init__(self) -> None:
        self.active: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Activate a fault, in place of one of the same kind for the same commands."""
        self.active = [old for old in self.active if (old.kind, old.command) != (fault.kind, fault.command)]
        self.active.append(fault)

    def clear(self) -> None:
        """Clear all faults."""
        self.active = []

    def has(self, kind: str) -> bool:
        """Return whether a fault of this kind is active."""
        return any(fault.kind == kind for fault in self.active)

    def take(self, kinds: Container[str], command: str) -> Fault | None:
        """Return the first fault of these kinds that affects a command of this name, and count this command."""
        for index, fault in enumerate(self.active):
            if fault.kind not in kinds or not fault.matches(command):
                continue
            if fault.times == 1:
                del self.active[index]
            elif fault.times:
                self.active[index] = replace(fault, times=fault.times - 1)
            return fault
        return None
