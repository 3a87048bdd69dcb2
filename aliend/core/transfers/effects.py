"""What must be done after a state change of a transfer; each effect is safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass

from aliend.errors import Obstacle


@dataclass(frozen=True, slots=True)
class StartCopy:
    """Start an attempt."""

    id: int


@dataclass(frozen=True, slots=True)
class StopCopy:
    """Stop the running attempt."""

    id: int


@dataclass(frozen=True, slots=True)
class ChangeOwner:
    """Assign the transfer, with its running attempt, to another job."""

    id: int
    job: int


@dataclass(frozen=True, slots=True)
class HoldJob:
    """Put the transfer's job on hold because of an obstacle on this machine; `reason` is the message."""

    job: int
    reason: str
    obstacle: Obstacle | None = None


@dataclass(frozen=True, slots=True)
class CleanUp:
    """Remove what an earlier attempt may have left of a transfer that is given up while it waits."""

    id: int


Effect = StartCopy | StopCopy | HoldJob | CleanUp | ChangeOwner
