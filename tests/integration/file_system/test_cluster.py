"""Workers of a real Dask cluster read `alien://`: TLS, another HOME and TMPDIR, and no credential to be seen."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy
import pytest
import uproot
from distributed import Client, Event, Security

from alienctl.api.cluster import TicketServer, serve_tickets
from alienctl.api.errors import GridError, InvalidRequestError
from alienctl.api.services import Services
from alienctl.fsspec import AlienFileSystem
from aliend.storage.cluster import certificates
from aliend.v1 import storage_pb2
from tests.dask_cluster import DaskCluster, copying_pids, dask_cluster
from tests.harness import ROOT, Grid, User

pytestmark = [pytest.mark.xdist_group("fsspec"), pytest.mark.timeout(300)]

FILES, ENTRIES = 20, 1000
SECRETS = ("authz=", "BEGIN SEALED", "signature=", "turl=", "PRIVATE KEY")


@pytest.fixture(scope="module")
def cluster(analyst: User, grid: Grid, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """Two workers that see neither the user's directory nor that of the grid, where the credentials are."""
    with dask_cluster(tmp_path_factory.mktemp("dask"), analyst.home, grid.directory) as some:
        some.start_worker()
        some.start_worker()
        yield some


@pytest.fixture(scope="module")
def trees(base: str, analyst: User) -> str:
    """A directory of ROOT files: number n has the numbers from n on in its branch `x`."""
    local = analyst.home / "trees"
    local.mkdir()
    for number in range(FILES):
        with uproot.recreate(local / f"{number:03}.root") as file:
            file["tree"] = {"x": numpy.arange(number, number + ENTRIES)}
    analyst.must("cp", f"file:{local}/", f"{base}/trees/@disk:1")
    analyst.must("daemon", "restart")  # so that it has no process that can copy
    return f"{base}/trees"


@pytest.fixture(scope="module")
def client(cluster: DaskCluster) -> Iterator[Client]:
    names = ("tls_ca_file", "tls_client_cert", "tls_client_key")
    files = dict(zip(names, (cluster.settings.ca, cluster.settings.cert, cluster.settings.key), strict=True))
    with Client(cluster.settings.scheduler, security=Security(require_encryption=True, **files), timeout=120) as some:
        yield some


@pytest.fixture(scope="module")
def tickets(client: Client) -> Iterator[TicketServer]:
    with serve_tickets(client) as some:
        yield some


@pytest.fixture(scope="module")
def on_workers(tickets: TicketServer) -> AlienFileSystem:
    return AlienFileSystem(**tickets.options)


def content(files: AlienFileSystem, name: str, start: int, end: int | None) -> bytes:
    """Read a part of a file; a worker runs this."""
    data: bytes = files.cat_file(name, start, end)
    return data


def names_in(files: AlienFileSystem, directory: str) -> list[str]:
    names: list[str] = files.ls(directory, detail=False)
    return names


def write(files: AlienFileSystem, name: str) -> str:
    """Try to write; return the error."""
    try:
        files.pipe_file(name, b"x")
    except GridError as error:
        return str(error)
    return "written"


def missing(files: AlienFileSystem, name: str) -> str:
    """Try to read a file that does not exist; return the kind of the error."""
    try:
        files.cat_file(name)
    except OSError as error:
        return type(error).__name__
    return "read"


