"""The runners of the engine: attempts, batches, expansions and deletions, with what each of them imports.

The engine imports this module and creates the runners when a job needs them: a daemon without jobs starts sooner and
uses less memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from aliend.core.transfers.scheduler import Candidate
from aliend.engine.admission.running_attempts import RunningAttempts
from aliend.engine.admission.storage_limiter import StorageElementLimiter
from aliend.engine.attempts.runner import AttemptRunner
from aliend.engine.batches.batch_runner import BatchRunner
from aliend.engine.expansion.deletion_runner import DeletionRunner
from aliend.engine.expansion.expansion_runner import ExpansionRunner
from aliend.engine.held_jobs import HeldJobs
from aliend.engine.partial_files import KeptPartialFiles
from aliend.engine.ports import EngineContext
from aliend.store import ChangeResult, SchedulingResult


class Runners:
    """The four runners, in the engine's task group; all arguments belong to the engine."""

    def __init__(
        self,
        context: EngineContext,
        limiter: StorageElementLimiter,
        running: RunningAttempts,
        held_jobs: HeldJobs,
        partial_files: KeptPartialFiles,
    ) -> None:
        self.attempts = AttemptRunner(context, limiter, running, held_jobs, partial_files)
        self.expansions = ExpansionRunner(context, held_jobs)
        self.deletions = DeletionRunner(context)
        self._batches = BatchRunner(context, self.attempts, running, limiter)

    def set_keep_free(self, size: int) -> None:
        """Set how many bytes of a disk stay free (-1: 5 % of the disk, at most 2 GiB)."""
        self.attempts.keep_free = self.expansions.keep_free = size

    def start(self, work: SchedulingResult, started: Sequence[tuple[Candidate, ChangeResult]]) -> None:
        """Run the expansions and deletions of `work`, and the attempts that the scheduler has started."""
        self.expansions.start(work.expanding)
        self.deletions.start(work.deleting)
        self._batches.start(started)

    def next_start(self) -> float | None:
        """Return when the next postponed expansion or deletion is due (POSIX seconds)."""
        due = self.expansions.next_start(), self.deletions.next_start()
        return min((at for at in due if at is not None), default=None)
