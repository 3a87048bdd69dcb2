"""Copying processes on this machine, each in its own session so that a terminal's Ctrl-C does not reach it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Mapping

from aliend.errors import CopyError
from aliend.storage import wire
from aliend.storage.errors import exceeded_limit
from aliend.storage.pool.executor import Ending
from aliend.storage.pool.worker_environment import isolated, worker_environment


class LocalExecutor:
    """Starts `python -m aliend.storage.worker`."""

    async def start(self, environment: Mapping[str, str]) -> LocalProcess:
        """Start a process; XRootD settings are added to the variables and secrets removed. Raises CopyError."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = await asyncio.create_subprocess_exec(
                *isolated("aliend.storage.worker"),
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=worker_environment(environment),
                cwd="/",
                start_new_session=True,
                limit=wire.LONGEST_LINE,
            )
        except OSError as error:
            ours.close()
            reason = exceeded_limit(error) or error.strerror
            raise CopyError(f"cannot start a worker process: {reason}", "local", 30.0) from error
        finally:
            theirs.close()
        return LocalProcess(process, ours)

    async def close(self) -> None:
        """Do nothing: starting a process needs nothing that stays."""


class LocalProcess:
    """The channel to a process of this machine; `outputs` is the socket for descriptors."""

    def __init__(self, process: asyncio.subprocess.Process, outputs: socket.socket) -> None:
        self._process = process
        self._outputs = outputs

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def host(self) -> str:
        """Return the empty name of this machine."""
        return ""

    def send(self, line: bytes) -> None:
        """Send a line. Not drained: a line is small, and the process always reads."""
        if self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(line)

    def send_output(self, descriptor: int) -> None:
        """Pass a descriptor to write to, before the task that uses it."""
        socket.send_fds(self._outputs, [b"\0"], [descriptor])

    async def receive(self) -> bytes:
        """Return the next line; empty: it has closed its output. Raises ValueError if a line is too long."""
        assert self._process.stdout is not None
        return await self._process.stdout.readline()

    def close(self) -> None:
        """Close its input, which ends it."""
        if self._process.stdin:
            self._process.stdin.close()

    def kill(self) -> None:
        """Kill it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> Ending:
        """Wait for its end, and return how it ended."""
        code = await self._process.wait()
        return Ending(f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}")

    def release(self) -> None:
        """Close the socket for descriptors."""
        self._outputs.close()
