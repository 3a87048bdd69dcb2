"""A real Dask cluster with TLS for tests: its processes have another HOME and TMPDIR than the daemon."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aliend.core.cli.transfer_settings import ClusterSettings
from aliend.storage.cluster import certificates

_HIDING = 'while [ "$1" != -- ]; do mount -t tmpfs none "$1" && shift || exit; done; shift; exec "$@"'


@dataclass
class DaskCluster:
    """A scheduler and its workers; `place` is their directory. Workers see the directories `hidden` as empty."""

    settings: ClusterSettings
    place: Path
    hidden: tuple[Path, ...] = ()
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """Return the log of all its processes."""
        return self.place / "log"

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        """Start the scheduler at the address of `settings`."""
        protocol, _, address = self.settings.scheduler.partition("://")
        arguments = ("--host", "127.0.0.1", "--protocol", protocol, "--port", address.rpartition(":")[2])
        return self._start("dask_scheduler", "scheduler", *arguments)

    def start_worker(self, *, nanny: bool = False, threads: int = 2) -> subprocess.Popen[bytes]:
        """Start a worker that runs up to `threads` copying processes, or a nanny with such a worker."""
        hiding = ("unshare", "--mount", *(("--user", "--map-root-user") if os.geteuid() else ()))
        prefix = (*hiding, "sh", "-c", _HIDING, "sh", *map(str, self.hidden), "--") if self.hidden else ()
        arguments = ("--nanny" if nanny else "--no-nanny", "--nthreads", str(threads))
        worker = self._start("dask_worker", "worker", self.settings.scheduler, *arguments, prefix=prefix)
        self.workers.append(worker)
        return worker

    def _start(self, program: str, role: str, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        pem, key = (str(self.place / "certs" / f"{role}{ending}.pem") for ending in ("", "-key"))
        files = ("--tls-ca-file", self.settings.ca, "--tls-cert", pem, "--tls-key", key)
        tls = files if self.settings.scheduler.startswith("tls:") else ()
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", f"distributed.cli.{program}", *arguments, "--no-dashboard", *tls],
                env={"PATH": os.environ["PATH"], "HOME": str(self.place), "TMPDIR": str(self.place)},
                stderr=log,
                cwd=self.place,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def kill_worker(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker and wait for its end."""
        worker.kill()
        worker.wait()
        self.processes.remove(worker)
        self.workers.remove(worker)

    def kill_workers(self) -> None:
        """Kill the workers and wait for their end."""
        for worker in [*self.workers]:
            self.kill_worker(worker)

    def kill_all(self) -> None:
        """Kill every process and wait for its end."""
        self.kill_workers()
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()


@contextmanager
def dask_cluster(place: Path, *hidden: Path, starts: bool = True, protocol: str = "tls") -> Iterator[DaskCluster]:
    """Make certificates and start a scheduler, unless `starts` is false; kill it and its workers afterwards."""
    certificates.make(place / "certs")
    ca, cert, key = (str(place / "certs" / f"{name}.pem") for name in ("ca", "client", "client-key"))
    address = f"{protocol}://127.0.0.1:{_free_port()}"
    cluster = DaskCluster(ClusterSettings(address, ca, cert, key), place, hidden)
    try:
        if starts:
            cluster.start_scheduler()
        yield cluster
    finally:
        cluster.kill_all()


def copying_pids(pid: int) -> list[int]:
    """Return the copying processes that a process has started; none if it has ended."""
    try:
        listed = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        children = [int(child) for line in listed for child in line.split()]
        return [one for one in children if b"aliend.storage.worker" in Path(f"/proc/{one}/cmdline").read_bytes()]
    except OSError:
        return []


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
