"""The sandbox grid in use: start, requests over TLS, copies, stop, kill."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.harness import alive, clean_environment, eventually, sandbox

pytestmark = pytest.mark.xdist_group("sandbox")

HOME = "/alice/cern.ch/user/a/alice/"


@dataclass(frozen=True)
class Running:
    """A sandbox grid that is up; `root` is its XDG_STATE_HOME."""

    root: Path

    @property
    def directory(self) -> Path:
        return self.root / "aliend" / "sandbox-grid"

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(sandbox(self.root, "status", "--json").stdout)
        return document

    def context(self, name: str | None) -> ssl.SSLContext:
        context = ssl.create_default_context(capath=str(self.directory / "certificates"))
        if name is not None:
            credentials = self.directory / "credentials"
            context.load_cert_chain(credentials / f"{name}.pem", credentials / f"{name}.key.pem")
        return context

    def connect(self, name: str | None = "token-alice") -> connect:
        url = f"wss://localhost:{self.status()['port']}/websocket/json"
        return connect(url, ssl=self.context(name), proxy=None, max_size=None)


@asynccontextmanager
async def session(grid: Running, name: str = "token-alice") -> AsyncIterator[ClientConnection]:
    async with grid.connect(name) as connection:
        yield connection


async def ask(connection: ClientConnection, command: str, *options: str) -> dict[str, Any]:
    await connection.send(json.dumps({"command": command, "options": options}))
    reply: dict[str, Any] = json.loads(await connection.recv())
    return reply


def make_root() -> Path:
    return Path(tempfile.mkdtemp(prefix="sandbox", dir="/tmp"))


def processes(grid: Running) -> list[int]:
    status = grid.status()
    return [status["pid"], *(element["pid"] for element in status["elements"])]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    root = make_root()
    try:
        up = sandbox(root, "up")
        assert up.returncode == 0, up.stderr
        yield Running(root)
    finally:
        sandbox(root, "down")
        shutil.rmtree(root)


@pytest.fixture
def fresh() -> Iterator[Running]:
    root = make_root()
    try:
        yield Running(root)
    finally:
        sandbox(root, "down")
        shutil.rmtree(root)


def test_a_second_up_reports_a_running_grid(running: Running) -> None:
    done = sandbox(running.root, "up")
    assert done.returncode == 0
    assert "already" in done.stdout


def test_only_the_owner_may_enter_the_directory(running: Running) -> None:
    assert running.directory.stat().st_mode & 0o777 == 0o700
    keys = list((running.directory / "credentials").glob("*.key.pem"))
    assert len(keys) == 6
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}


def test_a_shell_evaluates_the_exports(running: Running) -> None:
    script = sandbox(running.root, "env").stdout
    done = subprocess.run(
        ["sh", "-ec", f'{script}\necho "$ALIEN_PROFILE $ALIENPY_JCENTRAL_PORT"; cat "$JALIEN_TOKEN_CERT"'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert done.startswith(f"sandbox {running.status()['port']}\n-----BEGIN CERTIFICATE-----")


def test_openssl_finds_the_authority_by_its_hashed_name(running: Running) -> None:
    if shutil.which("openssl") is None:
        context = running.context(None)
        assert context.cert_store_stats()["x509"] >= 0
        return
    directory = running.directory
    done = subprocess.run(
        ["openssl", "verify", "-CApath", str(directory / "certificates"), directory / "credentials/token-alice.pem"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_a_session_has_a_directory_and_a_user(running: Running) -> None:
    async with session(running) as connection:
        reply = await ask(connection, "pwd")
        assert reply["results"] == [{"pwd": HOME, "message": HOME}]
        assert reply["metadata"] == {"exitcode": "0", "error": "", "user": "alice", "currentdir": HOME}
        await ask(connection, "cd", "data")
        assert (await ask(connection, "pwd"))["metadata"]["currentdir"] == f"{HOME}data/"


@pytest.mark.parametrize("name", ["user-alice", "user-bob", "user-admin"])
async def test_a_certificate_identifies_its_owner(running: Running, name: str) -> None:
    async with session(running, name) as connection:
        assert (await ask(connection, "whoami"))["results"][0]["username"] == name.removeprefix("user-")


async def test_a_connection_requires_a_certificate(running: Running) -> None:
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        async with running.connect(None):
            pass


async def test_an_unknown_certificate_is_refused_with_401(running: Running, tmp_path: Path) -> None:
    certificate, key = stranger_certificate(running, tmp_path)
    context = running.context(None)
    context.load_cert_chain(certificate, key)
    url = f"wss://localhost:{running.status()['port']}/websocket/json"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, ssl=context, proxy=None):
            pass
    assert refused.value.response.status_code == 401


def stranger_certificate(grid: Running, directory: Path) -> tuple[Path, Path]:
    credentials = grid.directory / "credentials"
    authority = x509.load_pem_x509_certificate((credentials / "authority.pem").read_bytes())
    signer = serialization.load_pem_private_key((credentials / "authority.key.pem").read_bytes(), None)
    assert isinstance(signer, rsa.RSAPrivateKey)
    key = rsa.generate_private_key(65537, 2048)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mallory")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(authority.not_valid_before_utc)
        .not_valid_after(authority.not_valid_after_utc)
        .sign(signer, hashes.SHA256())
    )
    files = directory / "mallory.pem", directory / "mallory.key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.TraditionalOpenSSL
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return files


@pytest.mark.parametrize("text", ["notjson", ""])
async def test_a_message_that_is_not_json_is_refused(running: Running, text: str) -> None:
    async with session(running) as connection:
        await connection.send(text)
        reply = json.loads(await connection.recv())
        assert reply["metadata"]["exitcode"] == "22"
        assert reply["metadata"]["error"] == "Incoming JSON is not ok"
        assert (await ask(connection, "pwd"))["metadata"]["exitcode"] == "0"


@pytest.mark.parametrize(
    "text", ["[]", '"x"', "5", "null", "{}", '{"command":null}', '{"command":"pwd","options":"x"}',
             '{"command":"pwd","options":[null]}'],
)  # fmt: skip
async def test_json_of_the_wrong_structure_closes_the_connection(running: Running, text: str) -> None:
    async with session(running) as connection:
        await connection.send(text)
        with pytest.raises(ConnectionClosedError) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1002


async def test_large_replies_are_fragmented(running: Running) -> None:
    async with connect(
        f"wss://localhost:{running.status()['port']}/websocket/json",
        ssl=running.context("token-alice"),
        proxy=None,
        compression=None,
    ) as connection:
        await connection.send(json.dumps({"command": "find", "options": ["-f", HOME, "*"]}))
        pieces = [piece async for piece in connection.recv_streaming()]
    assert len(pieces) > 1
    assert max(len(piece) for piece in pieces) <= 8192
    assert json.loads("".join(str(piece) for piece in pieces))["metadata"]["exitcode"] == "0"


async def test_a_file_is_written_committed_once_and_read(running: Running, tmp_path: Path) -> None:
    lfn, local = f"{HOME}written.dat", tmp_path / "written.dat"
    local.write_bytes(os.urandom(100_000))
    md5 = hashlib.md5(local.read_bytes(), usedforsecurity=False).hexdigest()
    async with session(running) as connection:
        tickets = (await ask(connection, "access", "-s", "100000", "-m", md5, "write", lfn, "disk:2"))["results"]
        assert [ticket["se"] for ticket in tickets] == ["ALICE::SANDBOX::SE1", "ALICE::SANDBOX::SE2"]
        for ticket in tickets:
            xrdcp(str(local), f"{ticket['url']}?authz={ticket['envelope']}")
            words = (ticket["envelope"], "100000", lfn, "", "", "", "", "", md5)
            assert (await ask(connection, "commit", *words))["metadata"]["exitcode"] == "0"
            assert (await ask(connection, "commit", *words))["metadata"]["exitcode"] == "53"
        assert len((await ask(connection, "whereis", lfn))["results"]) == 2
        ticket = (await ask(connection, "access", "read", lfn))["results"][0]
        xrdcp(f"{ticket['url']}?authz={ticket['envelope']}", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == local.read_bytes()
        copy = next((running.directory / "storage").glob(f"se1/data/*/*/{ticket['guid']}"))
        await ask(connection, "rm", lfn)
        eventually(lambda: not copy.exists())


async def test_the_initial_content_exists(running: Running, tmp_path: Path) -> None:
    lfn = f"{HOME}files/medium.dat"
    async with session(running) as connection:
        facts = (await ask(connection, "stat", lfn))["results"][0]
        content = hashlib.shake_128(lfn.encode()).digest(int(facts["size"]))
        assert facts["md5"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
        for ticket in (await ask(connection, "access", "read", lfn))["results"]:
            xrdcp(f"{ticket['url']}?authz={ticket['envelope']}", str(tmp_path / "copy"))
            assert (tmp_path / "copy").read_bytes() == content


def xrdcp(source: str, target: str) -> None:
    done = subprocess.run(
        ["xrdcp", "-f", "-N", source, target], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_storage_answers_checksum_queries(running: Running) -> None:
    lfn = f"{HOME}files/tiny.dat"
    async with session(running) as connection:
        md5 = (await ask(connection, "stat", lfn))["results"][0]["md5"]
        url = (await ask(connection, "access", "read", lfn))["results"][0]["url"]
    for kind, value in (("md5", md5), ("adler32", "")):
        assert checksum(url, kind).startswith(f"{kind} {value}")


def checksum(url: str, kind: str) -> str:
    host, _, path = url.removeprefix("root://").partition("/")
    words = ["xrdfs", f"root://{host}", "query", "checksum", f"{path}?cks.type={kind}"]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout


def test_down_and_up_keep_ports_and_files(fresh: Running) -> None:
    assert sandbox(fresh.root, "up").returncode == 0
    before, old = fresh.status(), processes(fresh)
    assert sandbox(fresh.root, "down").returncode == 0
    assert not any(alive(pid) for pid in old)
    assert "not up" in sandbox(fresh.root, "status").stdout
    assert sandbox(fresh.root, "up").returncode == 0
    after = fresh.status()
    assert after["port"] == before["port"]
    assert [e["port"] for e in after["elements"]] == [e["port"] for e in before["elements"]]


async def test_reset_restores_the_initial_state(fresh: Running) -> None:
    assert sandbox(fresh.root, "up").returncode == 0
    async with session(fresh) as connection:
        await ask(connection, "mkdir", "mine")
        await ask(connection, "rm", "-r", "data")
    assert sandbox(fresh.root, "reset").returncode == 0
    async with session(fresh) as connection:
        names = [result["name"] for result in (await ask(connection, "ls"))["results"]]
    assert names == ["archive", "data", "files"]


def test_a_killed_server_leaves_nothing_behind(fresh: Running) -> None:
    assert sandbox(fresh.root, "up").returncode == 0
    running = processes(fresh)
    os.kill(running[0], signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in running))
    assert sandbox(fresh.root, "status").returncode == 3
    assert sandbox(fresh.root, "up").returncode == 0


def test_a_killed_storage_element_is_restarted(fresh: Running) -> None:
    assert sandbox(fresh.root, "up").returncode == 0
    element = fresh.status()["elements"][0]
    os.kill(element["pid"], signal.SIGKILL)
    eventually(lambda: fresh.status()["elements"][0]["pid"] != element["pid"])
    done = subprocess.run(["xrdfs", element["url"], "stat", "/"], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["with blank $x 'quoted'", "long" * 40])
def test_unusual_directory_names_work(fresh: Running, name: str) -> None:
    strange = Running(fresh.root / name)
    try:
        up = sandbox(strange.root, "up")
        assert up.returncode == 0, up.stderr
        script = f'{sandbox(strange.root, "env").stdout}\nprintf %s "$XDG_STATE_HOME"'
        assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == str(
            strange.root
        )
    finally:
        assert sandbox(strange.root, "down").returncode == 0


def test_the_output_of_up_can_be_captured_by_a_shell(fresh: Running) -> None:
    environment = {**clean_environment(), "XDG_STATE_HOME": str(fresh.root)}
    script = f'x=$({sys.executable} -m aliend.sandbox up); echo "captured: $x"'
    done = subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "captured: the sandbox grid is up" in done.stdout


def test_a_port_in_use_is_replaced(fresh: Running) -> None:
    assert sandbox(fresh.root, "up").returncode == 0
    before = fresh.status()
    assert sandbox(fresh.root, "down").returncode == 0
    other = make_root()
    try:
        state = other / "aliend" / "sandbox-grid"
        state.mkdir(parents=True)
        (state / "state.json").write_text(json.dumps(before), encoding="utf-8")
        assert sandbox(other, "up").returncode == 0
        assert sandbox(fresh.root, "up").returncode == 0
        ports = {element["port"] for element in Running(other).status()["elements"]}
        assert ports.isdisjoint(element["port"] for element in fresh.status()["elements"])
        assert Running(other).status()["port"] != fresh.status()["port"]
    finally:
        sandbox(other, "down")
        shutil.rmtree(other)


def test_a_failed_up_leaves_nothing_running(fresh: Running) -> None:
    fresh.directory.mkdir(parents=True)
    (fresh.directory / "storage").write_text("in the way", encoding="utf-8")
    done = sandbox(fresh.root, "up")
    assert done.returncode == 1
    assert "storage" in done.stderr
    assert "not up" in sandbox(fresh.root, "status").stdout
