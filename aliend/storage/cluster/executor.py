"""Starts copying processes on the workers of a Dask cluster, through one gateway process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from aliend.core.cli.transfer_settings import ClusterSettings
from aliend.errors import ConfigurationError, CopyError, Obstacle
from aliend.storage import wire
from aliend.storage.pool.cluster_pool import ClusterPool
from aliend.storage.pool.executor import Ending
from aliend.storage.pool.scheduler_address import scheduler_address
from aliend.storage.pool.worker_environment import isolated
from aliend.storage.pool.worker_pool import WorkerPool

_READY_LIMIT = 40.0
"""Seconds that the gateway has to connect to the scheduler."""
_RETRY_AFTER = 10.0

log = logging.getLogger(__name__)


def cluster_pool(
    settings: ClusterSettings, processes: int, environment: Mapping[str, str], own_directory: str, local: WorkerPool
) -> ClusterPool:
    """Return the part of the pool for a Dask cluster, see `ClusterPool`."""
    return ClusterPool(
        settings.scheduler, DaskExecutor(settings, environment), processes, environment, own_directory, local
    )


class DaskExecutor:
    """Starts processes on the cluster of `settings`; `environment` is the daemon's own."""

    def __init__(self, settings: ClusterSettings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._starting = asyncio.Lock()
        self._gateway: asyncio.subprocess.Process | None = None
        self._outputs: socket.socket | None = None
        self._scheduler_id = self._address = ""

    @property
    def scheduler_id(self) -> str:
        """Return the id of the scheduler that it is connected to; empty: none."""
        return self._scheduler_id if self._gateway and self._gateway.returncode is None else ""

    async def connect(self) -> str:
        """Connect to the scheduler, unless that was done; return its id. Raises CopyError as `start`."""
        async with self._starting:
            await self._running_gateway()
            return self._scheduler_id

    async def start(self, environment: Mapping[str, str]) -> DaskChannel:
        """Wait until a worker of the cluster runs a process, which gets only the XRootD variables of `environment`.

        Raises CopyError: `local` if the scheduler is unreachable or the workers refuse, `lost` if one worker fails.
        """
        end = await self._request({name: value for name, value in environment.items() if name.startswith("XRD")})
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=wire.LONGEST_LINE)
        try:
            line = await reader.readline()
            match json.loads(line) if line else {}:
                case {"pid": int(pid), "host": str(host)}:
                    log.info("copies run on %s (pid %d) of the Dask cluster", host, pid)
                    return DaskChannel(reader, writer, pid, host)
                case {"refused": str(reason)}:
                    raise _error(f"the workers of the Dask cluster cannot copy: {reason}")
                case {"failed": str(reason)}:
                    raise CopyError(f"a worker of the Dask cluster cannot copy: {reason}", "lost", _RETRY_AFTER)
                case _:
                    raise self._unreachable(f"lost the Dask scheduler {self._address}")
        except BaseException:
            writer.close()
            raise

    async def close(self) -> None:
        """End the gateway, and with it all processes."""
        await self._end_gateway()
        if self._outputs:
            self._outputs.close()

    async def _end_gateway(self) -> None:
        if self._gateway and self._gateway.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._gateway.kill()
            await self._gateway.wait()

    async def _request(self, environment: Mapping[str, str]) -> socket.socket:
        """Request a process; return our end of its lines."""
        async with self._starting:
            gateway, outputs = await self._running_gateway()
            assert gateway.stdin is not None
            ours, theirs = socket.socketpair()
            try:
                socket.send_fds(outputs, [b"\0"], [theirs.fileno()])
                gateway.stdin.write(wire.encode({"environment": dict(environment)}))
            except OSError as error:
                ours.close()
                raise self._unreachable(f"lost the Dask scheduler {self._address}") from error
            finally:
                theirs.close()
            return ours

    async def _running_gateway(self) -> tuple[asyncio.subprocess.Process, socket.socket]:
        if self._gateway and self._outputs and self._gateway.returncode is None:
            return self._gateway, self._outputs
        if self._outputs:
            self._outputs.close()
        if find_spec("distributed") is None:
            raise _error('copies on a Dask cluster need Dask; install it with: pip install "aliend[dask]"')
        try:
            self._address = await asyncio.to_thread(scheduler_address, self._settings.scheduler)
        except ConfigurationError as error:
            is_address = "://" in self._settings.scheduler
            raise (_error if is_address else self._unreachable)(str(error)) from error
        if self._address.startswith("tls:"):
            self._check_certificates()
        self._outputs, theirs = socket.socketpair()
        with theirs:
            self._gateway = await asyncio.create_subprocess_exec(
                *isolated("aliend.storage.cluster.gateway"),
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=dict(self._environment),
                cwd="/",
                start_new_session=True,
            )
        try:
            await self._wait_until_ready(self._gateway)
        except BaseException:
            await self._end_gateway()
            raise
        return self._gateway, self._outputs

    def _check_certificates(self) -> None:
        """Raise CopyError if a file for TLS is not set or not readable."""
        for name, path in (("ca", self._settings.ca), ("cert", self._settings.cert), ("key", self._settings.key)):
            if not path:
                raise _error(f"set tls_{name} in [transfers]: the Dask scheduler needs TLS (see `alienctl cluster`)")
            if not os.access(path, os.R_OK):
                raise _error(f"cannot read {path}, which tls_{name} in [transfers] names")

    async def _wait_until_ready(self, gateway: asyncio.subprocess.Process) -> None:
        assert gateway.stdin is not None
        assert gateway.stdout is not None
        settings = self._settings
        first = {"scheduler": settings.scheduler, "ca": settings.ca, "cert": settings.cert, "key": settings.key}
        gateway.stdin.write(wire.encode(first))
        try:
            async with asyncio.timeout(_READY_LIMIT):
                line = await gateway.stdout.readline()
            answer: dict[str, Any] = json.loads(line) if line else {"fatal": "Dask cannot be loaded"}
        except TimeoutError:
            answer = {"fatal": f"cannot use the Dask scheduler {self._address}: it is too slow", "unreachable": True}
        self._scheduler_id = str(answer.get("ready", ""))
        if "fatal" in answer:
            raise (self._unreachable if answer.get("unreachable") else _error)(answer["fatal"])

    def _unreachable(self, text: str) -> CopyError:
        """Return an error that lasts until the scheduler accepts connections."""
        return CopyError(text, "local", _RETRY_AFTER, obstacle=Obstacle("scheduler", self._settings.scheduler))


