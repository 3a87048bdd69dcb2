"""The daemon's socket: its path, the check of its owner, and the transport of one call.

The daemon uses the same rules for the path: `$ALIEND_SOCKET`, else `$XDG_RUNTIME_DIR/aliend/PROFILE.sock`, else below
`/run/user/UID`, else `/tmp/aliend-UID`. `alienctl/grpc_call.py` interprets the bytes.
"""

import _socket
import os
import sys

from alienctl import ClientError, NoDaemonError, UnsafeSocketError
from alienctl.grpc_call import UNIMPLEMENTED, Call, RpcProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PATH_LIMIT = 107
"""Bytes of a unix socket's path (`sun_path`, without its end)."""
_CHUNK = 1 << 18
_UCRED_SIZE = 12
"""Bytes of a `struct ucred`: process, user and group, 4 bytes each (unix(7), SO_PEERCRED)."""
_RECEIVE_TIMEOUT = (0).to_bytes(8, sys.byteorder) + (250_000).to_bytes(8, sys.byteorder)
"""Seconds and microseconds after which a wait restarts, so that the Python handler of a signal that arrived just before
the wait runs soon, and not only when the daemon sends something."""
_DIRECTORY, _TYPE = 0o040000, 0o170000
_DAEMON_SERVICE, _DAEMON_SERVICE_1 = b"/aliend.v1.DaemonService/", b"/aliend.v1.Daemon/"
_EINVAL, _EPROTO, _ENOENT, _EAGAIN, _ENOTCONN, _ECONNREFUSED = 22, 71, 2, 11, 107, 111


def socket_path(profile: str, environment: "Mapping[bytes, bytes]") -> str:
    """Return the socket of a profile's daemon. Raises ClientError when the path is too long for a socket."""
    path = os.fsdecode(environment.get(b"ALIEND_SOCKET", b""))
    if not path:
        uid = os.getuid()
        places = (os.fsdecode(environment.get(b"XDG_RUNTIME_DIR", b"")), f"/run/user/{uid}")
        ours = next((place for place in places if place[:1] == "/" and _is_our_directory(place)), "")
        path = f"{ours}/aliend/{profile}.sock" if ours else f"{own_directory(f'/tmp/aliend-{uid}')}/{profile}.sock"
    if len(os.fsencode(path)) > _PATH_LIMIT:
        sentence = f"the socket path {path} is longer than {_PATH_LIMIT} bytes; set ALIEND_SOCKET to a shorter one"
        raise ClientError(sentence, _EINVAL)
    return path


def own_directory(usual: str) -> str:
    """Return the usual directory, or its substitute if another user created it (see `aliend.temporary_directories`).

    The substitute is created if none exists, and stays in use after that user has removed the usual name.
    """
    if _is_private(usual):
        return usual
    if not (found := _substitutes(usual)):
        if not os.path.lexists(usual):
            return usual
        try:
            _create_substitute(usual)
        except OSError:
            return usual
        found = _substitutes(usual)
    return found[0] if found else usual


def _create_substitute(usual: str) -> None:
    """Create a substitute, in turns with other processes: see `aliend.temporary_directories`."""
    import fcntl  # rarely needed, and every command imports this module
    import time

    descriptor = os.open(usual.rpartition("/")[0], os.O_RDONLY)
    try:
        for _ in range(100):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.01)
        if not _substitutes(usual):
            os.mkdir(f"{usual}-{os.urandom(8).hex()}", 0o700)
    finally:
        os.close(descriptor)


def _substitutes(usual: str) -> list[str]:
    base, _, name = usual.rpartition("/")
    try:
        places = [f"{base}/{found}" for found in os.listdir(base) if _is_form(found, name)]
    except OSError:
        return []
    return sorted(place for place in places if _is_private(place, exactly=True))


def _is_form(found: str, name: str) -> bool:
    start, _, end = found.rpartition("-")
    return start == name and len(end) == 16 and all(sign in "0123456789abcdef" for sign in end)


def _is_private(path: str, *, exactly: bool = False) -> bool:
    """Return whether it is a directory of ours that only we can write; with `exactly`, whether its mode is 0700."""
    try:
        facts = os.lstat(path)
    except OSError:
        return False
    is_ours = facts.st_mode & _TYPE == _DIRECTORY and facts.st_uid == os.getuid()
    return is_ours and (facts.st_mode & 0o7777 == 0o700 if exactly else not facts.st_mode & 0o022)


def _is_our_directory(path: str) -> bool:
    try:
        facts = os.stat(path)
    except OSError:
        return False
    return facts.st_mode & _TYPE == _DIRECTORY and facts.st_uid == os.getuid()


def check_directory(path: str) -> None:
    """Refuse a socket in a directory that another user owns or can access.

    Raises UnsafeSocketError with the reason, NoDaemonError if the directory does not exist.
    """
    directory = path.rpartition("/")[0] or "."
    try:
        facts = os.lstat(directory)
    except FileNotFoundError:
        raise NoDaemonError(f"no daemon runs: {path} does not exist", 107) from None
    except OSError as error:
        raise ClientError(f"cannot examine the socket directory {directory}: {error.strerror}", _EINVAL) from None
    if facts.st_mode & _TYPE != _DIRECTORY:
        reason = "it is a link or not a directory"
    elif facts.st_uid != os.getuid():
        reason = f"it belongs to the user with id {facts.st_uid}"
    elif facts.st_mode & 0o777 != 0o700:
        reason = f"its mode is {facts.st_mode & 0o777:04o}, not 0700 (run `chmod 700 {directory}`)"
    else:
        return
    sentence = f"the socket directory {directory} is not safe: {reason}; ALIEND_SOCKET can select another socket"
    raise UnsafeSocketError(sentence, _EINVAL)


