"""Encodes values for the columns of the database, and decodes them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, assert_never

from aliend.core.catalogue.entries import Ticket
from aliend.core.catalogue.file_system import Directory, FileSystem
from aliend.core.catalogue.selection import Selection
from aliend.core.connection.context import Context, CredentialFiles, DiscoverySettings, Endpoint
from aliend.core.connection.pem import PemFile, PemSource, PemText, pem_source
from aliend.core.transfers.job import Checkpoint, Counters, Job, JobSpec, JobState
from aliend.core.transfers.replacement import Replacing
from aliend.core.transfers.transfer import (
    Cancelled,
    Done,
    Failed,
    Intent,
    NoIntent,
    PartialKept,
    Phase,
    Queued,
    ReplicasBooked,
    Running,
    State,
    Transfer,
    Waiting,
    message_of,
)
from aliend.errors import Obstacle

JOB_COLUMNS = (
    "id, state, sources_seen, target_kind, queued, running, waiting, done, failed, cancelled,"
    " bytes_done, bytes_total, message, created_ms, ended_ms, revision, obstacle"
)
TRANSFER_COLUMNS = (
    "id, job, source, target, size, md5, state, ready, reason, attempts, failures, intent, revision, joined, losses"
)


def in_states(*states: JobState | Phase) -> str:
    """Return the SQL condition on the state; in the order of the partial indexes, so that SQLite uses them."""
    values = [repr(state.value) for state in states]
    return f"state = {values[0]}" if len(values) == 1 else f"state IN ({', '.join(values)})"


def spec_to_text(spec: JobSpec) -> str:
    """Return a specification as JSON."""
    return json.dumps(asdict(spec))


def spec_of(text: str) -> JobSpec:
    """Return the specification written by `spec_to_text`."""
    fields = json.loads(text)
    context = _context_of(fields.pop("context"))
    selection = Selection(**_with_tuples(fields.pop("selection", {})))
    file_systems = tuple(FileSystem(**one) for one in fields.pop("file_systems", ()))
    directories = tuple(Directory(**one) for one in fields.pop("directories", ()))
    return JobSpec(
        **_with_tuples(fields),
        context=context,
        selection=selection,
        file_systems=file_systems,
        directories=directories,
    )


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with lists, also nested ones, as tuples."""
    return {name: _as_tuple(value) for name, value in values.items()}


def _as_tuple(value: Any) -> Any:  # noqa: ANN401 - any value of JSON
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def _context_of(values: dict[str, Any]) -> Context:
    """Return a context as written by `asdict`; those of older releases have no `finding`."""
    finding = values.get("finding", {})
    jbox = finding.get("jbox")
    parts = {
        "endpoint": Endpoint(**values["endpoint"]),
        "token": _credential_files(values["token"]),
        "user": _credential_files(values["user"]),
        "finding": DiscoverySettings(**{**finding, "jbox": Endpoint(**jbox) if jbox else None}),
    }
    return Context(**{**values, **parts})


def _credential_files(values: dict[str, Any]) -> CredentialFiles:
    return CredentialFiles(_pem_source(values["certificate"]), _pem_source(values["key"]))


def _pem_source(value: str | dict[str, Any]) -> PemSource:
    """Return a source as `asdict` wrote it; an older release wrote a string."""
    if isinstance(value, str):
        return pem_source(value)
    return PemText(**value) if "text" in value else PemFile(**value)


def job_of(row: tuple[Any, ...], spec: JobSpec) -> Job:
    """Return the job of a row of JOB_COLUMNS."""
    number, state, seen, kind, *counts = row
    return Job(
        id=number,
        spec=spec,
        state=JobState(state),
        checkpoint=Checkpoint(seen, kind),
        files=Counters(*counts[:6]),
        bytes_done=counts[6],
        bytes_total=counts[7],
        message=counts[8],
        created_ms=counts[9],
        ended_ms=counts[10],
        revision=counts[11],
        obstacle=Obstacle(**json.loads(counts[12])) if counts[12] else None,
    )


def obstacle_to_text(obstacle: Obstacle | None) -> str:
    """Return an obstacle as JSON; empty for none."""
    return json.dumps(asdict(obstacle)) if obstacle else ""


def transfer_of(row: tuple[Any, ...]) -> Transfer:
    """Return the transfer of a row of TRANSFER_COLUMNS."""
    *first, attempts, failures, intent, revision, joined, losses = row
    number, job, source, target, size, md5, state, ready, reason = first
    return Transfer(
        id=number,
        job=job,
        source=source,
        target=target,
        state=_state_of(Phase(state), ready if ready and ready > 1 else 0.0, reason),
        size=size,
        md5=md5,
        attempts=attempts,
        failures=failures,
        intent=intent_of(intent),
        revision=revision,
        joined=joined,
        losses=losses,
    )


def state_columns(state: State) -> tuple[float | None, str]:
    """Return the columns `ready` and `reason` of a state."""
    match state:
        case Queued():
            return 0.0, ""
        case Waiting(until, reason):
            return until, reason
        case Running() | Done() | Failed() | Cancelled():
            return None, message_of(state)
        case _:
            assert_never(state)


def intent_to_text(intent: Intent) -> str:
    """Return an intent as JSON; empty for none."""
    match intent:
        case NoIntent():
            return ""
        case ReplicasBooked():
            return json.dumps({"kind": "booked", **asdict(intent)})
        case Replacing():
            return json.dumps({"kind": "replacing", **asdict(intent)})
        case PartialKept():
            return json.dumps({"kind": "partial", **asdict(intent)})
        case _:
            assert_never(intent)


def intent_of(text: str) -> Intent:
    """Return the intent written by `intent_to_text`."""
    if not text:
        return NoIntent()
    fields = json.loads(text)
    match fields.pop("kind"):
        case "booked":
            tickets = tuple(Ticket(**ticket) for ticket in fields.pop("tickets", ()))
            return ReplicasBooked(**_with_tuples(fields), tickets=tickets)
        case "partial":
            return PartialKept(**fields)
        case _:
            return Replacing(**fields)


def _state_of(phase: Phase, ready: float, reason: str) -> State:
    match phase:
        case Phase.QUEUED:
            return Queued()
        case Phase.RUNNING:
            return Running()
        case Phase.WAITING:
            return Waiting(ready, reason)
        case Phase.DONE:
            return Done(reason)
        case Phase.FAILED:
            return Failed(reason)
        case Phase.CANCELLED:
            return Cancelled()
        case _:
            assert_never(phase)