def _error(text: str) -> CopyError:
    return CopyError(text, "local", _RETRY_AFTER, obstacle=Obstacle("other", "/"))


class DaskChannel:
    """The channel to a process on a worker of the cluster, through the gateway; closing it ends the process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pid: int, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._how = "was lost with the connection to the scheduler; it ran"
        self.pid = pid
        self.host = host

    def send(self, line: bytes) -> None:
        """Send a line; one to a process that has ended is ignored."""
        if not self._writer.is_closing():
            self._writer.write(line)

    def send_output(self, descriptor: int) -> None:
        """Raise CopyError: a descriptor does not reach another machine."""
        raise CopyError("a stream cannot be read on a Dask cluster", "permanent")

    async def receive(self) -> bytes:
        """Return the next line; empty: the process has ended. Raises ValueError if a line is too long."""
        try:
            line = await self._reader.readline()
        except OSError:
            return b""
        if line.startswith(b'{"ended":'):
            self._how = json.loads(line)["ended"]
            return b""
        if line.startswith(b'{"failed":'):
            self._how = "was lost with its worker"
            return b""
        return line

    def close(self) -> None:
        """End the process."""
        self._writer.close()

    def kill(self) -> None:
        """End the process; it is killed where it runs."""
        self._writer.close()

    async def ended(self) -> Ending:
        """Return how it ended: it may have been killed for the memory of other copies."""
        return Ending(f"{self._how} on {self.host} of the Dask cluster", is_lost=True)

    def release(self) -> None:
        """Close our end."""
        self._writer.close()
