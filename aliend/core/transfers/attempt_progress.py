"""What an attempt leaves behind it: how far it has come, the storage elements that it touched, and what was wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

from aliend.core.transfers.attempt_record import AttemptRecord, Stage
from aliend.core.transfers.transfer import AttemptFailed, Crashed, Event, Transfer
from aliend.errors import ErrorKind


class AttemptProgress:
    """The trail of one attempt, which begins when this is made. `clock` gives POSIX seconds.

    `on_verify` is called when only the catalogue is still to be looked at.
    """

    def __init__(
        self, transfer: Transfer, clock: Callable[[], float], on_verify: Callable[[], None] = lambda: None
    ) -> None:
        self._transfer = transfer
        self._clock = clock
        self._on_verify = on_verify
        self._began = clock()
        self._replicas: dict[str, AttemptRecord] = {}
        self.stage = Stage.PREPARE
        self.ses: tuple[str, ...] = ()
        self.bytes = 0
        self.moved_at = self._began
        """When the last byte moved, or the stage began (POSIX seconds)."""

    def enter_stage(self, stage: Stage, ses: Iterable[str] = ()) -> None:
        """The attempt has come to this stage, with these storage elements (none: those of the stage before)."""
        self.stage = stage
        self.moved_at = self._clock()
        if stage is Stage.VERIFY:
            self._on_verify()
        self.ses = tuple(sorted(ses)) or self.ses

    def record_bytes(self, moved: int) -> None:
        """So many bytes were moved so far."""
        if moved != self.bytes:
            self.bytes = moved
            self.moved_at = self._clock()

    @property
    def has_moved_all(self) -> bool:
        """Whether all bytes have moved; what is left to do is the storage's own work."""
        return 0 < self._transfer.size <= self.bytes

    def record_replica(self, se: str, error: str = "") -> None:
        """What became of one replica at the present stage."""
        self._replicas[se] = self._record(se, self.stage if error else Stage.DONE, error)

    def records(self, event: Event | None) -> list[AttemptRecord]:
        """What is to be remembered of an attempt that ended with `event` (None: it was told to stop)."""
        reason, kind = _reason(event)
        told = [replace(one, kind=kind if one.error else "") for one in self._replicas.values()]
        if any(one.error for one in told) if reason else told:
            return told
        whole = self._record(", ".join(self.ses), self.stage if reason else Stage.DONE, reason)
        return [*told, replace(whole, kind=kind)]

    def _record(self, se: str, stage: Stage, error: str) -> AttemptRecord:
        took = round(max(0.0, self._clock() - self._began), 3)
        number, began_ms = self._transfer.attempts, int(self._began * 1000)
        return AttemptRecord(self._transfer.id, number, se, stage, error, "", self.bytes, began_ms, took)


def _reason(event: Event | None) -> tuple[str, ErrorKind | Literal[""]]:
    match event:
        case None:
            return "stopped", ""
        case AttemptFailed(kind=kind, reason=reason):
            return reason, kind
        case Crashed(reason):
            return reason, "permanent"
        case _:
            return "", ""
