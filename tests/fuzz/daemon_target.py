"""The target that sends requests to a real daemon: every rpc gets messages that are nearly valid, and garbage."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path

import grpc
from google.protobuf.descriptor import MethodDescriptor

from tests.fuzz import patched_daemon, rpc_inputs
from tests.fuzz.target import Target, must_be
from tests.harness import eventually, make_user

_LIMIT = 20.0
"""Seconds within which a call must be answered."""
_PATIENCE = 0.05
"""Seconds that a stream is read, and that a call may wait."""
_FAILED = ("Unexpected <class", "internal error", "Connection refused", "Socket closed")
"""In the text of a status: an error that nobody expected, or a daemon that ended."""


class _Daemon:
    """A daemon without a central service, perhaps with a seeded defect."""

    def __init__(self, socket_path: str, log: Path) -> None:
        self._socket = socket_path
        self._log = log
        self._read = 0
        self._channel = grpc.insecure_channel(f"unix:{socket_path}")

    def check(self, data: bytes) -> None:
        given = rpc_inputs.parse(data)
        if given.method is None:
            self._send(given.message)
            self._call(rpc_inputs.METHODS["Daemon/Hello"], b"")
        else:
            self._call(given.method, given.message)
        self._check_log()

    def _send(self, content: bytes) -> None:
        with closing(socket.socket(socket.AF_UNIX)) as raw, suppress(OSError):
            raw.settimeout(4 * _PATIENCE)
            raw.connect(self._socket)
            raw.sendall(content)
            raw.recv(4096)

    def _call(self, method: MethodDescriptor, message: bytes) -> None:
        path = f"/{method.containing_service.full_name}/{method.name}"
        try:
            if not method.server_streaming:
                limit = _PATIENCE if rpc_inputs.waits(method) else _LIMIT
                self._channel.unary_unary(path, bytes, bytes)(message, timeout=limit)
                return
            if method.client_streaming:
                call = self._channel.stream_stream(path, bytes, bytes)(iter([message]), timeout=_LIMIT)
            else:
                call = self._channel.unary_stream(path, bytes, bytes)(message, timeout=_LIMIT)
            ending = threading.Timer(_PATIENCE, call.cancel)
            ending.start()
            try:
                for _ in call:
                    pass
            finally:
                ending.cancel()
        except grpc.RpcError as error:
            code, text = error.code(), str(error.details())
            is_late = code is grpc.StatusCode.DEADLINE_EXCEEDED and not rpc_inputs.waits(method)
            failed = is_late or any(sign in text for sign in _FAILED)
            must_be(not failed, f"{path}: {code}: {text}")

    def _check_log(self) -> None:
        with suppress(FileNotFoundError), self._log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
            self._read += len(new)
            must_be(b"Traceback" not in new and b"internal error" not in new, f"in the log: {new[-2000:]!r}")


class _Place:
    """The daemon of this process; atheris calls `check` with nothing but the input."""

    daemon: _Daemon | None = None

    @classmethod
    def check(cls, data: bytes) -> None:
        assert cls.daemon
        cls.daemon.check(data)


@contextmanager
def _running(defect: str) -> Iterator[None]:
    variables = {"ALIENPY_JCENTRAL": "localhost", "ALIENPY_JCENTRAL_PORT": "9", "JALIEN_TOKEN_CERT": "/nonexistent"}
    with contextmanager(make_user)(variables) as user:
        command = [sys.executable, "-P", patched_daemon.__file__, defect, "--profile", "default"]
        process = subprocess.Popen(command, env=user.environment, cwd=user.home, stderr=subprocess.PIPE)
        try:
            path = user.home / "run/aliend/default.sock"
            eventually(path.exists, 30)
            _Place.daemon = _Daemon(str(path), Path(user.json("daemon", "status")["log_file"]))
            yield
            must_be(process.poll() is None, "the daemon ended")
        finally:
            process.terminate()
            process.communicate(timeout=20)


TARGETS = (
    Target(
        "grpc-daemon",
        _Place.check,
        {name: nullcontext for name in patched_daemon.DEFECTS if name},
        place=_running,
        change=rpc_inputs.change,
        examples=80,
        is_remote=True,
    ),
)
