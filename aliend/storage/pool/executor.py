"""The port between the daemon and copying processes: what `WorkerProcess` needs of them, wherever they run.

An executor starts processes that speak the protocol of `aliend.storage.wire`: tasks of plain values to the process;
progress, results, failures and signs of life from it. `local_process` starts them on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended, as the end of a sentence; `is_lost`: on a machine of a cluster, no file is to blame."""

    text: str
    is_lost: bool = False


class ProcessChannel(Protocol):
    """The two directions of one process, by lines that include their newline."""

    @property
    def pid(self) -> int:
        """Return its process id on its machine."""

    @property
    def host(self) -> str:
        """Return the name of its machine; empty: this one."""

    def send(self, line: bytes) -> None:
        """Send a line; one to a process that has ended is ignored."""

    def send_output(self, descriptor: int) -> None:
        """Pass a descriptor to write to, before the task that uses it. Raises CopyError if the process is elsewhere."""

    async def receive(self) -> bytes:
        """Return the next line; empty: it has closed its output. Raises ValueError if a line is too long."""

    def close(self) -> None:
        """Close its input, which ends it."""

    def kill(self) -> None:
        """Kill it."""

    async def ended(self) -> Ending:
        """Wait for its end, and return how it ended."""

    def release(self) -> None:
        """Release what this side holds; nothing is sent or received any more."""


class Executor(Protocol):
    """Starts copying processes."""

    async def start(self, environment: Mapping[str, str]) -> ProcessChannel:
        """Start a process with these variables.

        Raises CopyError if none can be started; `lost` if that was tried on a machine that has failed.
        """

    async def close(self) -> None:
        """Release what starting needed; called after the processes have ended."""


class ClusterExecutor(Executor, Protocol):
    """Starts copying processes on a cluster, to which it connects on demand."""

    @property
    def scheduler_id(self) -> str:
        """Return the id of the scheduler that it is connected to; empty: none."""

    async def connect(self) -> str:
        """Connect to the scheduler, unless that was done; return its id. Raises CopyError as `start`."""
