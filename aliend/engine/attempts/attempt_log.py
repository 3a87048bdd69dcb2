"""The log lines of attempts: each names its job, transfer, storage elements, bytes, seconds and the reason."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from aliend.core.cli.log_records import facts
from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.core.transfers.transfer import AttemptFailed, Crashed, Done, State, message_of, phase_of
from aliend.engine.admission.running_attempts import RunningAttempt
from aliend.store import TransferChange

log = logging.getLogger(__name__)


def log_end(running: RunningAttempt, change: TransferChange, state: State) -> None:
    """Log how an attempt ended: the new state of its transfer, and the reason."""
    event = change.event
    reason = event.reason if isinstance(event, AttemptFailed | Crashed) else message_of(state)
    has_waited = isinstance(event, AttemptFailed) and event.kind == "resting"
    level = logging.INFO if isinstance(state, Done) or has_waited else logging.WARNING
    text = ": ".join(filter(None, (phase_of(state), running.transfer.source, reason)))
    log.log(level, "%s", text, extra=facts_of(running, change.records, reason))


def facts_of(running: RunningAttempt, records: Sequence[AttemptRecord], reason: str) -> dict[str, Any]:
    """Return the facts of an attempt that has ended, for the log."""
    return facts(
        job=running.transfer.job,
        transfer=running.transfer.id,
        attempt=running.transfer.attempts,
        se=",".join(dict.fromkeys(record.se for record in records if record.se)),
        bytes=running.progress.bytes,
        seconds=max((record.seconds for record in records), default=0.0),
        reason=reason,
    )
