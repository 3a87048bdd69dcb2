"""Finds the daemon of a profile that does not listen at the usual socket, and starts it if none runs.

The record in the state directory contains its socket (`alienctl/daemon/record.py`). The daemon's lock guarantees that
one daemon runs, even if many clients start one at the same time; a lock among clients avoids most of these starts.
"""

import _socket
import errno
import fcntl
import os
import select
import signal
import stat
import subprocess
import time
from contextlib import suppress

from alienctl import ClientError, NoDaemonError, UnsafeSocketError
from alienctl.daemon import record
from alienctl.daemon.directories import link_of, unit_of
from alienctl.daemon.process import open_process, shares_numbers
from alienctl.invocation import Invocation
from alienctl.local import interpreter
from alienctl.transport import check_directory, peer_of, socket_path, unary, unresponsive

_PATIENCE = 15.0
"""Seconds to wait for a daemon to answer, counted from its last start."""
_RESPONSE_LIMIT = 4.0
"""Seconds for a daemon that has lost its socket to bind again."""
_LOCK_LIMIT = 10.0
"""Seconds to wait for another client that is starting the daemon."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.2
_STARTS = 3
"""Maximum number of starts of a daemon that is killed, or that exits because of another one that then ends."""
_OUTPUT_LIMIT = 8192
_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
"""Opens a directory for use as `dir_fd`."""


def find(invocation: Invocation) -> str:
    """Return the socket of the running daemon and store it in `invocation.socket`; empty if none accepts connections.

    Raises ClientError if the usual socket is unsafe.
    """
    usual = socket_path(invocation.profile, invocation.environment)
    directory = record.state_directory(invocation.profile, invocation.environment)
    found = record.read(directory)
    place = found.socket if found else ""
    if place and place != usual and _is_ours(place, found) and record.is_held(directory):
        invocation.socket = place
    elif answers(usual):
        invocation.socket = place = usual
    else:
        place = ""
    return place


def ask(invocation: Invocation, method: bytes, request: bytes, seconds: float) -> bytes:
    """Make one unary call to the running daemon at any socket; never start one.

    Raises NoDaemonError if none runs, ClientError for any status other than OK.
    """
    try:
        return unary(invocation.socket, method, request, seconds)
    except (NoDaemonError, UnsafeSocketError):
        if not attach(invocation):
            raise
    return unary(invocation.socket, method, request, seconds)


def attach(invocation: Invocation) -> bool:
    """Find the running daemon, and make it bind a lost socket again; return False if none runs.

    Raises ClientError if it does not respond or is unreachable from this host or container.
    """
    return _Search(invocation).find_running()


def start(invocation: Invocation) -> None:
    """Find or start the daemon; return when it accepts connections. Raises ClientError with the daemon's message."""
    _Search(invocation).find_or_start()


def answers(path: str) -> bool:
    """Return whether a process accepts connections on the socket. Raises ClientError if it is unsafe."""
    if _peer(path)[1] < 0:
        return False
    check_directory(path)
    return True


def _peer(path: str) -> tuple[int, int]:
    """Return process and user id of the listener on a socket; -1 if none listens."""
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        probe.settimeout(_RESPONSE_LIMIT)
        probe.connect(path)
        return peer_of(probe)
    except OSError:
        return -1, -1
    finally:
        probe.close()


def _is_ours(path: str, running: "record.Record | None") -> bool:
    """Return whether the recorded daemon, of this user, listens on a socket."""
    pid, user = _peer(path)
    return running is not None and user == os.getuid() and (pid in (0, running.pid) or not shares_numbers(running))


