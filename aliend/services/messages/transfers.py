"""Converts jobs, transfers and events to the messages of the contract, and the contract's enumerations to values."""

from __future__ import annotations

from collections.abc import Sequence

from aliend.core.cli.escaping import readable
from aliend.core.transfers.attempt_record import AttemptRecord, EventRecord
from aliend.core.transfers.job import JobState
from aliend.core.transfers.transfer import Phase
from aliend.engine.views import DeletionView, JobView, TransferView, WaitGroup
from aliend.errors import UsageError
from aliend.services.messages.errors import reason_of_failure
from aliend.services.messages.times import duration, timestamp
from aliend.v1 import transfers_pb2

_DIRECTIONS = {
    "download": transfers_pb2.DIRECTION_DOWNLOAD,
    "upload": transfers_pb2.DIRECTION_UPLOAD,
    "copy": transfers_pb2.DIRECTION_COPY,
}
_JOB_STATES = {transfers_pb2.JobState.Value(f"JOB_STATE_{state.name}"): state for state in JobState}
_TRANSFER_STATES = {transfers_pb2.TransferState.Value(f"TRANSFER_STATE_{phase.name}"): phase for phase in Phase}
_PURPOSES = {
    "copy": transfers_pb2.PURPOSE_COPY,
    "replicate": transfers_pb2.PURPOSE_REPLICATE,
    "mirror": transfers_pb2.PURPOSE_MIRROR,
    "sync": transfers_pb2.PURPOSE_SYNC,
}
_WAIT_KINDS = {"se resting": "ELEMENT_RESTING", "se full": "ELEMENT_FULL"}


def job_states(numbers: Sequence[int]) -> tuple[JobState, ...]:
    """Return the states of jobs with these numbers. Raises UsageError for an unknown one, which would match all."""
    if unknown := [number for number in numbers if number not in _JOB_STATES]:
        raise UsageError(f"states: {unknown[0]} is not a value of JobState")
    return tuple(_JOB_STATES[number] for number in numbers)


def transfer_states(numbers: Sequence[int]) -> tuple[Phase, ...]:
    """Return the states of transfers with these numbers. Raises UsageError for an unknown one."""
    if unknown := [number for number in numbers if number not in _TRANSFER_STATES]:
        raise UsageError(f"states: {unknown[0]} is not a value of TransferState")
    return tuple(_TRANSFER_STATES[number] for number in numbers)


def job_message(view: JobView) -> transfers_pb2.Job:
    """Return the message of a job."""
    files = view.files
    return transfers_pb2.Job(
        id=view.id,
        state=f"JOB_STATE_{view.state.upper()}",
        direction=_DIRECTIONS[view.direction],
        sources=map(readable, view.sources),
        target=readable(view.target),
        files=transfers_pb2.Counters(
            queued=files.queued,
            running=files.running,
            waiting=files.waiting,
            done=files.done,
            failed=files.failed,
            cancelled=files.cancelled,
            total=files.total,
        ),
        bytes_done=view.bytes_done,
        bytes_total=view.bytes_total,
        create_time=timestamp(view.created_ms),
        end_time=timestamp(view.ended_ms),
        message=readable(view.message),
        priority=view.priority,
        rate=view.rate,
        label=readable(view.label),
        executor=view.executor,
        bytes_per_second=view.bytes_per_second,
        files_per_second=view.files_per_second,
        time_left=duration(view.seconds_left),
        purpose=_PURPOSES[view.purpose],
    )


def transfer_message(view: TransferView, failed: AttemptRecord | None = None) -> transfers_pb2.Transfer:
    """Return the message of a transfer; `failed` is its last failed attempt."""
    return transfers_pb2.Transfer(
        id=view.id,
        job_id=view.job,
        state=f"TRANSFER_STATE_{view.state.upper()}",
        direction=_DIRECTIONS[view.direction],
        source=readable(view.source),
        target=readable(view.target),
        size=view.size,
        bytes_done=view.size if view.state == "done" else view.bytes_done,
        attempts=view.attempts,
        message=readable(view.message),
        retry_time=timestamp(view.retry_ms),
        joined=view.joined,
        wanted=view.wanted,
        failure=failure_message(failed) if failed else None,
        keep_time=timestamp(view.kept_until_ms),
    )


def failure_message(attempt: AttemptRecord) -> transfers_pb2.TransferFailure:
    """Return why an attempt failed."""
    return transfers_pb2.TransferFailure(
        failure_class=f"FAILURE_CLASS_{attempt.kind.upper() or 'UNSPECIFIED'}",
        stage=f"ATTEMPT_STAGE_{attempt.stage.upper()}",
        se=attempt.se,
        message=readable(attempt.error),
        error_number=attempt.error_number,
        reason=reason_of_failure(attempt.kind, attempt.error_number),
    )


def attempt_message(attempt: AttemptRecord) -> transfers_pb2.Attempt:
    """Return the message of an attempt."""
    return transfers_pb2.Attempt(
        transfer_id=attempt.transfer,
        number=attempt.number,
        se=attempt.se,
        stage=f"ATTEMPT_STAGE_{attempt.stage.upper()}",
        failure=failure_message(attempt) if attempt.error else None,
        bytes=attempt.bytes,
        start_time=timestamp(attempt.began_ms),
        duration=duration(attempt.seconds),
    )


def event_message(event: EventRecord) -> transfers_pb2.Event:
    """Return the message of an event."""
    kind = "TRANSFER" if event.transfer else "JOB"
    return transfers_pb2.Event(
        number=event.number,
        time=timestamp(event.time_ms),
        job_id=event.job,
        transfer_id=event.transfer,
        type=f"EVENT_TYPE_{kind}_{event.state.upper()}",
        reason=readable(event.reason),
        source=readable(event.source),
        target=readable(event.target),
    )


def deletion_message(view: DeletionView) -> transfers_pb2.Deletion:
    """Return the message of a file that a synchronisation deletes."""
    state = f"DELETION_STATE_{view.state.upper()}"
    return transfers_pb2.Deletion(name=readable(view.below), state=state, reason=readable(view.reason))


def wait_message(group: WaitGroup) -> transfers_pb2.WaitReason:
    """Return the message of files that wait for the same reason."""
    kind = group.reason.kind
    return transfers_pb2.WaitReason(
        job_id=group.job,
        kind=f"WAIT_KIND_{_WAIT_KINDS.get(kind, kind.upper())}",
        text=readable(group.reason.text),
        retry_time=timestamp(int(group.reason.until * 1000)),
        files=group.files,
        first_source=readable(group.first),
    )
