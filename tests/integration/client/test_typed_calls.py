"""Every typed call on one daemon: its result, its error, and that a cancelled call ends its work."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from alienctl import api
from aliend.services import server
from aliend.v1 import catalogue_pb2 as cat
from aliend.v1 import contents_pb2 as con
from aliend.v1 import credentials_pb2 as cred
from aliend.v1 import daemon_pb2 as dmn
from aliend.v1 import errors_pb2
from aliend.v1 import grid_jobs_pb2 as jobs
from aliend.v1 import network_pb2 as net
from aliend.v1 import session_pb2 as ses
from aliend.v1 import storage_pb2 as sto
from aliend.v1 import transfers_pb2 as tra
from tests.ccdb_server import ccdb_server
from tests.harness import Grid, eventually, make_user
from tests.integration.client.typed_cases import CASES, CENTRAL, GUID, Error, Slow
from tests.integration.client.typed_ground import DATA, Ground, channel_to, info_of, own_credentials, parts

pytestmark = pytest.mark.xdist_group("typed-calls")
INVALID = grpc.StatusCode.INVALID_ARGUMENT
STREAMS = {"SessionService.WatchConnections"}
"""Streams without an end: only their first message is read."""
METHODS = {
    f"{service.name}.{method.name}"
    for module in server.MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


@pytest.fixture(scope="module")
def shared(grid: Grid) -> Iterator[Ground]:
    with ExitStack() as opened, ccdb_server() as ccdb, grid.settings("reader_wait=0.02"):
        user = opened.enter_context(contextmanager(make_user)(grid.exports))
        own_credentials(user)
        made = Ground(user, grid, None, ccdb, opened=opened)  # type: ignore[arg-type]
        made.configure()
        made.client = api.Services(opened.enter_context(channel_to(user)))
        home = made.one("SessionService.GetSession", ses.GetSessionRequest()).session.directory
        made.folder = f"{home}{user.home.name}"
        made.call("CatalogueService.MakeDirectory", cat.MakeDirectoryRequest(lfn=made.folder))
        stored = made.one("ContentsService.Write", parts(made.file))
        made.guid, made.job = stored.entry.guid, stored.job_id
        made.paused = made.submit(rate=1024).id
        made.call("TransfersService.PauseJob", tra.PauseJobRequest(request_id="pause", id=made.paused))
        user.run("cp", "file:/bin/true", "bin/nothing.sh")
        jdl = 'Executable = "nothing.sh";'
        made.grid_job = made.one("GridJobsService.SubmitGridJob", jobs.SubmitGridJobRequest(jdl=jdl)).id
        yield made


@pytest.fixture
def ground(shared: Ground) -> Ground:
    """Return the ground while the daemon works on nothing."""
    shared.until_idle()
    return shared


def test_every_call_of_the_contract_has_a_case() -> None:
    assert set(CASES) == METHODS


@pytest.mark.parametrize("name", CASES)
def test_a_call_returns_its_result(ground: Ground, name: str) -> None:
    case = CASES[name]
    acting = case.of(ground)
    request = case.request(acting)
    answers = [next(acting.start(name, request))] if name in STREAMS else acting.call(name, request)
    assert case.check(acting, answers), answers


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if isinstance(case.error, Error)])
def test_a_call_reports_its_error(ground: Ground, name: str) -> None:
    error = CASES[name].error
    assert isinstance(error, Error)
    with error.hold(ground), pytest.raises(grpc.RpcError) as failed:
        ground.call(name, error.request(ground))
    info = info_of(failed.value)
    assert (failed.value.code(), info.reason) == (
        error.code,
        errors_pb2.ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
    )
    assert "alienctl" not in str(failed.value.details()), "the message speaks to programs"


def test_ranges_are_read_as_asked(ground: Ground) -> None:
    wanted = [(10, 20), (len(DATA) - 5, None), (2 * len(DATA), 7), (5, 0), (0, 1)]
    ranges = [con.Range(offset=offset, **({} if length is None else {"length": length})) for offset, length in wanted]
    found = [b""] * len(wanted)
    request = con.ReadRequest(lfn=ground.file, guid=ground.guid, ranges=ranges)
    for part in ground.call("ContentsService.Read", request):
        found[part.range] += part.data
    assert found == [DATA[10:30], DATA[-5:], b"", b"", DATA[:1]]
    with pytest.raises(grpc.RpcError) as other:
        ground.call("ContentsService.Read", con.ReadRequest(lfn=ground.file, guid=GUID))
    assert other.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_a_member_of_an_archive_is_read_like_another_file(ground: Ground) -> None:
    lfn = f"{ground.folder.rpartition('/')[0]}/archive/first.dat"
    expected = hashlib.shake_128(lfn.encode()).digest(20 * 1024)
    whole = ground.call("ContentsService.Read", con.ReadRequest(lfn=lfn))
    assert (whole[0].file.size, b"".join(part.data for part in whole)) == (len(expected), expected)
    ranges = [con.Range(offset=5000, length=100), con.Range(offset=20_000)]
    parts_read = ground.call("ContentsService.Read", con.ReadRequest(lfn=lfn, ranges=ranges, guid=whole[0].file.guid))
    assert b"".join(part.data for part in parts_read) == expected[5000:5100] + expected[20_000:]


def test_a_read_survives_a_replica_that_fails(ground: Ground, grid: Grid) -> None:
    lfn = ground.new()
    stored = ground.one("ContentsService.Write", parts(lfn, storage="disk:2"))
    answer = ground.one("CatalogueService.ListReplicas", cat.ListReplicasRequest(lfn=lfn))
    with grid.fault("stop", answer.replicas[0].se.rpartition("::")[2]):
        parts_read = ground.call("ContentsService.Read", con.ReadRequest(lfn=lfn))
    assert b"".join(part.data for part in parts_read) == DATA
    assert stored.entry.size == len(DATA)


def test_content_that_differs_from_the_catalogue_is_data_loss(ground: Ground, grid: Grid) -> None:
    lfn = ground.new()
    ground.call("ContentsService.Write", parts(lfn, storage="ALICE::SANDBOX::SE1"))
    with grid.fault("corrupt", "SE1", lfn):
        with pytest.raises(grpc.RpcError) as lost:
            ground.call("ContentsService.Read", con.ReadRequest(lfn=lfn))
        assert lost.value.code() == grpc.StatusCode.DATA_LOSS
        job = ground.submit(sources=[lfn])
        changes = ground.call("TransfersService.WatchJobs", tra.WatchJobsRequest(job_id=job.id))
    failure = changes[-1].transfers[-1].failure
    assert (failure.failure_class, failure.reason) == (
        tra.FAILURE_CLASS_PERMANENT,
        errors_pb2.ERROR_REASON_CHECKSUM_MISMATCH,
    )
    assert (failure.stage, failure.se, failure.error_number) == (tra.ATTEMPT_STAGE_COPY, "ALICE::SANDBOX::SE1", 74)


def test_a_failed_transfer_says_why_for_programs(ground: Ground) -> None:
    """The target has another content: the errno is that of an existing file, in a watch, a list and the history."""
    job = ground.submit()
    target = ground.user.home / f"job{ground.used}"
    ground.call("TransfersService.WaitJob", tra.WaitJobRequest(id=job.id))
    target.write_bytes(b"other")
    again = ground.submit(target=f"file:{target}")
    watched = ground.call("TransfersService.WatchJobs", tra.WatchJobsRequest(job_id=again.id))[-1].transfers[-1]
    listed = ground.one("TransfersService.ListTransfers", tra.ListTransfersRequest(job_id=again.id)).transfers[0]
    tried = ground.one("TransfersService.ListAttempts", tra.ListAttemptsRequest(transfer_ids=[listed.id])).attempts[-1]
    for failure in (watched.failure, listed.failure, tried.failure):
        assert (failure.failure_class, failure.error_number) == (tra.FAILURE_CLASS_PERMANENT, 17)
        assert failure.reason == errors_pb2.ERROR_REASON_ALREADY_EXISTS
        assert "exists" in failure.message


def test_directories_are_found_if_asked_for(ground: Ground) -> None:
    top = ground.new()
    ground.call("CatalogueService.MakeDirectory", cat.MakeDirectoryRequest(lfn=f"{top}/a/b", parents=True))
    ground.call("CatalogueService.TouchEntries", cat.TouchEntriesRequest(lfns=[f"{top}/a/f"]))

    def found(**more: Any) -> list[str]:  # noqa: ANN401 - fields
        pages = ground.call("CatalogueService.FindEntries", cat.FindEntriesRequest(directory=top, **more))
        return sorted(entry.lfn for page in pages for entry in page.entries)

    assert found() == [f"{top}/a/f"]
    assert found(directories=True) == [f"{top}/a/", f"{top}/a/b/", f"{top}/a/f"]
    assert found(directories=True, selection=tra.Selection(name="begin_b")) == [f"{top}/a/b/"]


def test_data_that_is_not_what_was_announced_is_not_stored(ground: Ground) -> None:
    lfn = ground.new()
    for more in ({"size": 5}, {"md5": "0" * 32}):
        with pytest.raises(grpc.RpcError) as refused:
            ground.call("ContentsService.Write", parts(lfn, **more))
        assert refused.value.code() == INVALID
    assert list(ground.one("CatalogueService.StatEntries", cat.StatEntriesRequest(lfns=[lfn])).missing) == [lfn]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.cancel == CENTRAL])
def test_a_cancelled_call_ends_its_request_to_the_service(ground: Ground, name: str) -> None:
    request = CASES[name].request(ground)
    with ground.no_answers():
        call = ground.start(name, request)
        eventually(lambda: ground.hanging() == 1, 30.0)
        assert ground.running_calls() == 1
        call.cancel()
        eventually(lambda: ground.hanging() == 0, 30.0)
        eventually(lambda: ground.running_calls() == 0, 30.0)
    assert call.code() == grpc.StatusCode.CANCELLED


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if isinstance(case.cancel, Slow)])
def test_a_cancelled_call_ends_its_work_in_the_daemon(ground: Ground, name: str) -> None:
    slow = CASES[name].cancel
    assert isinstance(slow, Slow)
    with slow.hold(ground):
        call = ground.start(name, slow.request(ground))
        eventually(lambda: ground.running_calls() == 1, 30.0)
        call.cancel()
        eventually(lambda: ground.running_calls() == 0, 30.0)
    assert call.code() == grpc.StatusCode.CANCELLED


@pytest.mark.parametrize("name", ["CatalogueService.StatEntries", "ContentsService.Read"])
def test_a_deadline_ends_the_request_to_the_service(ground: Ground, name: str) -> None:
    with ground.no_answers():
        call = ground.start(name, CASES[name].request(ground), timeout=2.0)
        eventually(lambda: ground.hanging() == 1, 30.0)
        eventually(lambda: ground.hanging() == 0, 30.0)
        eventually(lambda: ground.running_calls() == 0, 30.0)
    assert call.code() == grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("timeout", [None, 3.0])
def test_cancellation_and_deadline_end_the_work_of_a_worker(ground: Ground, timeout: float | None) -> None:
    """The daemon works on the call until the worker process has stopped."""
    with ground.no_storage():
        stream = ground.client.contents.Read(con.ReadRequest(lfn=ground.file), timeout=timeout)
        assert next(stream).file.size == len(DATA)
        assert ground.running_calls() == 1
        if timeout is None:
            stream.cancel()
        eventually(lambda: ground.running_calls() == 0, 30.0)
    assert stream.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_a_cancelled_write_cancels_its_job(ground: Ground) -> None:
    lfn = ground.new()
    with ground.no_storage():
        call = ground.start("ContentsService.Write", parts(lfn))
        eventually(lambda: _running(ground), 30.0)
        job = _running(ground)[0]
        call.cancel()
        eventually(lambda: ground.running_calls() == 0, 30.0)
        ended = ground.one("TransfersService.WaitJob", tra.WaitJobRequest(id=job)).job
    assert ended.state == tra.JOB_STATE_CANCELLED


def _running(ground: Ground) -> list[int]:
    answer = ground.one("TransfersService.ListJobs", tra.ListJobsRequest(running_only=True))
    return [job.id for job in answer.jobs]


def test_a_call_gets_a_missing_token_first(grid: Grid) -> None:
    for user in make_user(grid.exports):
        own_credentials(user)
        token = user.home / "token-cert.pem"
        with channel_to(user) as channel:
            client = api.Services(channel)
            assert not token.exists()
            assert client.session.GetIdentity(ses.GetIdentityRequest()).user == "alice"
            assert token.exists()
            state = client.credentials.GetCredentials(cred.GetCredentialsRequest())
            assert (state.token.problem, state.token.key) == ("", cred.KEY_STATE_USABLE)


def test_the_bridge_gets_a_missing_token_first(ground: Ground) -> None:
    ground.call("CredentialsService.DestroyToken", cred.DestroyTokenRequest())
    assert ground.one("DaemonService.SetBridge", dmn.SetBridgeRequest(running=True)).bridge.port
    assert not ground.one("CredentialsService.GetCredentials", cred.GetCredentialsRequest()).token.problem
    assert not ground.one("DaemonService.SetBridge", dmn.SetBridgeRequest()).bridge.running


def test_a_host_name_that_cannot_exist_is_an_error_for_programs(ground: Ground) -> None:
    for host in ("a..b", "x" * 64):
        with pytest.raises(grpc.RpcError) as failed:
            ground.call("NetworkService.ProbeAddresses", net.ProbeAddressesRequest(host=host))
        assert info_of(failed.value).reason == errors_pb2.ERROR_REASON_NOT_CONNECTED


MISSING = [
    ("CatalogueService.FindEntries", cat.FindEntriesRequest(directory="/no/such")),
    ("CatalogueService.ListReplicas", cat.ListReplicasRequest(lfn="/no/such")),
    ("StorageService.GetFileUrls", sto.GetFileUrlsRequest(lfn="/no/such")),
    ("StorageService.StatReplicas", sto.StatReplicasRequest(lfns=["/no/such"])),
    ("GridJobsService.SubmitGridJob", jobs.SubmitGridJobRequest(lfn="/no/such")),
    ("CatalogueService.MakeCollection", cat.MakeCollectionRequest(lfn="/alice/new.xml", files=["/no/such"])),
]
DIRECTORIES = [
    ("CatalogueService.ListReplicas", cat.ListReplicasRequest(lfn="/alice")),
    ("CatalogueService.ListCollection", cat.ListCollectionRequest(lfn="/alice")),
    ("StorageService.GetFileUrls", sto.GetFileUrlsRequest(lfn="/alice")),
]


@pytest.mark.parametrize(("name", "request_"), MISSING)
def test_a_missing_name_is_not_found(ground: Ground, name: str, request_: Any) -> None:  # noqa: ANN401 - messages
    with pytest.raises(grpc.RpcError) as failed:
        ground.call(name, request_)
    info = info_of(failed.value)
    assert failed.value.code() == grpc.StatusCode.NOT_FOUND
    assert (info.reason, info.lfn) == (errors_pb2.ERROR_REASON_NOT_FOUND, "/no/such")


@pytest.mark.parametrize(("name", "request_"), DIRECTORIES)
def test_a_directory_is_no_file(ground: Ground, name: str, request_: Any) -> None:  # noqa: ANN401 - messages
    with pytest.raises(grpc.RpcError) as failed:
        ground.call(name, request_)
    assert failed.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert info_of(failed.value).reason == errors_pb2.ERROR_REASON_IS_A_DIRECTORY


def test_a_request_id_stores_one_content(ground: Ground) -> None:
    lfn = ground.new()
    for data in (b"first", b"first"):
        ground.call("ContentsService.Write", parts(lfn, data, request_id=lfn))
    for data in (b"other", b"longer content"):
        with pytest.raises(grpc.RpcError) as failed:
            ground.call("ContentsService.Write", parts(lfn, data, request_id=lfn))
        info = info_of(failed.value)
        assert failed.value.code() == grpc.StatusCode.ALREADY_EXISTS
        assert (info.reason, info.lfn) == (errors_pb2.ERROR_REASON_REQUEST_ID_REUSED, lfn)
        assert "content" in str(failed.value.details())


def test_an_upload_without_permission_says_so(ground: Ground) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        ground.call("ContentsService.Write", parts("/alice/not-mine"))
    assert info_of(failed.value).lfn == "/alice/not-mine"
    assert failed.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert info_of(failed.value).reason == errors_pb2.ERROR_REASON_PERMISSION_DENIED


def test_criteria_that_would_be_ignored_are_refused(ground: Ground) -> None:
    for more in ({"exclude": ["*.log"]}, {"storage": "nonsense"}):
        request = tra.SubmitJobRequest(request_id="ignored", sources=["/alice"], target="file:/tmp/x", **more)
        with pytest.raises(grpc.RpcError) as failed:
            ground.call("TransfersService.SubmitJob", request)
        assert failed.value.code() == INVALID


def test_a_local_path_with_a_nul_character_is_refused(ground: Ground) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        ground.call("CredentialsService.ImportCertificate", cred.ImportCertificateRequest(path="/a\0b"))
    assert failed.value.code() == INVALID


_SETTINGS, _PING, _GO_AWAY = 4, 6, 7
"""Frames of HTTP/2."""


class Pings:
    """An HTTP/2 connection without calls, which sends keepalive pings and counts the answers."""

    def __init__(self, path: str) -> None:
        self.answers = 0
        self.was_closed = False
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS))
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def send(self, number: int = 1) -> None:
        """Send pings in one piece: the daemon may close the connection after any of them."""
        self._socket.sendall(_frame(_PING, bytes(8)) * number)

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):  # the daemon has closed it
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as stream:
            while head := stream.read(9):
                payload = stream.read(int.from_bytes(head[:3], "big"))
                if head[3] in (_SETTINGS, _PING) and not head[4]:
                    self._socket.sendall(_frame(head[3], payload if head[3] == _PING else b"", is_answer=True))
                self.answers += head[3] == _PING and head[4] == 1
                self.was_closed |= head[3] == _GO_AWAY


def _frame(kind: int, payload: bytes = b"", *, is_answer: bool = False) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, is_answer)) + bytes(4) + payload


def test_a_client_may_ping_every_five_seconds(ground: Ground) -> None:
    """More pings than gRPC tolerates too early, on a connection without a call."""
    path = ground.user.must("daemon", "socket")
    pings = Pings(path)
    for number in range(4):
        if number:
            time.sleep(5.1)
        pings.send()
        eventually(lambda wanted=number + 1: pings.answers == wanted, 30.0)  # type: ignore[misc]
    assert not pings.was_closed
    pings.send(4)
    eventually(lambda: pings.was_closed, 30.0)
    pings.close()


def test_a_client_with_keepalive_notices_a_frozen_daemon(ground: Ground) -> None:
    path = ground.user.must("daemon", "socket")
    options = [("grpc.enable_http_proxy", 0), ("grpc.keepalive_time_ms", 1000), ("grpc.http2.ping_timeout_ms", 1000)]
    with grpc.insecure_channel(f"unix:{path}", options=options) as channel:
        watch = api.Services(channel).session.WatchConnections(ses.WatchConnectionsRequest())
        next(watch)
        pid = ground.user.pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(grpc.RpcError) as lost:
                for _ in watch:
                    pass
        finally:
            os.kill(pid, signal.SIGCONT)
    assert lost.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_request_that_cannot_be_decoded_is_refused_with_details(ground: Ground) -> None:
    log = Path(ground.user.json("daemon", "status")["log_file"])
    before = log.stat().st_size
    methods = [
        method
        for module in server.MODULES
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]
    assert len(methods) > 40
    with channel_to(ground.user) as channel:
        for method in methods:
            path = f"/{method.containing_service.full_name}/{method.name}"
            with pytest.raises(grpc.RpcError) as refused:
                _send_garbage(channel, path, method)
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT, path
            assert "cannot be decoded" in (refused.value.details() or ""), path
            assert info_of(refused.value).reason == errors_pb2.ERROR_REASON_INVALID_REQUEST, path
    assert b"Traceback" not in log.read_bytes()[before:]


def _send_garbage(channel: grpc.Channel, path: str, method: Any) -> None:  # noqa: ANN401 - the type differs by library
    garbage = b"\xff\xff"
    if method.client_streaming:
        list(channel.stream_stream(path, bytes, bytes)(iter([garbage]), timeout=60))
    else:
        list(channel.unary_stream(path, bytes, bytes)(garbage, timeout=60))
