"""Replaces the daemon of an older version when it runs no command and no transfer.

A daemon sends its version at the end of each command, so the comparison costs no round trip. The queue is in the
database; the new daemon continues with it.
"""

import os
import time

from alienctl import CONTRACT, VERSION, ClientError, NoDaemonError
from alienctl.daemon import ownership
from alienctl.daemon.start import start
from alienctl.invocation import Invocation
from alienctl.local import wire_replies
from alienctl.terminal import print_error
from alienctl.transport import unary
from alienctl.wire_messages import MessageError, bytes_field, number_field

CONTRACT_MISMATCH = 76
"""Exit code if client and daemon speak different contracts (EX_PROTOCOL of sysexits.h)."""
_ANSWER_WAIT = 5.0
_END_WAIT = 10.0
"""Seconds to wait for an answer of the daemon, and for its end after `Stop`."""
_CLOSE_WAIT = 1.0
"""Seconds to wait until an older daemon notices that our connection is closed."""
_PAUSE = 0.02
_BETWEEN_TRIES = 60.0
_BETWEEN_REMINDERS = 3600.0
"""Seconds until the next attempt to replace a busy daemon, and until the next reminder."""


class _NeededError(Exception):
    """The daemon cannot be replaced now; the text is the reason."""


def after_command(invocation: Invocation, running: str) -> None:
    """Replace the daemon of version `running` (empty: before 0.2) if it is older than this client and idle.

    The command has ended before, so no failure here changes its exit code.
    """
    if not is_older(running, VERSION) or not invocation.autostart:
        return
    attempt = _Attempt(invocation.socket)
    if attempt.is_recent:
        return
    old = f"aliend {running}" if running else "an older aliend"
    try:
        replaced = _replace(invocation)
    except _NeededError as reason:
        attempt.note(f"{old} still runs: {reason}\nreplace it now with `alienctl daemon restart`; transfers continue")
    except NoDaemonError:
        return  # it has ended meanwhile; the next command starts another one
    except (ClientError, MessageError) as error:
        attempt.note(f"cannot replace {old} by {VERSION}: {error}")
    else:
        if is_older(replaced, VERSION):
            sentence = f"the daemon was restarted, but is still aliend {replaced}; {_ADVICE}"
            attempt.note(sentence, pause=_BETWEEN_REMINDERS)
        elif os.isatty(2):
            print_error(f"{old} was replaced by aliend {replaced}")


_ADVICE = "if systemd starts it, update its unit with `alienctl daemon install`"


def settle_contract(invocation: Invocation) -> bool:
    """Replace a daemon of an older contract; return True if the command can be sent again.

    False: the contracts are equal. Raises ClientError (76) if they differ and the daemon stays.
    """
    hello = _hello(invocation.socket)
    if hello.contract == CONTRACT:
        return False
    facts = (
        f"the running aliend {hello.version} (pid {hello.pid}) speaks contract {hello.contract}, "
        f"alienctl {VERSION} speaks contract {CONTRACT}"
    )
    if is_older(VERSION, hello.version):
        raise ClientError(f"{facts};\nuse the alienctl of that version, or update this one", CONTRACT_MISMATCH)
    advice = "replace the daemon with `alienctl daemon restart`; its transfers continue"
    if not is_older(hello.version, VERSION) or not invocation.autostart:
        raise ClientError(f"{facts};\n{advice}", CONTRACT_MISMATCH)
    try:
        replaced = _replace(invocation)
    except _NeededError as reason:
        raise ClientError(f"{facts};\n{reason}; {advice}", CONTRACT_MISMATCH) from None
    if _hello(invocation.socket).contract != CONTRACT:
        raise ClientError(f"{facts};\nafter a restart it is still aliend {replaced}; {_ADVICE}", CONTRACT_MISMATCH)
    return True


def is_older(version: str, other: str) -> bool:
    """Return whether `version` comes before `other`; an empty one comes before all."""
    return _key(version) < _key(other)


