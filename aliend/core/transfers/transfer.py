"""State machine of one file: takes a state and an event, returns a state and effects. Pure; time is an argument.

    Queued --Started--> Running --Succeeded--> Done
      ^  ^                | |--AttemptFailed (permanent, or too often)--> Failed
      |  `--Interrupted---' |--AttemptFailed (transient, credential)----> Waiting --Started--> Running
      |  `--AttemptFailed (local)
      `---- Retry ---- Failed, Cancelled            Cancel: every unfinished state --> Cancelled

    event         Queued      Running                 Waiting     Done   Failed            Cancelled
    Started       Running *   -                       Running *   -      -                 -
    IntentSaved   intent      intent                  intent      -      intent            intent
    Succeeded     Done        Done                    Done        -      -                 -
    AttemptFailed -           Waiting|Failed|Queued   -           -      -                 -
    Interrupted   -           Queued, StopCopy        -           -      -                 -
    Cancel        Cancelled + Cancelled, StopCopy     Cancelled + -      -                 -
    Retry         -           -                       Queued      -      Queued            Queued
    Crashed       Failed +    Failed, StopCopy        Failed +    -      -                 -
    Join          joined      -                       -           -      -                 -
    LeaderFailed  Failed      -                       -           -      -                 -

(-: no change; *: with the effect StartCopy; +: with CleanUp if it was ever started.) A transfer may be queued again or
cancelled while its copy is still stopping; the late events of such a copy are handled as the columns of those states
say. A transfer that joined a transfer of another job stays queued and does not start; `Detach` undoes that. What an
upload changes in the catalogue is its `intent`: it is saved before the catalogue is changed, so that a restart can
complete or undo it. That of a cancelled download is its partial file, which a retry resumes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from aliend.core.catalogue.entries import Ticket
from aliend.core.transfers import backoff
from aliend.core.transfers.effects import CleanUp, Effect, HoldJob, StartCopy, StopCopy
from aliend.core.transfers.replacement import Replacing
from aliend.errors import ErrorKind, Obstacle

MAX_FAILURES = 10
"""Transient failures after which a transfer fails, unless the user says otherwise."""
MAX_ATTEMPTS = 100
"""Attempts after which even failures that are not the file's fault count: something is wrong with it."""
MAX_LOSSES = 20
"""Attempts lost with their worker of the cluster after which the transfer fails: the file may end the workers."""


class Phase(StrEnum):
    """The name of a state; the values are stored."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (Phase.QUEUED, Phase.RUNNING, Phase.WAITING)


@dataclass(frozen=True, slots=True)
class Queued:
    """May start as soon as a slot is free."""


@dataclass(frozen=True, slots=True)
class Running:
    """A copy runs in this daemon."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The last attempt failed for `reason`; the next one may start at `until` (POSIX seconds)."""

    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """The file has arrived completely; `warning` is a message for the user about a restriction."""

    warning: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """It is not retried unless the user requests it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The user cancelled it."""


State = Queued | Running | Waiting | Done | Failed | Cancelled


@dataclass(frozen=True, slots=True)
class NoIntent:
    """Nothing in the catalogue is being changed."""


@dataclass(frozen=True, slots=True)
class ReplicasBooked:
    """Replicas of one of these GUIDs (newest last) may be registered under `lfn`; `goal` were granted.

    Files sent with `tickets` may be complete on the storage but not registered: their result is not known yet.
    `existed`: the file was there before and only gets more replicas.
    """

    lfn: str
    guids: tuple[str, ...]
    goal: int
    tickets: tuple[Ticket, ...] = ()
    existed: bool = False


@dataclass(frozen=True, slots=True)
class PartialKept:
    """The partial file of a cancelled download, of `bytes` (0: not known yet), stays until `until_ms` (POSIX time)."""

    until_ms: int
    bytes: int = 0


Intent = NoIntent | ReplicasBooked | Replacing | PartialKept


