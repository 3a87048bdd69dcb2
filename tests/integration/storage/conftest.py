"""Real storage elements for the tests: `xrootd` processes on loopback, each with its own directory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aliend.core.transfers.overwrite import Overwrite
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import Checksum, Download, ListMembers, ReplicaUrl, Upload

# Ends with the test run, however that ends: the kernel signals the child (PR_SET_PDEATHSIG), which then becomes xrootd.
_TIED = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "os.getppid() == int(sys.argv[1]) or sys.exit(1)\n"
    "os.execvp(sys.argv[2], sys.argv[2:])\n"
)


@dataclass
class StorageElement:
    """A running xrootd that serves `root` under `/`."""

    name: str
    port: int
    root: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def put(self, path: str, content: bytes) -> ReplicaUrl:
        """A file on the storage, and where to read it."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return self.at(path)

    def at(self, path: str, envelope: str = "") -> ReplicaUrl:
        return ReplicaUrl(f"root://127.0.0.1:{self.port}/{path}", envelope, self.name)

    def content(self, path: str) -> bytes:
        return (self.root / path.lstrip("/")).read_bytes()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def storage_element(name: str, place: Path, *settings: str, port: int = 0) -> Iterator[StorageElement]:
    """A storage element below `place`, with further lines of configuration; at a free port if none is given."""
    port, root, admin = port or free_port(), place / "files", place / "admin"
    for directory in (root, admin):
        directory.mkdir(parents=True)
    config = place / "xrootd.cf"
    lines = ["all.export /", f"oss.localroot {root}", f"all.adminpath {admin}", f"all.pidpath {admin}", *settings]
    config.write_text("".join(f"{line}\n" for line in lines))
    command = [_found("xrootd"), "-p", str(port), "-n", name.lower(), "-c", str(config), "-l", str(place / "log")]
    if os.geteuid() == 0:  # xrootd refuses to run as root
        command = [_found("unshare"), "--user", "--map-user=1000", "--kill-child", *command]
    process = _started(command, port)
    try:
        yield StorageElement(name, port, root, process)
    finally:
        process.kill()
        process.wait(60)


def _started(command: list[str], port: int) -> subprocess.Popen[bytes]:
    """Start xrootd and wait until it listens; start it again if it crashes, which it rarely does at its start."""
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", _TIED, str(os.getpid()), *command], stderr=subprocess.DEVNULL, start_new_session=True
        )
        if _listens(port, process):
            return process
        process.kill()
        process.wait(60)
    raise AssertionError(f"xrootd does not listen; its last exit code is {process.returncode}")


def _found(program: str) -> str:
    path = shutil.which(program)
    assert path, f"{program} is needed (Debian: apt install xrootd-server util-linux)"
    return path


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="session")
def se_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageElement]:
    with storage_element("ONE", tmp_path_factory.mktemp("one"), "xrootd.chksum max 2 md5") as element:
        yield element


@pytest.fixture(scope="session")
def se_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageElement]:
    with storage_element("TWO", tmp_path_factory.mktemp("two"), "xrootd.chksum max 2 adler32 md5") as element:
        yield element


@pytest.fixture(scope="session")
def se_bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageElement]:
    """A storage element without checksums."""
    with storage_element("BARE", tmp_path_factory.mktemp("bare")) as element:
        yield element


@pytest.fixture(scope="session")
def http_se(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StorageElement, int]]:
    port = free_port()
    with storage_element("WEB", tmp_path_factory.mktemp("web"), f"xrd.protocol http:{port} libXrdHttp.so") as element:
        yield element, port


def web(element: tuple[StorageElement, int], path: str, content: bytes) -> ReplicaUrl:
    element[0].put(path, content)
    return ReplicaUrl(f"http://127.0.0.1:{element[1]}/{path}", "", "WEB")


@pytest.fixture
def own_se(tmp_path: Path) -> Iterator[StorageElement]:
    """A storage element that a test may freeze or kill."""
    with storage_element("OWN", tmp_path / "se", "xrootd.chksum max 2 md5 adler32") as element:
        yield element


@pytest.fixture
async def workers() -> AsyncIterator[WorkerPool]:
    async with WorkerPool(environment=xrootd_environment()) as some:
        yield some


def xrootd_environment(**more: str) -> dict[str, str]:
    """The caller's environment, with a dead server detected after one second instead of thirty."""
    return {**os.environ, "XRD_CONNECTIONWINDOW": "1", "XRD_CONNECTIONRETRY": "1", **more}


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def download(
    target: Path, content: bytes, *sources: ReplicaUrl, id: int = 1, overwrite: Overwrite = "never"
) -> Download:
    return Download(id, sources, str(target), len(content), md5(content), overwrite, 0o022)


def upload(source: Path, *targets: ReplicaUrl) -> Upload:
    seen = source.stat()
    return Upload(1, str(source), targets, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def listing(*sources: ReplicaUrl) -> ListMembers:
    return ListMembers(1, sources)


def checksum(path: Path) -> Checksum:
    return Checksum(1, str(path))


def nothing(_: int) -> None:
    """Ignore the progress."""
