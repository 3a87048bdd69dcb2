"""Maps the error of an attempt to a state machine event: who can act on it, and what the user reads."""

from __future__ import annotations

from aliend.core.transfers.transfer import MAX_FAILURES, AttemptFailed, Crashed, Event
from aliend.errors import (
    AliendError,
    BadReply,
    CopyError,
    ErrorKind,
    InvalidValue,
    NotConnected,
    OutcomeUnknown,
    ServiceError,
    StoreError,
    one_line,
)

_TRANSIENT_CODES = frozenset({5, 11, 53, 110, 111, 117, 121})
"""Transient codes of the central service: I/O and remote errors, an unlucky commit, a record not yet written."""


def failure_event(error: Exception, chance: float, retries: int = -1) -> Event:
    """Return the event of a failed attempt; `chance` is uniform in [0, 1), `retries` as in the job's specification."""
    max_failures = MAX_FAILURES if retries < 0 else retries + 1
    if not isinstance(error, AliendError):
        return Crashed(f"internal error ({type(error).__name__}: {error}); see `alienctl daemon logs`")
    pause, obstacle = (error.retry_after, error.obstacle) if isinstance(error, CopyError) else (0.0, None)
    kind, number = error_kind(error), error_number(error)
    return AttemptFailed(kind, one_line(error), pause, chance, max_failures, obstacle, number)


def final_reason(error: AliendError, failures: int) -> str:
    """Return why the background work of a job ends after `failures` failures in a row; empty: it is tried again.

    Credentials and the own database are not the fault of the work: it waits for them without a limit.
    """
    kind = error_kind(error)
    if kind == "permanent":
        return str(error)
    if kind != "transient" or isinstance(error, StoreError) or failures < MAX_FAILURES:
        return ""
    return f"gave up after {failures} attempts: {error}"


def error_number(error: AliendError) -> int:
    """Return the errno of an error, or the code of the central service; 0: none."""
    return error.error_number if isinstance(error, CopyError) else error.exit_code


def error_kind(error: AliendError) -> ErrorKind:
    """Return who can act on an error."""
    if isinstance(error, CopyError):
        return error.kind
    if isinstance(error, NotConnected):
        return "credential"
    if isinstance(error, InvalidValue):
        return "permanent"
    if isinstance(error, OutcomeUnknown | BadReply | StoreError):
        return "transient"
    if isinstance(error, ServiceError):
        return "transient" if error.code in _TRANSIENT_CODES else "permanent"
    return "permanent"
