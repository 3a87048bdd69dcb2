"""The stored history of transfers: a record of each attempt for each replica that it used (or one for the whole), and
an event for each state change of a job or a transfer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from aliend.errors import ErrorKind

KEPT = 50
"""Newest records kept for each transfer."""


class Stage(StrEnum):
    """The stage of an attempt; the values are stored."""

    PREPARE = "prepare"  # checking source and target
    WORKER = "worker"  # waiting for a worker of the cluster
    TICKET = "ticket"
    SLOT = "slot"  # waiting for capacity on the storage elements
    COPY = "copy"
    COMMIT = "commit"
    VERIFY = "verify"
    REPLACE = "replace"  # exchanging the names of the new file and the old one
    DONE = "done"
    UNKNOWN = "unknown"  # the daemon ended during the attempt


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One replica of an attempt (`se` empty: none yet): the stage it reached, and its error.

    `number` counts the attempts of the transfer from 1, and is 0 for a file that failed before the first attempt;
    `error` and `kind` are empty after a success; `bytes` is the total moved; `began_ms` is in POSIX milliseconds,
    `seconds` the duration. `error_number` is the errno of the error, or the code of the central service (0: none).
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
    error_number: int = 0


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A state change of a job (`transfer` 0, no names) or a transfer; `reason` is its message, shortened.

    `number` orders the events of the whole database, with gaps. `time_ms` is in POSIX milliseconds. `state` is a state
    of jobs or transfers; a job that is being cancelled is `cancelling` while files of it are unfinished.
    """

    number: int
    time_ms: int
    job: int
    transfer: int
    state: str
    reason: str
    source: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """The partial files that are kept of a job: their number, their bytes, and until when (POSIX milliseconds)."""

    files: int
    bytes: int
    until_ms: int
