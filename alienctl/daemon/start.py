"""Starts the daemon of a profile and waits until it answers, or brings back its reason.

That there is only one daemon, however many clients start one at once, is left to the daemon's lock: one that finds the
lock taken ends with 0, and the client goes on waiting for the other.
"""

import _socket
import os
import select
import shutil
import subprocess
import time

from alienctl import ClientError
from alienctl.invocation import Invocation
from alienctl.local import interpreter
from alienctl.transport import check_directory

_PATIENCE = 15.0
"""Seconds until we no longer believe that a daemon will answer."""
_PAUSE = 0.02
_REASON_LIMIT = 8192
_UNIT = "aliend.service"


def start(invocation: Invocation) -> None:
    """Start the daemon; return when its socket accepts connections. Raises ClientError with the daemon's reason."""
    if _unit_is_enabled(invocation):
        _start_unit()
        _wait(invocation, None)
        return
    child = subprocess.Popen(
        [*interpreter.command("aliend"), "--profile", invocation.profile],
        cwd="/",
        env=interpreter.clean(invocation.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    _wait(invocation, child)


def answers(path: str) -> bool:
    """Whether somebody accepts connections on the socket. Raises ClientError when it must not be used."""
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        probe.connect(path)
    except OSError:
        return False
    finally:
        probe.close()
    check_directory(path)
    return True


def _wait(invocation: Invocation, child: "subprocess.Popen[bytes] | None") -> None:
    deadline = time.monotonic() + _PATIENCE
    reason = _Reason(child)
    while not answers(invocation.socket):
        ended = reason.listen(_PAUSE)
        if ended:
            raise ClientError(f"the daemon could not be started: {reason.text}", ended if 0 < ended < 256 else 1)
        if time.monotonic() > deadline:
            words = f"the daemon does not answer on {invocation.socket} after {_PATIENCE:.0f} s"
            raise ClientError(f"{words}: {reason.text}" if reason.text else words, 107)
    reason.close()


class _Reason:
    """What the started daemon says on its standard error before it serves, and how it ended."""

    def __init__(self, child: "subprocess.Popen[bytes] | None") -> None:
        self._child = child
        self._pipe = child.stderr if child else None
        self._said = b""

    @property
    def text(self) -> str:
        """What the daemon said, without its name before it."""
        said = self._said.decode("utf-8", "replace").strip()
        return said.removeprefix("aliend: ") or (f"it ended with {self._child.returncode}" if self._child else "")

    def listen(self, seconds: float) -> int:
        """Listen for a moment; return the exit status once the daemon has failed, else 0."""
        if not self._pipe or not select.select([self._pipe], [], [], seconds)[0]:
            if not self._pipe:
                time.sleep(seconds)
            return self._child.poll() or 0 if self._child else 0
        said = os.read(self._pipe.fileno(), 4096)
        self._said = (self._said + said)[-_REASON_LIMIT:]
        if not said:
            self.close()
        return 0

    def close(self) -> None:
        """Listen no more."""
        if self._pipe:
            self._pipe.close()
            self._pipe = None


def _unit_is_enabled(invocation: Invocation) -> bool:
    environment = invocation.environment
    if invocation.profile != "default" or environment.get(b"ALIEND_SOCKET"):
        return False
    home = os.fsdecode(environment.get(b"HOME", b""))
    configuration = os.fsdecode(environment.get(b"XDG_CONFIG_HOME", b"")) or f"{home}/.config"
    runtime = os.fsdecode(environment.get(b"XDG_RUNTIME_DIR", b""))
    return (
        os.path.lexists(f"{configuration}/systemd/user/default.target.wants/{_UNIT}")
        and bool(runtime)
        and os.path.isdir(f"{runtime}/systemd")
        and shutil.which("systemctl") is not None
    )


def _start_unit() -> None:
    command = ["systemctl", "--user", "start", "aliend"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise ClientError(f"{' '.join(command)} did not end within {_PATIENCE:.0f} s", 107) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise ClientError(f"{' '.join(command)} failed: {said}", 107)
