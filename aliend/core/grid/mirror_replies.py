"""Parses the replies to `mirror` and `listTransfer`, about copies that the central service makes. Pure.

Both replies are text for people. Text that cannot be parsed is shown as it is; nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

MirrorState = Literal["waiting", "done", "failed", "unknown"]

_QUEUED = re.compile(r"(\S+::\S+::\S+?): queued transfer ID ([0-9]{1,18})\b")
_DONE = frozenset({"DONE"})
_FAILED = frozenset({"FAILED", "KILLED", "EXPIRED", "INCORRECT", "ERROR"})
_WAITING = frozenset(
    {"WAITING", "INSERTING", "ASSIGNED", "TRANSFERRING", "CLEANING", "STAGED", "RUNNING", "LOCAL_COPYING"}
)


@dataclass(frozen=True, slots=True)
class QueuedMirror:
    """A copy that the service has queued: its number there, and the target storage element."""

    se: str
    number: int


def queued_mirrors(text: str) -> tuple[QueuedMirror, ...]:
    """Return the queued copies in a reply to `mirror`."""
    return tuple(QueuedMirror(se.upper(), int(number)) for se, number in _QUEUED.findall(text))


def mirror_state(text: str, number: int) -> MirrorState:
    """Return the state of a copy from a reply to `listTransfer`."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] != [str(number)]:
            continue
        for word in words[1:]:
            if word.upper() in _DONE:
                return "done"
            if word.upper() in _FAILED:
                return "failed"
            if word.upper() in _WAITING:
                return "waiting"
    return "unknown"
