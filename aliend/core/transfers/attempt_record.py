"""What is remembered: of each attempt at a transfer a record for each replica that it touched, or one for the whole;
and an event for each step that a job or a transfer takes from one state to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from aliend.errors import ErrorKind

KEPT = 50
"""Records kept of one transfer, the newest."""


class Stage(StrEnum):
    """How far an attempt had come; the values are stored."""

    PREPARE = "prepare"  # looking at what is there
    TICKET = "ticket"
    SLOT = "slot"  # waiting until the storage elements have room for one more copy
    COPY = "copy"
    COMMIT = "commit"
    VERIFY = "verify"
    REPLACE = "replace"  # exchanging the names of the new file and the old one
    DONE = "done"
    UNKNOWN = "unknown"  # the daemon ended, so that nobody can say


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """A replica that an attempt touched (`se` empty: none yet), how far it came and what ended it.

    `number` counts the attempts of the transfer from 1; `error` and `kind` are empty where all went well; `bytes` were
    moved until then; `began_ms` is in POSIX milliseconds, `seconds` the time that it took.
    """

    transfer: int
    number: int
    se: str
    stage: Stage
    error: str
    kind: ErrorKind | Literal[""]
    bytes: int
    began_ms: int
    seconds: float


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A job (`transfer` 0, no names) or a transfer has come to `state`; `reason` is the sentence of it, shortened.

    Events are numbered in their order through the whole database, with gaps. `time_ms` is in POSIX milliseconds. The
    states are those of jobs and transfers; a job that is cancelled is `cancelling` while files of it are unfinished.
    """

    number: int
    time_ms: int
    job: int
    transfer: int
    state: str
    reason: str
    source: str = ""
    target: str = ""
