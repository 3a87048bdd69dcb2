"""What one attempt at a transfer works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aliend.core.job import JobSpec
from aliend.core.transfer import Intent, Transfer
from aliend.engine.gate import Gate
from aliend.engine.looks import Looks
from aliend.engine.ports import CataloguePort, WorkersPort
from aliend.engine.trail import Trail


@dataclass(frozen=True, slots=True)
class Attempt:
    """The transfer as it was when the attempt began, and the parts that it may use.

    `made` remembers local directories that are about to be made; `keep_free` bytes of a disk are left free (-1: as
    `storage.tasks.Download` says); `note` stores an intent, durably when it returns; `progress` hears the bytes so far;
    `trail` what is remembered; `looks` looks names up together with other attempts.
    """

    transfer: Transfer
    spec: JobSpec
    catalogue: CataloguePort
    workers: WorkersPort
    gate: Gate
    note: Callable[[Intent], Awaitable[None]]
    progress: Callable[[int], None]
    trail: Trail
    looks: Looks
    made: Callable[[Sequence[str]], Awaitable[None]]
    keep_free: int = -1
