"""What is to be done after the state of a transfer has changed; it is safe to do it twice."""

from __future__ import annotations

from dataclasses import dataclass

from aliend.errors import Obstacle


@dataclass(frozen=True, slots=True)
class StartCopy:
    """Begin an attempt."""

    id: int


@dataclass(frozen=True, slots=True)
class StopCopy:
    """End the attempt that runs, softly."""

    id: int


@dataclass(frozen=True, slots=True)
class ChangeOwner:
    """The transfer, with the attempt that runs, belongs to another job from now on."""

    id: int
    job: int


@dataclass(frozen=True, slots=True)
class HoldJob:
    """Hold the transfer's job: something on this machine is in the way, as the sentence says."""

    job: int
    reason: str
    obstacle: Obstacle | None = None


@dataclass(frozen=True, slots=True)
class CleanUp:
    """Remove what an attempt before may have left of a transfer that is given up while it waits."""

    id: int


Effect = StartCopy | StopCopy | HoldJob | CleanUp | ChangeOwner