def test_the_example_adds_up_what_the_files_have(cluster: DaskCluster, analyst: User, trees: str) -> None:
    place = cluster.settings.scheduler, str(Path(cluster.settings.ca).parent)
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/python/cluster.py"), *place, trees],
        env={**analyst.environment, "PYTHONPATH": str(ROOT)},
        cwd=analyst.home,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    total = sum(ENTRIES * number + ENTRIES * (ENTRIES - 1) // 2 for number in range(FILES))
    assert done.stdout == f"{FILES} files, the sum of x is {total}\n", done.stderr


def test_the_bytes_come_from_the_storage_elements_and_not_through_the_daemon(
    client: Client, on_workers: AlienFileSystem, trees: str, files: AlienFileSystem, analyst: User
) -> None:
    names = client.submit(names_in, on_workers, trees).result(timeout=120)
    assert len(names) == FILES
    read = client.gather([client.submit(content, on_workers, name, 0, None) for name in names])
    parts = client.gather([client.submit(content, on_workers, name, 10, 90) for name in names])
    assert copying_pids(analyst.pid()) == []
    assert [whole[10:90] for whole in read] == parts
    assert read[7] == files.cat_file(names[7])


def test_no_ticket_is_in_logs_keys_events_or_values(
    client: Client, on_workers: AlienFileSystem, trees: str, cluster: DaskCluster, tmp_path: Path
) -> None:
    name = f"{trees}/001.root"
    future = client.submit(content, on_workers, name, 0, None, key=f"read {name}")
    future.result(timeout=120)
    client.dump_cluster_state(str(tmp_path / "state"), format="yaml")
    state = (tmp_path / "state.yaml").read_text(encoding="utf-8")
    assert name in state
    seen = [
        state,
        cluster.log.read_text(encoding="utf-8"),
        repr(on_workers),
        pickle.dumps(on_workers).decode("latin-1"),
    ]
    assert [secret for secret in SECRETS for text in seen if secret in text] == []


def test_workers_cannot_write(client: Client, on_workers: AlienFileSystem, base: str, files: AlienFileSystem) -> None:
    said = client.submit(write, on_workers, f"{base}/new.txt", pure=False).result(timeout=120)
    assert "workers of a cluster can only read" in said
    assert not files.exists(f"{base}/new.txt")


def test_errors_are_those_of_the_daemon(client: Client, on_workers: AlienFileSystem, base: str) -> None:
    assert client.submit(missing, on_workers, f"{base}/none.root", pure=False).result(timeout=120) == "NotFoundError"


def test_reading_continues_after_the_daemon_was_killed(
    client: Client, on_workers: AlienFileSystem, trees: str, analyst: User, files: AlienFileSystem
) -> None:
    analyst.kill_daemon()
    name = f"{trees}/002.root"
    read = client.submit(content, on_workers, name, 0, None, pure=False).result(timeout=120)
    assert read == files.cat_file(name)


def sizes(files: AlienFileSystem, directory: str) -> int:
    """List a directory, for which the daemon is asked, and read its files; return the sum of their bytes."""
    files.invalidate_cache()
    return sum(len(files.cat_file(name)) for name in files.ls(directory, detail=False))


def sizes_until(files: AlienFileSystem, directory: str, end: Event) -> set[int]:
    """Read a directory again and again until the event; return all sums. A worker runs this."""
    found = {sizes(files, directory)}
    while not end.is_set():
        found.add(sizes(files, directory))
    return found


def test_reading_goes_on_while_the_daemon_restarts(
    client: Client, on_workers: AlienFileSystem, trees: str, analyst: User, files: AlienFileSystem
) -> None:
    end = Event("end", client=client)
    reads = [client.submit(sizes_until, on_workers, trees, end, pure=False) for _ in range(2)]
    try:
        for _ in range(2):
            client.submit(sizes, on_workers, trees, pure=False).result(timeout=120)
            analyst.must("daemon", "restart")
        client.submit(sizes, on_workers, trees, pure=False).result(timeout=120)
    finally:
        end.set()
    assert client.gather(reads) == [{sizes(files, trees)}] * 2


def services(tickets: TicketServer, directory: Path, role: str) -> Services:
    """Connect to the server of tickets as a worker does, with the certificates of a directory; empty role: none."""
    ca, pem, key = (directory / name for name in ("ca.pem", f"{role}.pem", f"{role}-key.pem"))
    own = (key.read_bytes(), pem.read_bytes()) if role else (None, None)
    place = tickets.address.removeprefix("tls://").partition("/")[0]
    options = (("grpc.ssl_target_name_override", "aliend cluster client"), ("grpc.enable_http_proxy", 0))
    return Services(grpc.secure_channel(place, grpc.ssl_channel_credentials(ca.read_bytes(), *own), options=options))


def ask(connected: Services, name: str, purpose: Any = storage_pb2.URL_PURPOSE_READ) -> grpc.StatusCode:  # noqa: ANN401
    """Request a ticket; return how the call ended."""
    try:
        connected.storage.GetFileUrls(storage_pb2.GetFileUrlsRequest(lfn=name, purpose=purpose, size=1), timeout=60)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def test_only_certificates_of_the_cluster_get_tickets(
    tickets: TicketServer, trees: str, cluster: DaskCluster, tmp_path: Path
) -> None:
    name, own = f"{trees}/003.root", Path(cluster.settings.ca).parent
    certificates.make(tmp_path)
    (tmp_path / "ca.pem").write_bytes((own / "ca.pem").read_bytes())
    assert ask(services(tickets, own, "worker"), name) == grpc.StatusCode.OK
    assert (
        ask(services(tickets, own, "worker"), name, storage_pb2.URL_PURPOSE_WRITE) == grpc.StatusCode.PERMISSION_DENIED
    )
    assert ask(services(tickets, own, ""), name) == grpc.StatusCode.UNAVAILABLE
    plain = grpc.insecure_channel(tickets.address.removeprefix("tls://").partition("/")[0])
    assert ask(Services(plain), name) == grpc.StatusCode.UNAVAILABLE
    assert ask(services(tickets, tmp_path, "worker"), name) == grpc.StatusCode.UNAVAILABLE


def test_a_client_without_tls_is_refused() -> None:
    class Plain:
        security = Security()

    with pytest.raises(InvalidRequestError, match="alienctl cluster certs"), serve_tickets(Plain()):
        pass
