"""The faults of the central service that were asked for: which of them meets the next command, and for how long.

What they do to a connection is the affair of `conversation`; broken storage elements are that of `breakage`.
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
    "garbage": "reply with something that is no document",
    "empty": "reply with an empty text",
    "merged": "reply with the results of another command mixed in, and an empty text after it",
}
"""What meets one command, unless told otherwise."""
LASTING = {
    "delay": "reply VALUE seconds late",
    "refuse-commits": "refuse to register what was written",
    "refuse-logins": "refuse new connections (401)",
    "throttle": "delay commands by a count of them per certificate, which begins at VALUE points",
}
"""What lasts until it is cleared, unless told otherwise."""
_CLOSE_CODES = (range(1000, 1004), range(1007, 1015), range(3000, 5000))


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: for the commands called `command` (empty: for all), `times` times (0: until it is cleared)."""

    kind: str
    value: float = 0.0
    command: str = ""
    times: int = 0

    def matches(self, command: str) -> bool:
        """Return whether it is for a command of this name."""
        return self.command in ("", command)


def parse(kind: str, value: str = "", command: str = "", times: int | None = None) -> Fault:
    """Return the fault that words mean. Raises SandboxError with what is wrong."""
    if kind not in ONCE and kind not in LASTING:
        raise SandboxError(f"{kind}: there is no such fault")
    if times is None:
        times = 1 if kind in ONCE else 0
    if times < 0:
        raise SandboxError("--times is the number of commands that the fault meets; 0 means until it is cleared")
    return Fault(kind, _parse_number(kind, value), command, times)


def _parse_number(kind: str, text: str) -> float:
    needs_one = kind in ("close", "delay")
    if not text and not needs_one:
        return 0.0
    if not needs_one and kind != "throttle":
        raise SandboxError(f"{kind} takes no value, but was given {text!r}")
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
        """Make a fault active, in the place of one of the same kind for the same commands."""
        self.active = [one for one in self.active if (one.kind, one.command) != (fault.kind, fault.command)]
        self.active.append(fault)

    def clear(self) -> None:
        """End all of them."""
        self.active = []

    def has(self, kind: str) -> bool:
        """Return whether a fault of this kind is active."""
        return any(fault.kind == kind for fault in self.active)

    def take(self, kinds: Container[str], command: str) -> Fault | None:
        """Return the first fault of these kinds that meets a command of this name; it has met one more then."""
        for index, fault in enumerate(self.active):
            if fault.kind not in kinds or not fault.matches(command):
                continue
            if fault.times == 1:
                del self.active[index]
            elif fault.times:
                self.active[index] = replace(fault, times=fault.times - 1)
            return fault
        return None
