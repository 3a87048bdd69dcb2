"""Starts, stops and locates the background server, from the process of the command line."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import site
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aliend
from aliend.sandbox import grid_size
from aliend.sandbox.errors import SandboxError
from aliend.sandbox.layout import READY, USERS, Layout, previous_state
from aliend.sandbox.storage import xrootd_program

_START_LIMIT = 30.0
_FILES_PER_SECOND = 2_000
"""Number of catalogue entries that even a slow machine creates per second during the start."""
_STOP_LIMIT = 8.0
_LOCK_LIMIT = 60.0
_FOREIGN_PREFIXES = ("PYTHON", "LD_")
"""Prefixes of the variables that select another Python or other libraries."""


@contextlib.contextmanager
def control_lock(layout: Layout) -> Iterator[None]:
    """Exclude other `up`, `down` and `reset` commands. Raises SandboxError if the directory is unusable."""
    try:
        layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = layout.root.stat()
        if status.st_uid != os.geteuid():
            raise SandboxError(f"{layout.root} belongs to another user; set XDG_STATE_HOME to a directory of yours")
        layout.root.chmod(0o700)
        layout.logs.mkdir(mode=0o700, exist_ok=True)
        lock = layout.control_lock.open("a", encoding="utf-8")
    except OSError as error:
        raise SandboxError(f"cannot store the sandbox grid in {layout.root}: {error}") from error
    with lock:
        _wait_for(lambda: _try_lock(lock.fileno()), _LOCK_LIMIT, "another `alienctl sandbox` command is still running")
        yield


def server_pid(layout: Layout) -> int | None:
    """Return the process id of the running server, which holds the lock; None if no server runs."""
    try:
        with layout.lock.open("r", encoding="utf-8") as lock:
            if _try_lock(lock.fileno(), fcntl.LOCK_SH):
                return None
            return int(lock.read() or 0) or None
    except (FileNotFoundError, ValueError):
        return None


def start(layout: Layout) -> dict[str, Any]:
    """Start the server, wait until it is ready, and return its state. Raises SandboxError."""
    xrootd_program.require(layout, os.environ)
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as answer:
        try:
            server = _spawn(layout, writer)
        finally:
            os.close(writer)
        try:
            limit = _START_LIMIT + grid_size.load(layout).files / _FILES_PER_SECOND
            reason = _read_answer(answer.fileno(), limit)
        except BaseException:
            _terminate(server.pid, server.poll)
            raise
        if reason != READY:
            _terminate(server.pid, server.poll)
            raise SandboxError(reason or f"the sandbox grid ended during its start; see {_log_file(layout)}")
    server.returncode = 0  # the server is independent from here on; this process does not wait for it
    return previous_state(layout)


def stop(layout: Layout) -> bool:
    """Stop the server and its processes; return false if no server ran. Raises SandboxError."""
    pid = server_pid(layout)
    if pid is None:
        return False
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    with os.fdopen(handle, "rb", buffering=0):
        if server_pid(layout) != pid:
            return False
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not select.select([handle], [], [], _STOP_LIMIT)[0]:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], _STOP_LIMIT)
    _wait_for(lambda: server_pid(layout) is None, _STOP_LIMIT, "the sandbox grid did not stop")
    return True


def wipe(layout: Layout) -> None:
    """Remove catalogue and storage; the next start recreates them. Certificates, ports and sizes stay."""
    for suffix in ("", "-wal", "-shm"):
        layout.catalogue.with_name(layout.catalogue.name + suffix).unlink(missing_ok=True)
    shutil.rmtree(layout.storage, ignore_errors=True)
    layout.settings.unlink(missing_ok=True)


def exports(layout: Layout, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that make commands use the sandbox grid."""
    state, user = previous_state(layout), USERS[0]
    variables = {
        "ALIEN_PROFILE": "sandbox",
        "ALIENPY_JCENTRAL": state["host"],
        "ALIENPY_JCENTRAL_PORT": str(state["port"]),
        "X509_CERT_DIR": str(layout.authorities),
        "X509_USER_CERT": str(layout.certificate(f"user-{user}")),
        "X509_USER_KEY": str(layout.key(f"user-{user}")),
        "JALIEN_TOKEN_CERT": str(layout.certificate(f"token-{user}")),
        "JALIEN_TOKEN_KEY": str(layout.key(f"token-{user}")),
    }
    if environment.get("XDG_STATE_HOME"):
        variables["XDG_STATE_HOME"] = environment["XDG_STATE_HOME"]
    return variables


def _spawn(layout: Layout, ready: int) -> subprocess.Popen[bytes]:
    with _log_file(layout).open("ab") as log_file:
        return subprocess.Popen(
            [*_isolated_command("aliend.sandbox"), "serve", str(layout.root), str(ready)],
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            cwd="/",
            env=_clean_environment(),
            start_new_session=True,
            pass_fds=(ready,),
        )


def _clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN_PREFIXES)}
    if libraries := os.environ.get("ALIEND_LIBRARY_PATH"):
        kept["LD_LIBRARY_PATH"] = libraries
    return kept


def _isolated_command(module: str) -> tuple[str, ...]:
    """Return the command that runs a module independently of PYTHONHOME and PYTHONPATH."""
    root = str(Path(aliend.__file__).parent.parent)
    if root in site.getsitepackages():
        return (sys.executable, "-I", "-m", module)
    code = f"import runpy, sys; sys.path.insert(0, {root!r}); runpy.run_module({module!r}, None, '__main__', True)"
    return (sys.executable, "-I", "-c", code)


def _log_file(layout: Layout) -> Path:
    return layout.logs / "server.log"


def _read_answer(descriptor: int, limit: float) -> str:
    end, text = time.monotonic() + limit, b""
    while not text.endswith(b"\n"):
        if not select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
            raise SandboxError(f"the sandbox grid did not start within {limit:.0f} s")
        more = os.read(descriptor, 65536)
        if not more:
            break
        text += more
    return text.decode().strip()


def _terminate(pid: int, poll: Callable[[], int | None]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(SandboxError):
        _wait_for(lambda: poll() is not None, _STOP_LIMIT, "it did not stop")
    if poll() is None:
        os.kill(pid, signal.SIGKILL)
        _wait_for(lambda: poll() is not None, _STOP_LIMIT, "it did not stop")


def _try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for(condition: Callable[[], bool], limit: float, message: str) -> None:
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise SandboxError(message)
        time.sleep(0.02)
