"""Checks that processes on a cluster see the daemon's files: the daemon writes a small file, each process reads it.

A process reads one such file on each file system that its copies use, before the first of these copies. The file has
a fixed name for each daemon and cluster: what a killed daemon leaves is removed by the next check in that directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import socket
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakKeyDictionary

from aliend.errors import CopyError, Obstacle
from aliend.storage.io.mounts import nearest_existing
from aliend.storage.pool.worker_process import WorkerProcess
from aliend.storage.tasks import Checksum, Checksummed, Download, Task, TaskOptions, Upload, WorkerDied

_LIMIT = 60.0
"""Seconds that a process has to read the file."""
_RETRY_AFTER = 30.0


class SharedDirectories:
    """The checks, for each process and file system (its device number here), that both sides see the same files.

    `owner` is a text that no other daemon or cluster has on this machine.
    """

    def __init__(self, owner: str) -> None:
        name = hashlib.sha256(f"{socket.gethostname()} {owner}".encode()).hexdigest()[:16]
        self._name = f".aliend-{name}.probe"
        self._content = secrets.token_bytes(16)
        self._readers: Counter[Path] = Counter()
        """The files that exist, with the checks that need them."""
        self._changing = asyncio.Lock()
        self._checks: WeakKeyDictionary[WorkerProcess, dict[int, asyncio.Task[None]]] = WeakKeyDictionary()

    async def require(self, process: WorkerProcess, directory: str) -> None:
        """Raise CopyError, `local`, if the process does not see the files in a directory, which may not exist yet.

        A directory in which this user may write nothing is not checked: the copy itself reports what is missing.
        """
        place = await asyncio.to_thread(nearest_existing, Path(directory))
        try:
            device = (await asyncio.to_thread(place.stat)).st_dev
        except OSError:
            return
        checks = self._checks.setdefault(process, {})
        if device not in checks:
            checks[device] = asyncio.get_running_loop().create_task(self._check(process, place))
            checks[device].add_done_callback(lambda check: check.cancelled() or check.exception())
        try:
            await asyncio.shield(checks[device])
        except CopyError:
            checks.pop(device, None)
            raise

    async def _check(self, process: WorkerProcess, directory: Path) -> None:
        try:
            async with self._written(directory / self._name) as probe:
                problem = await _difference(process, probe, self._content)
        except OSError:
            return
        if problem:
            raise CopyError(
                f"{directory} is not shared with {process.host or 'the workers'} of the Dask cluster: {problem}; "
                "choose a directory that all workers share",
                "local",
                _RETRY_AFTER,
                obstacle=Obstacle("other", str(directory)),
            )

    @asynccontextmanager
    async def _written(self, probe: Path) -> AsyncGenerator[Path, None]:
        """Write the file, unless another check needs it too; remove it after the last check."""
        async with self._changing:
            if not self._readers[probe]:
                await asyncio.to_thread(_write, probe, self._content)
            self._readers[probe] += 1
        try:
            yield probe
        finally:
            async with self._changing:
                self._readers[probe] -= 1
                if not self._readers[probe]:
                    del self._readers[probe]
                    await asyncio.to_thread(_remove, probe)


def local_path(task: Task[object]) -> str:
    """Return the local file that a task reads or writes; empty if none."""
    match task:
        case Download(target=path) | Upload(source=path) | Checksum(path=path):
            return path
        case _:
            return ""


async def _difference(process: WorkerProcess, probe: Path, content: bytes) -> str:
    """Return why the process does not see the file as it is; empty if it does. Raises WorkerDied."""
    number = process.start_task(Checksum(0, str(probe)), lambda _: None, TaskOptions())
    try:
        async with asyncio.timeout(_LIMIT):
            found = await process.result(number)
    except TimeoutError:
        return f"no answer within {_LIMIT:.0f} s"
    except WorkerDied:
        raise
    except CopyError as error:
        return str(error)
    finally:
        process.abandon(number)
    expected = Checksummed(len(content), hashlib.md5(content, usedforsecurity=False).hexdigest())
    return "" if found == expected else "another file has the same name there"


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(content)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