def peer_of(connection: "_socket.socket") -> tuple[int, int]:
    """Return process id (0: in another PID namespace) and user id of the listening process."""
    facts = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _UCRED_SIZE)
    return int.from_bytes(facts[:4], sys.byteorder), int.from_bytes(facts[4:8], sys.byteorder)


def unresponsive(pid: int, profile: str) -> ClientError:
    """Return the error for a daemon that runs but does not respond."""
    chosen = "" if profile == "default" else f"--profile {profile} "
    sentence = (
        f"aliend (pid {pid or 'unknown'}) does not respond\n"
        f"try again later, or end it with `alienctl {chosen}daemon stop --force`; its transfers continue after that"
    )
    return ClientError(sentence, _ENOTCONN)


def profile_of(path: str) -> str:
    """Return the profile whose daemon listens at `path`, from the file name."""
    return path.rpartition("/")[2].removesuffix(".sock")


class Connection:
    """A connection that carries one call.

    Raises NoDaemonError if no process listens, ClientError if the socket is unsafe or cannot be used.
    """

    def __init__(self, path: str, call: Call) -> None:
        check_directory(path)
        self.path = path
        self.call = call
        self.timed_out = False
        self.on_silence: Callable[[int], None] | None = None
        """Called during an unlimited wait with the number of quarters of a second since the last reply."""
        self._silence = 0
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, _RECEIVE_TIMEOUT)
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, _RECEIVE_TIMEOUT)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            if error.errno in (_ENOENT, _ECONNREFUSED):
                raise NoDaemonError(f"no daemon runs: no process listens on {path}", 107) from None
            if error.errno == _EAGAIN:  # the listen queue is full
                raise unresponsive(0, profile_of(path)) from None
            raise ClientError(
                f"cannot connect to the daemon's socket {path}: {error.strerror}", error.errno or 1
            ) from None
        if (user := peer_of(self._socket)[1]) != os.getuid():  # the directory was replaced after the check
            self._socket.close()
            raise UnsafeSocketError(f"the user with id {user} listens on {path}; nothing was sent to it", _EINVAL)

    def fileno(self) -> int:
        """Return the descriptor for `poll`."""
        return self._socket.fileno()

    @property
    def pid(self) -> int:
        """Process id of the daemon; 0 if it runs in another PID namespace."""
        return peer_of(self._socket)[0]

    def flush(self) -> None:
        """Send the pending output of the call. The next `read` reports a broken connection."""
        output = self.call.take_output()
        while output:
            try:
                output = output[self._socket.send(output) :]
            except BlockingIOError:
                self.count_silence()
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                return

    def read(self) -> bytes:
        """Wait for bytes; empty when the connection has ended, or after the time of `limit_waiting`."""
        while True:
            try:
                received = self._socket.recv(_CHUNK)
            except BlockingIOError:
                self.count_silence()  # and let the interpreter run signal handlers, see _RECEIVE_TIMEOUT
            except TimeoutError:
                self.timed_out = True
                return b""
            except ConnectionResetError:
                return b""
            else:
                self._silence = 0
                return received

    def count_silence(self) -> None:
        """Record a quarter of a second without a reply."""
        self._silence += 1
        if self.on_silence:
            self.on_silence(self._silence)

    def feed(self, data: bytes) -> list[bytes]:
        """Pass bytes to the call, send its output, return complete messages. Raises ClientError."""
        if not data:
            self.call.connection_lost()
            return []
        try:
            messages = self.call.receive(data)
        except RpcProtocolError as error:
            raise ClientError(f"the process that listens on {self.path} is not aliend: {error}", _EPROTO) from None
        self.flush()
        return messages

    def limit_waiting(self, seconds: float) -> None:
        """Limit every later `read` to this time."""
        self._socket.settimeout(seconds)

    def close(self) -> None:
        """Close the socket; the server sees a call that has not ended as cancelled."""
        self._socket.close()


def unary(path: str, method: bytes, request: bytes, seconds: float) -> bytes:
    """Make a unary call to `method` (`/package.Service/Method`); each wait for bytes is at most `seconds`.

    A daemon of contract 1 gets the call under the name that its service had. Raises NoDaemonError if no process
    listens, ClientError for any status other than OK.
    """
    call = Call(method)
    call.send_message(request)
    call.close_sending()
    connection = Connection(path, call)
    pid = connection.pid
    messages: list[bytes] = []
    try:
        connection.limit_waiting(seconds)
        connection.flush()
        while not call.ended:
            messages += connection.feed(connection.read())
    finally:
        connection.close()
    if connection.timed_out:
        raise unresponsive(pid, profile_of(path))
    if call.status == UNIMPLEMENTED and method.startswith(_DAEMON_SERVICE):
        return unary(path, _DAEMON_SERVICE_1 + method.removeprefix(_DAEMON_SERVICE), request, seconds)
    if call.status or len(messages) != 1:
        raise ClientError(f"the daemon did not answer {method.decode()}: {call.message}", 107 if call.lost else 1)
    return messages[0]
