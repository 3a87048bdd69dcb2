"""What the tests of the typed calls share: a user with a daemon of their own, and obstacles that hold a call."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from grpc_status import rpc_status

from alienctl import api
from aliend.sandbox import control_client
from aliend.sandbox.layout import Layout
from aliend.v1 import contents_pb2 as con
from aliend.v1 import daemon_pb2, errors_pb2
from aliend.v1 import transfers_pb2 as tra
from tests.ccdb_server import Ccdb
from tests.harness import Grid, User, eventually, make_user

DATA = os.urandom(600_000)


@dataclass
class Ground:
    """A user's daemon with a file `F` in `folder`, its GUID, an ended transfer job, a paused one, and a grid job."""

    user: User
    grid: Grid
    client: api.Services
    ccdb: Ccdb
    folder: str = ""
    guid: str = ""
    job: int = 0
    paused: int = 0
    grid_job: int = 0
    used: int = 0
    held: list[Any] = field(default_factory=list)
    opened: ExitStack = field(default_factory=ExitStack)
    others: dict[str, Ground] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Return the LFN of the file."""
        return f"{self.folder}/F"

    def new(self) -> str:
        """Return a name that was not used before."""
        self.used += 1
        return f"{self.folder}/new{self.used}"

    def start(self, name: str, request: Any, timeout: float = 60.0) -> Any:  # noqa: ANN401 - messages and calls of gRPC
        """Start the call `Service.Method`; return a stream, or a future."""
        call = self._callable(name)
        return (call.future if hasattr(call, "future") else call)(request, timeout=timeout)

    def _callable(self, name: str) -> Any:  # noqa: ANN401 - a callable of gRPC
        service, _, method = name.partition(".")
        stub = getattr(self.client, "".join(f"_{c.lower()}" if c.isupper() else c for c in service)[1:][:-8])
        return getattr(stub, method)

    def call(self, name: str, request: Any, timeout: float = 60.0) -> list[Any]:  # noqa: ANN401 - any message
        """Return the answers of `Service.Method`."""
        answer = self.start(name, request, timeout)
        return [answer.result()] if hasattr(self._callable(name), "future") else list(answer)

    def one(self, name: str, request: Any) -> Any:  # noqa: ANN401 - any message
        """Return the only answer of `Service.Method`."""
        (answer,) = self.call(name, request)
        return answer

    def hold(self, name: str, request: Any) -> Any:  # noqa: ANN401 - any message and call
        """Start a call that does not end, and wait until the daemon works on it; `until_idle` cancels it."""
        self.held.append(self.start(name, request))
        eventually(self.running_calls, 30.0)
        return self.held[-1]

    def until_idle(self) -> None:
        """Wait until the daemon works on no call and no command hangs at the service."""
        while self.held:
            self.held.pop().cancel()
        eventually(lambda: not self.running_calls() and not self.hanging(), 30.0)

    def administrator(self) -> Ground:
        """Return the ground of an administrator of the grid, with a daemon of their own."""
        if "admin" not in self.others:
            layout = Layout(self.grid.directory)
            user = self.opened.enter_context(contextmanager(make_user)(self.grid.exports))
            for kind, name in (("X509_USER", "user-admin"), ("JALIEN_TOKEN", "token-admin")):
                user.variables[f"{kind}_CERT"] = str(layout.certificate(name))
                user.variables[f"{kind}_KEY"] = str(layout.key(name))
            client = api.Services(self.opened.enter_context(channel_to(user)))
            self.others["admin"] = Ground(user, self.grid, client, self.ccdb)
        return self.others["admin"]

    def running_calls(self) -> int:
        """Return the number of calls that the daemon works on."""
        return int(self.client.daemon.Status(daemon_pb2.StatusRequest()).running_calls)

    def state_directory(self) -> Path:
        """Return the daemon's directory."""
        return Path(self.client.daemon.Status(daemon_pb2.StatusRequest()).state_directory)

    def control(self, do: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the request
        """Send a request to the grid from this process."""
        return control_client.send_request(Layout(self.grid.directory), {"do": do, **more})

    def hanging(self) -> int:
        """Return the number of commands that hang at the central service while their client waits."""
        return int(self.control("stats")["hanging"])

    def configure(self, text: str = "") -> None:
        """Write the configuration; without a text that of the stand-ins for web services."""
        place = self.user.home / ".config" / "aliend"
        place.mkdir(parents=True, exist_ok=True)
        host = self.ccdb.address
        usual = f'[ccdb]\nhost = "{host}"\n[monitor]\nhost = "{host}"\n'
        (place / "config.toml").write_text(text or usual, encoding="utf-8")

    def submit(self, **fields: Any) -> tra.Job:  # noqa: ANN401 - fields of the request
        """Submit a download of the file."""
        self.used += 1
        name = f"job{self.used}"
        request = {"request_id": name, "sources": [self.file], "target": f"file:{self.user.home}/{name}", **fields}
        job: tra.Job = self.one("TransfersService.SubmitJob", tra.SubmitJobRequest(**request)).job
        return job

    @contextmanager
    def no_answers(self) -> Iterator[None]:
        """Let every command of the central service hang."""
        self.control("fault", kind="hang", times=0)
        try:
            yield
        finally:
            self.control("clear")

    @contextmanager
    def no_storage(self) -> Iterator[None]:
        """Suspend the storage elements."""
        for name in ("SE1", "SE2"):
            self.control("fault", kind="freeze", element=name)
        try:
            yield
        finally:
            self.control("clear")

    @contextmanager
    def no_service(self) -> Iterator[None]:
        """Suspend the central service."""
        pid = int(Layout(self.grid.directory).lock.read_text(encoding="utf-8"))
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def silent_web(self) -> Iterator[None]:
        """Let the web services accept connections and send nothing."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            host = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self.configure(f'[ccdb]\nhost = "{host}"\n[monitor]\nhost = "{host}"\n')
            try:
                yield
            finally:
                self.configure()


class FullPort:
    """A port of this machine that answers no further connection: its queue is full."""

    def __init__(self) -> None:
        self._open = ExitStack()
        listener = self._open.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        self.number = int(listener.getsockname()[1])
        for _ in range(3):
            waiting = self._open.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())

    def close(self) -> None:
        """Free the port."""
        self._open.close()


def parts(lfn: str, data: bytes = DATA, **more: Any) -> Iterator[con.WriteRequest]:  # noqa: ANN401 - fields
    """Yield the messages that store `data` as `lfn`."""
    yield con.WriteRequest(
        start=con.WriteStart(**{"request_id": f"write {lfn}", "lfn": lfn, "size": len(data), **more})
    )
    for start in range(0, len(data), 200_000):
        yield con.WriteRequest(data=data[start : start + 200_000])


def own_credentials(user: User) -> None:
    """Give the user a certificate in files of their own, and names for a token that does not exist yet."""
    for name, kind in (("X509_USER_CERT", "cert"), ("X509_USER_KEY", "key")):
        copy = user.home / f"{kind}.pem"
        shutil.copy(user.variables[name], copy)
        copy.chmod(0o600)
        user.variables[name] = str(copy)
        user.variables[f"JALIEN_TOKEN_{kind.upper()}"] = str(user.home / f"token-{kind}.pem")


def encrypt_key(ground: Ground) -> None:
    """Give the user's key a passphrase."""
    key = ground.user.home / "key.pem"
    encrypt = ["openssl", "rsa", "-aes256", "-passout", "pass:right", "-in", str(key), "-out", f"{key}.new"]
    subprocess.run(encrypt, check=True, capture_output=True)
    Path(f"{key}.new").chmod(0o600)
    Path(f"{key}.new").replace(key)


def decrypt_key(ground: Ground) -> None:
    """Remove the passphrase."""
    key = ground.user.home / "key.pem"
    subprocess.run(
        ["openssl", "rsa", "-passin", "pass:right", "-in", str(key), "-out", f"{key}.new"],
        check=True,
        capture_output=True,
    )
    Path(f"{key}.new").chmod(0o600)
    Path(f"{key}.new").replace(key)


def channel_to(user: User) -> grpc.Channel:
    """Return a channel to the user's daemon, which is started."""
    socket_path = user.must("daemon", "socket", "--start")
    return grpc.insecure_channel(f"unix:{socket_path}", options=[("grpc.enable_http_proxy", 0)])


def is_locked(key: Path) -> bool:
    """Return whether a key has a passphrase."""
    return "ENCRYPTED" in key.read_text(encoding="ascii")


def info_of(error: grpc.RpcError) -> errors_pb2.ErrorInfo:
    """Return the `ErrorInfo` of a failed call."""
    status = rpc_status.from_call(error)
    info = errors_pb2.ErrorInfo()
    assert status is not None, error
    assert status.details[0].Unpack(info)
    return info