@dataclass(frozen=True, slots=True)
class Transfer:
    """One file, as stored. `size` in bytes (0: unknown), `md5` empty if unknown.

    An empty `target` belongs to a refused name: such a transfer has failed for good. `attempts` counts starts that
    tried something, `failures` those transient failures that count against MAX_FAILURES, `losses` those that ended with
    a worker of the cluster. `joined` (mostly 0) is the transfer of another job that copies the same file to the same
    target; the transfer stays queued meanwhile.
    """

    id: int
    job: int
    source: str
    target: str
    state: State = Queued()
    size: int = 0
    md5: str = ""
    attempts: int = 0
    failures: int = 0
    intent: Intent = NoIntent()
    revision: int = 0
    joined: int = 0
    losses: int = 0


@dataclass(frozen=True, slots=True)
class Started:
    """The scheduler granted a slot."""


@dataclass(frozen=True, slots=True)
class IntentSaved:
    """The catalogue is about to be changed, or has been, as `intent` says."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The file has arrived at its target and was verified; `size` in bytes."""

    size: int
    md5: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt failed. `retry_after` (seconds) is the shortest pause, `chance` is uniform in [0, 1).

    The transfer fails after `max_failures` transient failures. `error_number` is the errno, or the service's code.
    """

    kind: ErrorKind
    reason: str
    retry_after: float
    chance: float
    max_failures: int = MAX_FAILURES
    obstacle: Obstacle | None = None
    error_number: int = 0


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The attempt was interrupted from outside: a pause, the end of the daemon, a crash of another copy."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The user cancels it; the partial file of a download stays until `keep_until_ms` (0: it is removed)."""

    keep_until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """The user wants it tried again, with all attempts available again."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """The daemon failed with an internal error."""

    reason: str


@dataclass(frozen=True, slots=True)
class Join:
    """Another job copies the same file: this one joins the transfer `leader`."""

    leader: int


@dataclass(frozen=True, slots=True)
class Detach:
    """The transfer that it joined no longer copies the file."""


@dataclass(frozen=True, slots=True)
class LeaderFailed:
    """The transfer that it joined has failed."""

    reason: str


AttemptEvent = Started | IntentSaved | Succeeded | AttemptFailed | Interrupted | Crashed
Event = AttemptEvent | Cancel | Retry | Join | Detach | LeaderFailed


Step = tuple[Transfer, tuple[Effect, ...]]


def step(transfer: Transfer, event: Event, now: float) -> Step:
    """Return the transfer after the event (`now` in POSIX seconds), and the effects; see the table above."""
    match event:
        case Started():
            return _started(transfer)
        case IntentSaved(intent):
            return _with_intent(transfer, intent), ()
        case Succeeded():
            return _succeeded(transfer, event)
        case AttemptFailed():
            return _attempt_failed(transfer, event, now)
        case Interrupted():
            return _interrupted(transfer)
        case Cancel(keep_until_ms):
            return _cancelled(transfer, keep_until_ms)
        case Retry():
            return _retried(transfer)
        case Crashed(reason):
            return _ended(transfer, Failed(reason))
        case Join(leader):
            free = isinstance(transfer.state, Queued) and not transfer.joined
            return (replace(transfer, joined=leader) if free else transfer), ()
        case Detach():
            return replace(transfer, joined=0), ()
        case LeaderFailed(reason):
            return _ended(transfer, Failed(reason)) if transfer.joined else (transfer, ())
        case _:
            assert_never(event)


def after_restart(transfer: Transfer) -> Transfer:
    """Return the transfer as a new daemon finds it: a running one is queued again, without losing an attempt."""
    return replace(transfer, state=Queued()) if isinstance(transfer.state, Running) else transfer


def phase_of(state: State) -> Phase:
    """Return the name of a state."""
    match state:
        case Queued():
            return Phase.QUEUED
        case Running():
            return Phase.RUNNING
        case Waiting():
            return Phase.WAITING
        case Done():
            return Phase.DONE
        case Failed():
            return Phase.FAILED
        case Cancelled():
            return Phase.CANCELLED
        case _:
            assert_never(state)


def message_of(state: State) -> str:
    """Return the reason or warning of a state; empty if it has none."""
    match state:
        case Waiting(reason=text) | Failed(reason=text) | Done(warning=text):
            return text
        case Queued() | Running() | Cancelled():
            return ""
        case _:
            assert_never(state)


def is_unfinished(state: State) -> bool:
    """Return whether the transfer has not ended."""
    return isinstance(state, Queued | Running | Waiting)


def _started(transfer: Transfer) -> Step:
    if not isinstance(transfer.state, Queued | Waiting) or transfer.joined:
        return transfer, ()
    return replace(transfer, state=Running(), attempts=transfer.attempts + 1), (StartCopy(transfer.id),)


def _succeeded(transfer: Transfer, event: Succeeded) -> Step:
    if not is_unfinished(transfer.state):
        return transfer, ()
    state = Done(event.warning)
    return replace(transfer, state=state, size=event.size, md5=event.md5, intent=NoIntent(), joined=0), ()


def _attempt_failed(transfer: Transfer, event: AttemptFailed, now: float) -> Step:
    if not isinstance(transfer.state, Running):
        return transfer, ()
    waiting = Waiting(now + max(1.0, event.retry_after) * (1 + event.chance / 4), event.reason)
    match event.kind:
        case "permanent":
            return replace(transfer, state=Failed(event.reason)), ()
        case "local":
            return replace(transfer, state=Queued()), (HoldJob(transfer.job, event.reason, event.obstacle),)
        case "credential":
            pause = backoff.delay(transfer.attempts, event.chance, max(1.0, event.retry_after), backoff.SHORT_CAP)
            return replace(transfer, state=Waiting(now + pause, event.reason)), ()
        case "resting":
            return replace(transfer, state=waiting, attempts=transfer.attempts - 1), ()
        case "storage" if transfer.attempts < MAX_ATTEMPTS:
            return replace(transfer, state=waiting), ()
        case "transient" | "storage":
            return _failed_once_more(transfer, event, now), ()
        case "lost":
            return _lost(transfer, event, now), ()
        case _:
            assert_never(event.kind)


def _failed_once_more(transfer: Transfer, event: AttemptFailed, now: float) -> Transfer:
    failures = transfer.failures + 1
    if failures >= event.max_failures:
        attempts = f"{failures} attempts" if failures > 1 else "one attempt"
        return replace(transfer, failures=failures, state=Failed(f"gave up after {attempts}: {event.reason}"))
    until = now + backoff.delay(failures, event.chance, event.retry_after)
    return replace(transfer, failures=failures, state=Waiting(until, event.reason))


def _lost(transfer: Transfer, event: AttemptFailed, now: float) -> Transfer:
    losses = transfer.losses + 1
    until = now + backoff.delay(losses, event.chance, max(1.0, event.retry_after), backoff.SHORT_CAP)
    lost = Failed(f"gave up after {losses} lost workers of the cluster: {event.reason}")
    return replace(transfer, losses=losses, state=Waiting(until, event.reason) if losses < MAX_LOSSES else lost)


def _interrupted(transfer: Transfer) -> Step:
    if not isinstance(transfer.state, Running):
        return transfer, ()
    return replace(transfer, state=Queued()), (StopCopy(transfer.id),)


def _retried(transfer: Transfer) -> Step:
    if not isinstance(transfer.state, Failed | Cancelled | Waiting) or not transfer.target:
        return transfer, ()
    intent = NoIntent() if isinstance(transfer.intent, PartialKept) else transfer.intent
    return replace(transfer, state=Queued(), failures=0, losses=0, intent=intent), ()


def _with_intent(transfer: Transfer, intent: Intent) -> Transfer:
    if isinstance(transfer.state, Done) or (isinstance(intent, PartialKept) and transfer.state != Cancelled()):
        return transfer
    return replace(transfer, intent=intent)


def _cancelled(transfer: Transfer, keep_until_ms: int) -> Step:
    cancelled, effects = _ended(transfer, Cancelled())
    if effects and keep_until_ms:
        cancelled = replace(cancelled, intent=PartialKept(keep_until_ms))
    return cancelled, effects


def _ended(transfer: Transfer, state: Cancelled | Failed) -> Step:
    if not is_unfinished(transfer.state):
        return transfer, ()
    if isinstance(transfer.state, Running):
        return replace(transfer, state=state), (StopCopy(transfer.id),)
    was_begun = transfer.attempts or transfer.intent != NoIntent()
    return replace(transfer, state=state, joined=0), (CleanUp(transfer.id),) if was_begun else ()