def _key(version: str) -> tuple[list[int], bool]:
    """Return the numbers of a release; a pre-release (`0.2.0.dev0`, `0.2.0rc1`) comes before it."""
    numbers: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if digits:
            numbers.append(int(digits))
        if digits != part:
            return numbers, False
    return numbers, True


def _replace(invocation: Invocation) -> str:
    """Stop the daemon if it is idle and start another one; return the new one's version."""
    hello = _hello(invocation.socket)
    if not is_older(hello.version, VERSION):
        return hello.version  # another client was quicker
    if not ownership.is_recorded(invocation, hello.pid):
        daemon = wire_replies.daemon_status(_call(invocation.socket, b"Status", b""))
        if not ownership.is_ours(invocation, daemon):
            raise _NeededError(f"its state is in {daemon.state_directory}, which another environment uses")
    if "stop-if-idle" in hello.capabilities:
        answer = wire_replies.stop_response(_call(invocation.socket, b"Stop", number_field(1, 1)))
        if answer.needed:
            raise _NeededError(_needs(answer.running_calls, answer.running_transfers))
    else:
        _check_idle(invocation.socket)
        _call(invocation.socket, b"Stop", b"")
    _wait_for_end(hello.pid)
    start(invocation)
    return _hello(invocation.socket).version


def _check_idle(path: str) -> None:
    """Raise _NeededError unless a daemon before 0.2, which does not report its work, is idle."""
    transfers = wire_replies.daemon_status(_call(path, b"Status", b"")).running_transfers
    deadline = time.monotonic() + _CLOSE_WAIT
    while calls := _connections(path):
        if time.monotonic() > deadline:
            break
        time.sleep(_PAUSE)
    if calls or transfers:
        raise _NeededError(_needs(calls, transfers))


def _connections(path: str) -> int:
    """Return how many connections a daemon has accepted, from /proc/net/unix; 1 if that is unreadable."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as table:
            rows = [line.split(None, 7) for line in table]
    except OSError:
        return 1
    connected = "03"  # SS_CONNECTED
    return sum(len(row) == 8 and row[7].rstrip("\n") == path and row[5] == connected for row in rows)


def _needs(calls: int, transfers: int) -> str:
    counts = ((calls, "command"), (transfers, "transfer"))
    running = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count]
    return f"it has {' and '.join(running)} in progress"


def _hello(path: str) -> wire_replies.Hello:
    return wire_replies.hello(_call(path, b"Hello", bytes_field(1, VERSION.encode()) + number_field(2, CONTRACT)))


def _call(path: str, method: bytes, request: bytes) -> bytes:
    """Call a method of the `Daemon` service. `Hello`, `Status` and `Stop` are the same in every contract."""
    return unary(path, b"/aliend.v1.DaemonService/" + method, request, _ANSWER_WAIT)


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + _END_WAIT
    while _is_alive(pid):
        if time.monotonic() > deadline:
            raise ClientError(f"aliend (pid {pid}) still runs {_END_WAIT:.0f} s after the request to stop", 1)
        time.sleep(_PAUSE)


def _is_alive(pid: int) -> bool:
    """Return whether the process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as facts:
            return facts.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class _Attempt:
    """The last failed attempt, stored in a file beside the socket so that not every command of a script retries."""

    def __init__(self, path: str) -> None:
        self._file = f"{path}.upgrade"
        self._until = self._said = 0.0
        try:
            with open(self._file, encoding="utf-8") as file:
                version, until, said = file.read().split()
                if version == VERSION:
                    self._until, self._said = float(until), float(said)
        except (OSError, ValueError):
            return

    @property
    def is_recent(self) -> bool:
        """Return whether a client of this version has tried recently."""
        return time.time() < self._until

    def note(self, sentence: str, pause: float = _BETWEEN_TRIES) -> None:
        """Allow the next attempt after `pause` seconds; print the message on a terminal, at most once an hour."""
        now = time.time()
        if os.isatty(2) and now - self._said > _BETWEEN_REMINDERS:
            print_error(sentence)
            self._said = now
        try:
            with open(self._file, "w", encoding="utf-8") as file:
                file.write(f"{VERSION} {now + pause} {self._said}")
        except OSError:
            return
