"""The progress of one attempt: its stage, bytes, storage elements, and the result for each replica."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

from aliend.core.transfers.attempt_record import AttemptRecord, Stage
from aliend.core.transfers.transfer import AttemptFailed, Crashed, Event, Transfer
from aliend.errors import ErrorKind


class AttemptProgress:
    """Records the progress of one attempt, which starts now. `clock` returns POSIX seconds.

    `on_verify` is called when the attempt only has to be verified in the catalogue, `on_bytes` with the number of bytes
    that have moved since its last call.
    """

    def __init__(
        self,
        transfer: Transfer,
        clock: Callable[[], float],
        on_verify: Callable[[], None] = lambda: None,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._transfer = transfer
        self._clock = clock
        self._on_verify = on_verify
        self._on_bytes = on_bytes
        self._may_resume = transfer.attempts > 1
        self._began = clock()
        self._replicas: dict[str, AttemptRecord] = {}
        self.stage = Stage.PREPARE
        self.ses: tuple[str, ...] = ()
        self.bytes = 0
        self.slot_wait = 0.0
        """Seconds that the attempt has waited for capacity on its storage elements."""
        self.moved_at = self._began
        """When the last byte moved, or the stage began (POSIX seconds)."""

    def enter_stage(self, stage: Stage, ses: Iterable[str] = ()) -> None:
        """Enter a stage with these storage elements (none: those of the previous stage)."""
        now = self._clock()
        if self.stage is Stage.SLOT:
            self.slot_wait += max(0.0, now - self.moved_at)
        self.stage = stage
        self.moved_at = now
        if stage is Stage.VERIFY:
            self._on_verify()
        self.ses = tuple(sorted(ses)) or self.ses

    def wait_for_worker(self) -> None:
        """Record that it waits for a free slot on a worker of the cluster."""
        self.enter_stage(Stage.WORKER)

    def use_worker(self) -> None:
        """Record that it has a slot on a worker, if it has waited for one."""
        if self.stage is Stage.WORKER:
            self.enter_stage(Stage.PREPARE)

    def expect_resumed_bytes(self) -> None:
        """Record that bytes of an earlier copy will be resumed: they do not count as moved."""
        self._may_resume = True

    @property
    def has_tried(self) -> bool:
        """Return whether a replica was tried."""
        return bool(self._replicas)

    def record_bytes(self, moved: int) -> None:
        """Record the total of bytes moved so far."""
        if moved == self.bytes:
            return
        if moved > self.bytes and not self._may_resume:
            self._on_bytes(moved - self.bytes)
        self._may_resume = False  # the first report of a later attempt includes what an earlier one has left
        self.bytes = moved
        self.moved_at = self._clock()

    @property
    def has_moved_all(self) -> bool:
        """Return whether all bytes have moved, so that only the storage itself has work left."""
        return 0 < self._transfer.size <= self.bytes

    def record_replica(self, se: str, error: str = "", error_number: int = 0) -> None:
        """Record the result for one replica at the current stage; `error_number` is the errno of an error."""
        record = self._record(se, self.stage if error else Stage.DONE, error)
        self._replicas[se] = replace(record, error_number=error_number)

    def records(self, event: Event | None) -> list[AttemptRecord]:
        """Return the attempt's records for the history; `event` ended the attempt (None: it was stopped)."""
        reason, kind, number = _reason(event)
        if kind == "resting":
            return []
        records = [replace(record, kind=kind if record.error else "") for record in self._replicas.values()]
        if any(record.error for record in records) if reason else records:
            return records
        whole = self._record(", ".join(self.ses), self.stage if reason else Stage.DONE, reason)
        return [*records, replace(whole, kind=kind, error_number=number)]

    def _record(self, se: str, stage: Stage, error: str) -> AttemptRecord:
        took = round(max(0.0, self._clock() - self._began), 3)
        number, began_ms = self._transfer.attempts, int(self._began * 1000)
        return AttemptRecord(self._transfer.id, number, se, stage, error, "", self.bytes, began_ms, took)


def _reason(event: Event | None) -> tuple[str, ErrorKind | Literal[""], int]:
    match event:
        case None:
            return "stopped", "", 0
        case AttemptFailed(kind=kind, reason=reason, error_number=number):
            return reason, "storage" if kind == "lost" else kind, number
        case Crashed(reason):
            return reason, "permanent", 0
        case _:
            return "", "", 0
