"""What the engine has counted since the daemon started: attempts, files, bytes and waits, by direction."""

from __future__ import annotations

from collections.abc import Mapping

from aliend.core.metrics.families import Durations, Family, Labels, Tally
from aliend.core.transfers.transfer import AttemptFailed, Crashed, Done, Event, Failed, State
from aliend.engine.views import ElementView

_STATES = ("working", "resting", "probing")


class Statistics:
    """Counters; each is incremented where the thing happens."""

    def __init__(self) -> None:
        self._attempts, self._files, self._bytes = Tally(), Tally(), Tally()
        self._queue_waits, self._slot_waits = Durations(), Durations()

    def record_start(self, direction: str, waited: float) -> None:
        """Count the first attempt at a file, `waited` seconds after its job was submitted."""
        self._queue_waits.add(waited, direction)

    def record_bytes(self, direction: str, moved: int) -> None:
        """Count bytes that have moved."""
        self._bytes.add(direction, amount=moved)

    def record_end(self, direction: str, event: Event | None, state: State | None, slot_wait: float) -> None:
        """Count an attempt that ended with an event (None: it was stopped) and waited for a slot (seconds)."""
        self._attempts.add(direction, _outcome(event))
        self._slot_waits.add(slot_wait, direction)
        if isinstance(state, Done | Failed):
            self._files.add(direction, "done" if isinstance(state, Done) else "failed")

    def families(self) -> list[Family]:
        """Return the figures."""
        way = ("direction",)
        return [
            Family("attempts", "counter", "Attempts by outcome.", (*way, "outcome"), self._attempts.values),
            Family("files", "counter", "Files that have ended.", (*way, "state"), self._files.values),
            Family("moved_bytes", "counter", "Bytes that copies have moved.", way, self._bytes.values, "bytes"),
            Family(
                "queue_wait_seconds",
                "summary",
                "Time from the submission of a job to the first attempt at a file.",
                way,
                self._queue_waits.values,
                "seconds",
            ),
            Family(
                "slot_wait_seconds",
                "summary",
                "Time that an attempt waited for its storage elements.",
                way,
                self._slot_waits.values,
                "seconds",
            ),
        ]


def element_families(elements: Mapping[str, ElementView]) -> list[Family]:
    """Return the state of the storage elements in use."""
    label = ("se",)
    copies: dict[Labels, float] = {(se,): one.copies for se, one in elements.items()}
    return [
        Family("storage_copies", "gauge", "Running copies.", label, copies),
        Family("storage_limit", "gauge", "Limit of copies.", label, {(se,): one.limit for se, one in elements.items()}),
        Family(
            "storage_rate_bytes",
            "gauge",
            "Measured bytes per second.",
            label,
            {(se,): one.speed for se, one in elements.items()},
            "bytes",
        ),
        Family(
            "storage_state",
            "gauge",
            "1 for the state of a storage element.",
            (*label, "state"),
            {(se, state): float(one.state == state) for se, one in elements.items() for state in _STATES},
        ),
    ]


def _outcome(event: Event | None) -> str:
    match event:
        case None:
            return "stopped"
        case AttemptFailed(kind=kind):
            return kind
        case Crashed():
            return "internal"
        case _:
            return "done"
