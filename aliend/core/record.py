"""What is remembered of an attempt at a transfer: one record for each replica that it touched, or one for the whole."""

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
