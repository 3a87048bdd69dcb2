"""Runs a storage element: one `xrootd` process on loopback, with its own directory."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aliend.sandbox.errors import SandboxError
from aliend.sandbox.storage import full_disk
from aliend.sandbox.storage.xrootd_program import XRootD

log = logging.getLogger(__name__)

HOST = "localhost"
_CHECKSUMS = 64
"""More concurrent checksums than clients request. `xrootd` 5.5 loses some of those that wait for others, and answers
with a pause of 30 s when three times as many wait: 500 small uploads took 37 s or 5 s."""
_ATTEMPTS = 3
_START_LIMIT = 8.0
_STOP_LIMIT = 3.0
_WORKING_DIRECTORY = "/proc/self/cwd"
"""A short name of the storage element's directory, in which `xrootd` runs: the configuration has no quoting,
and `xrootd` changes the mode of every parent of `all.adminpath` that the user owns."""
_CONFIGURATION = """\
all.role server
all.export /
oss.localroot {here}/data
all.adminpath {here}/administration
all.pidpath {here}/administration
xrd.port {port}
xrd.allow host localhost
xrd.allow host 127.0.0.1
xrd.allow host [::1]
xrootd.chksum max {checksums} md5 adler32
"""
_THIRD_PARTY = "ofs.tpc autorm pgm {program} --server\n"
"""The copy program fetches files from other storage elements (third-party copies)."""


@dataclass(frozen=True, slots=True)
class ElementSetup:
    """The setup of a storage element: its name, and the directory with its files, configuration and log.

    With `is_full` all writes fail.
    """

    name: str
    directory: Path
    installation: XRootD
    port: int = 0
    is_full: bool = False

    @property
    def data(self) -> Path:
        """Return the directory of the files."""
        return self.directory / "data"


class XRootDServer:
    """One running storage element."""

    def __init__(self, setup: ElementSetup, port: int) -> None:
        self.setup = setup
        self.port = port
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Return the URL of the server."""
        return f"root://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Return the process id of its `xrootd`."""
        return self._running.pid

    @property
    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self._running.returncode is not None

    async def launch(self) -> None:
        """Start the process."""
        configuration, software = self.setup.directory / "xrootd.cfg", self.setup.installation
        for name in ("data", "administration"):
            (self.setup.directory / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        text = _CONFIGURATION.format(here=_WORKING_DIRECTORY, port=self.port, checksums=_CHECKSUMS)
        if software.copier:
            text += _THIRD_PARTY.format(program=software.copier)
        configuration.write_text(text, encoding="utf-8")
        with (self.setup.directory / "xrootd.log").open("wb") as log_file:
            self._process = await asyncio.create_subprocess_exec(
                *_as_ordinary_user(),
                # the kernel kills xrootd when this process ends; this must follow the change of user
                *("setpriv", "--pdeathsig", "KILL"),
                *((sys.executable, "-I", full_disk.__file__) if self.setup.is_full else ()),
                *(*software.command, "-c", str(configuration)),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                cwd=self.setup.directory,
            )

    async def wait_ended(self) -> int:
        """Wait until the process has ended and return its exit code."""
        return await self._running.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal, if it runs."""
        if not self.has_ended:
            self._running.send_signal(number)

    async def stop(self) -> None:
        """End the process with SIGTERM, after a time limit with SIGKILL."""
        self.signal(signal.SIGTERM)
        # a suspended process cannot end
        self.signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(_STOP_LIMIT):
                await self.wait_ended()
        except TimeoutError:
            self._running.kill()
            await self.wait_ended()

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "not launched"
        return self._process


async def start(setup: ElementSetup) -> XRootDServer:
    """Start a storage element on its port, or on a free port if that is in use. Raises SandboxError."""
    port = setup.port
    for _ in range(_ATTEMPTS):
        if not port or not _is_free(port):
            port = _free_port()
        storage = XRootDServer(setup, port)
        await storage.launch()
        if await _answers(storage):
            return storage
        await storage.stop()
        port = 0
    log_file = setup.directory / "xrootd.log"
    raise SandboxError(f"storage element {setup.name} does not start; see {log_file}")


async def start_all(setups: Sequence[ElementSetup]) -> list[XRootDServer]:
    """Start storage elements concurrently; if one fails, stop the others and raise its error."""
    outcomes = await asyncio.gather(*(start(place) for place in setups), return_exceptions=True)
    started = [outcome for outcome in outcomes if isinstance(outcome, XRootDServer)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if failures:
        await asyncio.gather(*(storage.stop() for storage in started))
        raise failures[0]
    return started


def _as_ordinary_user() -> tuple[str, ...]:
    """Return a prefix that runs `xrootd`, which refuses root, as another user of a new user namespace."""
    return ("unshare", "--user", "--map-user=1000") if os.geteuid() == 0 else ()


async def _answers(storage: XRootDServer) -> bool:
    end = asyncio.get_running_loop().time() + _START_LIMIT
    while not storage.has_ended and asyncio.get_running_loop().time() < end:
        try:
            _, writer = await asyncio.open_connection(HOST, storage.port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return await _is_ours(storage)
    return False


async def _is_ours(storage: XRootDServer) -> bool:
    """Return whether our process answers: if another process had the port, ours would have ended."""
    try:
        async with asyncio.timeout(0.1):
            await storage.wait_ended()
    except TimeoutError:
        return True
    return False


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("::", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket(socket.AF_INET) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
