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

from distributed.security import Security

from aliend.core.cli.transfer_settings import ClusterSettings


@dataclass
class DaskCluster:
    """A scheduler and its workers; `place` is their directory."""

    settings: ClusterSettings
    place: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        """Start the scheduler at the address of `settings`."""
        port = self.settings.place.rpartition(":")[2]
        return self._start("dask_scheduler", "--host", "127.0.0.1", "--protocol", "tls", "--port", port)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker that runs up to two copying processes."""
        return self._start("dask_worker", self.settings.place, "--no-nanny", "--nthreads", "2")

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        tls = ("--tls-ca-file", self.settings.ca, "--tls-cert", self.settings.cert, "--tls-key", self.settings.key)
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}", *arguments, "--no-dashboard", *tls],
            env={"PATH": os.environ["PATH"], "HOME": str(self.place), "TMPDIR": str(self.place)},
            stderr=subprocess.DEVNULL,
            cwd=self.place,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def kill_all(self) -> None:
        """Kill every process and wait for its end."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()


@contextmanager
def dask_cluster(place: Path) -> Iterator[DaskCluster]:
    """Start a scheduler with certificates of its own; kill it and its workers afterwards."""
    secrets = Security.temporary()
    ca, cert, key = (place / name for name in ("ca.pem", "cert.pem", "key.pem"))
    ca.write_text(secrets.tls_ca_file)
    cert.write_text(secrets.tls_client_cert)
    key.write_text(secrets.tls_client_key)
    address = f"tls://127.0.0.1:{_free_port()}"
    cluster = DaskCluster(ClusterSettings(address, str(ca), str(cert), str(key)), place)
    try:
        cluster.start_scheduler()
        yield cluster
    finally:
        cluster.kill_all()


def child_pids(pid: int) -> list[int]:
    """Return the processes that a process has started; none if it has ended."""
    try:
        listed = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(child) for line in listed for child in line.split()]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
