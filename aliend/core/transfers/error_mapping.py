"""Maps the error of an attempt to a state machine event: who can act on it, and what the user reads."""

from __future__ import annotations

from aliend.core.transfers.transfer import MAX_FAILURES, AttemptFailed, Crashed, Event
from aliend.errors import (
    AliendError,
    BadReply,
    CopyError,
    ErrorKind,
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
    if isinstance(error, CopyError):
        return AttemptFailed(error.kind, one_line(error), error.retry_after, chance, max_failures, error.obstacle)
    if isinstance(error, AliendError):
        return AttemptFailed(error_kind(error), one_line(error), 0.0, chance, max_failures)
    return Crashed(f"internal error ({type(error).__name__}: {error}); see `alienctl daemon logs`")


def error_kind(error: AliendError) -> ErrorKind:
    """Return who can act on an error."""
    if isinstance(error, CopyError):
        return error.kind
    if isinstance(error, NotConnected):
        return "credential"
    if isinstance(error, OutcomeUnknown | BadReply | StoreError):
        return "transient"
    if isinstance(error, ServiceError):
        return "transient" if error.code in _TRANSIENT_CODES else "permanent"
    return "permanent"