class _Search:
    """Waits for the daemon of an invocation to accept connections."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._directory = record.state_directory(invocation.profile, invocation.environment)
        self._start_lock = _StartLock(self._directory)
        self._output: _StartOutput | None = None
        self._starts = 0
        self._deadline = time.monotonic() + _PATIENCE
        self._asked = 0.0
        """The time (monotonic seconds) of the request to bind the socket again; 0: not requested."""
        self._pause = _SHORTEST_PAUSE

    def find_running(self) -> bool:
        """Find the running daemon; return False if none runs. See `attach`."""
        while not find(self._invocation):
            if not record.is_held(self._directory):
                return bool(find(self._invocation))
            self._ask_to_bind()
            self._wait()
        return True

    def find_or_start(self) -> None:
        """Find the running daemon, or start one. See `start`."""
        try:
            while not find(self._invocation):
                if record.is_held(self._directory):
                    self._ask_to_bind()
                elif self._may_start():
                    self._start()
                self._wait()
        finally:
            self._start_lock.close()
            if self._output:
                self._output.close()

    def _may_start(self) -> bool:
        """Return whether this client should start the daemon: no other has done so in the meantime."""
        if self._output:
            return False
        if not self._start_lock.take():
            self._deadline = time.monotonic() + _PATIENCE  # somebody else starts one now
            return False
        return not find(self._invocation) and not record.is_held(self._directory)

    def _start(self) -> None:
        with suppress(NoDaemonError):
            check_directory(socket_path(self._invocation.profile, self._invocation.environment))
        self._starts += 1
        self._deadline = time.monotonic() + _PATIENCE
        if _unit_is_enabled(self._invocation):
            _start_unit(unit_of(self._invocation.profile))
            self._output = _StartOutput(None)
            return
        child = subprocess.Popen(
            [*interpreter.command("aliend"), "--profile", self._invocation.profile],
            cwd="/",
            env=interpreter.clean(self._invocation.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._output = _StartOutput(child)

    def _wait(self) -> None:
        """Wait for a moment. Raises ClientError if the daemon has failed or takes too long."""
        if self._output:
            ended = self._output.read(_SHORTEST_PAUSE)
            if ended is not None:
                self._handle_exit(self._output, ended)
        else:
            time.sleep(self._pause)
            self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)
        if time.monotonic() > self._deadline:
            if pid := record.lock_holder(self._directory):
                raise unresponsive(pid, self._invocation.profile)
            sentence = f"the daemon does not answer on {self._invocation.socket} after {_PATIENCE:.0f} s"
            text = self._output.text if self._output else ""
            raise ClientError(f"{sentence}: {text}" if text else sentence, 107)

    def _handle_exit(self, output: "_StartOutput", ended: int) -> None:
        """Handle the exit of our daemon: find the one that runs, restart a killed one, else raise its message."""
        is_tried_again = ended <= 0 and self._starts < _STARTS
        if is_tried_again or record.is_held(self._directory):
            self._output = None
            return
        raise ClientError(f"the daemon could not be started: {output.text}", ended if 0 < ended < 256 else 107)

    def _ask_to_bind(self) -> None:
        """Signal the holder of the lock, once, that its socket is missing. Raises ClientError."""
        found = record.read(self._directory)
        if not found or not found.socket:
            return  # it starts or stops
        if not self._asked:
            process = open_process(found)
            if process:
                with process:
                    process.send(signal.SIGUSR1)
                self._asked = time.monotonic()
        elif time.monotonic() > self._asked + _RESPONSE_LIMIT:
            raise unresponsive(record.lock_holder(self._directory) or found.pid, self._invocation.profile)


def _open_private(directory: str) -> int:
    """Return a descriptor of a directory, created with mode 0700 where it is missing.

    Below a sticky directory, where everybody may create names, no component may be a link or changeable by others.
    Raises OSError.
    """
    here, is_exposed = os.open("/", _PLACE), False
    try:
        for name in directory.strip("/").split("/"):
            is_exposed = is_exposed or bool(os.fstat(here).st_mode & stat.S_ISVTX)
            flags = _PLACE | (os.O_NOFOLLOW if is_exposed else 0)
            try:
                below = os.open(name, flags, dir_fd=here)
            except FileNotFoundError:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=here)
                below = os.open(name, _PLACE | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here, facts = below, os.fstat(below)
            if is_exposed and (facts.st_uid not in (0, os.getuid()) or facts.st_mode & 0o1002 == 0o002):
                raise PermissionError(errno.EPERM, f"{name} is open to other users")
    except BaseException:
        os.close(here)
        raise
    return here


class _StartLock:
    """The right to start the daemon: a lock among clients. If it is unavailable, every client starts one."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._descriptor = -1
        self._since = 0.0

    def take(self) -> bool:
        """Take the lock, or give up if another client has held it for too long."""
        try:
            if self._descriptor < 0:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                place = _open_private(self._directory)
                try:
                    self._descriptor = os.open("start.lock", flags, 0o600, dir_fd=place)
                finally:
                    os.close(place)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._since = self._since or time.monotonic()
            return time.monotonic() > self._since + _LOCK_LIMIT
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Release the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _StartOutput:
    """The standard error of the started daemon until it serves, and its exit status."""

    def __init__(self, child: "subprocess.Popen[bytes] | None") -> None:
        self._child = child
        self._pipe = child.stderr if child else None
        self._content = b""

    @property
    def text(self) -> str:
        """Return the daemon's message without the prefix `aliend:`."""
        said = self._content.decode("utf-8", "replace").strip()
        return said.removeprefix("aliend: ") or (
            f"it ended with {self._child.returncode}" if self._child and self._child.returncode else ""
        )

    def read(self, seconds: float) -> int | None:
        """Read for a moment; return the exit status once the daemon has ended, negative for a signal."""
        if not self._pipe or not select.select([self._pipe], [], [], seconds)[0]:
            if not self._pipe:
                time.sleep(seconds)
            return self._child.poll() if self._child else None
        said = os.read(self._pipe.fileno(), 4096)
        self._content = (self._content + said)[-_OUTPUT_LIMIT:]
        if not said:
            self.close()
        return None

    def close(self) -> None:
        """Stop reading."""
        if self._pipe:
            self._pipe.close()
            self._pipe = None


def _unit_is_enabled(invocation: Invocation) -> bool:
    environment = invocation.environment
    if environment.get(b"ALIEND_SOCKET"):
        return False
    runtime = os.fsdecode(environment.get(b"XDG_RUNTIME_DIR", b""))
    if not os.path.lexists(link_of(invocation)):
        return False
    from shutil import which  # slower than everything else here, and rarely needed

    return bool(runtime) and os.path.isdir(f"{runtime}/systemd") and which("systemctl") is not None


def _start_unit(unit: str) -> None:
    command = ["systemctl", "--user", "start", unit]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise ClientError(f"{' '.join(command)} did not end within {_PATIENCE:.0f} s", 107) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise ClientError(f"{' '.join(command)} failed: {said}", 107)
