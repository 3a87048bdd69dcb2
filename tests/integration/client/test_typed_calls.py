"""Every typed call on one daemon: a result, an error, and the end of its work with the caller's deadline."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from alienctl import api
from aliend.v1 import catalogue_pb2 as cat
from aliend.v1 import contents_pb2 as con
from aliend.v1 import credentials_pb2 as cred
from aliend.v1 import daemon_pb2
from aliend.v1 import grid_jobs_pb2 as jobs
from aliend.v1 import network_pb2 as net
from aliend.v1 import raw_pb2 as raw
from aliend.v1 import session_pb2 as ses
from aliend.v1 import storage_pb2 as sto
from aliend.v1 import transfers_pb2 as tra
from tests.harness import Grid, User, eventually, make_user

DATA = os.urandom(600_000)
GUID = "11111111-2222-11e1-8333-444444444444"
NONE = 2**62
DAY = 86_400


@dataclass
class Ground:
    """A user's daemon with a file `F`, its directory, its GUID, an ended transfer job and a grid job."""

    user: User
    client: api.Client
    folder: str
    guid: str = ""
    job: int = 0
    grid_job: int = 0

    def call(self, name: str, request: Any, timeout: float = 60.0) -> list[Any]:  # noqa: ANN401 - any message
        """Return the answers of `Service.Method`."""
        service, _, method = name.partition(".")
        stub = getattr(self.client, "".join(f"_{c.lower()}" if c.isupper() else c for c in service)[1:][:-8])
        answer = getattr(stub, method)(request, timeout=timeout)
        return list(answer) if hasattr(answer, "__next__") else [answer]


@pytest.fixture(scope="module")
def ground(grid: Grid) -> Iterator[Ground]:
    for user in make_user(grid.exports):
        socket = user.must("daemon", "socket", "--start").strip()
        channel = grpc.insecure_channel(f"unix:{socket}", options=[("grpc.enable_http_proxy", 0)])
        with api.Client(channel) as client:
            home = client.session.GetSession(ses.GetSessionRequest()).session.directory
            made = Ground(user, client, f"{home}{user.home.name}")
            made.call("CatalogueService.MakeDirectory", cat.MakeDirectoryRequest(lfn=made.folder))
            (stored,) = made.call("ContentsService.Write", iter(parts(made.folder + "/F")))
            made.guid, made.job = stored.entry.guid, stored.job_id
            jdl = 'Executable = "/alice/cern.ch/user/a/alice/bin/nothing.sh";'
            user.run("cp", "file:/bin/true", "bin/nothing.sh")
            made.grid_job = client.grid_jobs.SubmitGridJob(jobs.SubmitGridJobRequest(jdl=jdl)).id
            yield made


def parts(lfn: str, data: bytes = DATA, **more: Any) -> list[con.WriteRequest]:  # noqa: ANN401 - fields
    start = con.WriteStart(**{"request_id": f"write {lfn}", "lfn": lfn, "size": len(data), **more})
    pieces = [data[at : at + 200_000] for at in range(0, len(data), 200_000)]
    return [con.WriteRequest(start=start), *(con.WriteRequest(data=piece) for piece in pieces)]


Case = tuple[str, Callable[[Ground], Any], Callable[[Ground, list[Any]], object]]
RESULTS: list[Case] = [
    (
        "CatalogueService.MakeDirectory",
        lambda g: cat.MakeDirectoryRequest(lfn=f"{g.folder}/a/b", parents=True),
        lambda g, a: a,
    ),
    (
        "CatalogueService.ListEntries",
        lambda g: cat.ListEntriesRequest(lfn=g.folder),
        lambda g, a: (
            [one.lfn for one in a[0].entries] == [f"{g.folder}/a/", f"{g.folder}/F"]
            or sorted(one.lfn for one in a[0].entries)
        ),
    ),
    (
        "CatalogueService.StatEntries",
        lambda g: cat.StatEntriesRequest(lfns=[f"{g.folder}/F", f"{g.folder}/-"]),
        lambda g, a: (a[0].entries[0].size, len(a[0].missing)) == (len(DATA), 1),
    ),
    (
        "CatalogueService.FindEntries",
        lambda g: cat.FindEntriesRequest(directory=g.folder, selection=tra.Selection(min_size=10)),
        lambda g, a: [one.lfn for one in a[0].entries] == [f"{g.folder}/F"],
    ),
    (
        "CatalogueService.ListReplicas",
        lambda g: cat.ListReplicasRequest(lfn=f"{g.folder}/F"),
        lambda g, a: len(a[0].replicas) == 2,
    ),
    (
        "CatalogueService.GetChecksums",
        lambda g: cat.GetChecksumsRequest(lfns=[f"{g.folder}/F"]),
        lambda g, a: a[0].checksums[0].md5 == hashlib.md5(DATA).hexdigest(),
    ),
    (
        "CatalogueService.GetUsage",
        lambda g: cat.GetUsageRequest(lfns=[g.folder]),
        lambda g, a: (a[0].usages[0].files, a[0].usages[0].bytes) == (1, len(DATA)),
    ),
    (
        "CatalogueService.ResolveGuids",
        lambda g: cat.ResolveGuidsRequest(guids=[g.guid, GUID]),
        lambda g, a: dict(a[0].lfns) == {g.guid: f"{g.folder}/F"},
    ),
    ("CatalogueService.TouchEntries", lambda g: cat.TouchEntriesRequest(lfns=[f"{g.folder}/T"]), lambda g, a: a),
    (
        "CatalogueService.MoveEntry",
        lambda g: cat.MoveEntryRequest(lfn=f"{g.folder}/T", target=f"{g.folder}/U"),
        lambda g, a: a,
    ),
    (
        "CatalogueService.SetPermissions",
        lambda g: cat.SetPermissionsRequest(lfns=[f"{g.folder}/F"], permissions="700"),
        lambda g, a: (
            g.call("CatalogueService.StatEntries", cat.StatEntriesRequest(lfns=[f"{g.folder}/F"]))[0]
            .entries[0]
            .permissions
            == "700"
        ),
    ),
    (
        "CatalogueService.SetOwner",
        lambda g: cat.SetOwnerRequest(lfns=[f"{g.folder}/F"], owner="alice", group="alice"),
        lambda g, a: a,
    ),
    (
        "CatalogueService.SetExpiry",
        lambda g: cat.SetExpiryRequest(lfns=[f"{g.folder}/F"], lifetime=Duration(seconds=3 * DAY)),
        lambda g, a: a,
    ),
    (
        "CatalogueService.GetQuota",
        lambda g: cat.GetQuotaRequest(),
        lambda g, a: a[0].quota.account == "alice" and a[0].quota.max_files > 0,
    ),
    (
        "CatalogueService.MakeCollection",
        lambda g: cat.MakeCollectionRequest(lfn=f"{g.folder}/C.xml", files=[f"{g.folder}/F"]),
        lambda g, a: a,
    ),
    (
        "CatalogueService.ListCollection",
        lambda g: cat.ListCollectionRequest(lfn=f"{g.folder}/C.xml"),
        lambda g, a: [(one.lfn, one.size) for one in a[0].entries] == [(f"{g.folder}/F", len(DATA))],
    ),
    (
        "CatalogueService.RemoveEntries",
        lambda g: cat.RemoveEntriesRequest(lfns=[f"{g.folder}/U", f"{g.folder}/a"], recursive=True),
        lambda g, a: a,
    ),
    (
        "ContentsService.Read",
        lambda g: con.ReadRequest(lfn=f"{g.folder}/F"),
        lambda g, a: (a[0].file.guid, b"".join(one.data for one in a)) == (g.guid, DATA),
    ),
    (
        "ContentsService.Write",
        lambda g: iter(parts(f"{g.folder}/F")),
        lambda g, a: (a[0].job_id, a[0].entry.size) == (g.job, len(DATA)),
    ),
    (
        "StorageService.ListStorageElements",
        lambda g: sto.ListStorageElementsRequest(label="SE1"),
        lambda g, a: [(one.se, list(one.qos)) for one in a[0].elements] == [("ALICE::SANDBOX::SE1", ["disk"])],
    ),
    (
        "StorageService.ListElementDistances",
        lambda g: sto.ListElementDistancesRequest(),
        lambda g, a: a[0].distances[0].distance <= a[0].distances[1].distance,
    ),
    (
        "StorageService.GetFileUrls",
        lambda g: sto.GetFileUrlsRequest(lfn=f"{g.folder}/F"),
        lambda g, a: a[0].urls[0].url.startswith("root://") and a[0].urls[0].guid == g.guid,
    ),
    (
        "StorageService.StatReplicas",
        lambda g: sto.StatReplicasRequest(lfns=[f"{g.folder}/F"]),
        lambda g, a: [(one.ok, one.size) for one in a[0].replicas] == [(True, len(DATA))] * 2,
    ),
    (
        "StorageService.ProbeServers",
        lambda g: sto.ProbeServersRequest(servers=["SE1"], kind=sto.PROBE_KIND_CONFIG),
        lambda g, a: a[0].answers[0].ok and a[0].answers[0].settings["version"],
    ),
    (
        "StorageService.MirrorFile",
        lambda g: sto.MirrorFileRequest(lfn=f"{g.folder}/F", storage="disk:1"),
        lambda g, a: a,
    ),
    ("StorageService.GetMirror", lambda g: sto.GetMirrorRequest(id=1), lambda g, a: a[0].state),
    (
        "StorageService.DeleteReplica",
        lambda g: sto.DeleteReplicaRequest(lfn=f"{g.folder}/F", se="ALICE::SANDBOX::SE2"),
        lambda g, a: (
            len(g.call("CatalogueService.ListReplicas", cat.ListReplicasRequest(lfn=f"{g.folder}/F"))[0].replicas) == 1
        ),
    ),
    ("TransfersService.WaitJob", lambda g: tra.WaitJobRequest(id=g.job), lambda g, a: a[0].job.files.total == 1),
    (
        "TransfersService.ListAttempts",
        lambda g: tra.ListAttemptsRequest(transfer_ids=[1]),
        lambda g, a: a[0].attempts[0].stage == tra.ATTEMPT_STAGE_DONE,
    ),
    (
        "TransfersService.PlanJob",
        lambda g: tra.PlanJobRequest(
            job=tra.SubmitJobRequest(sources=[f"{g.folder}/"], target=f"file:{g.user.home}/plan/")
        ),
        lambda g, a: (
            (f"{g.folder}/F", tra.PLANNED_ACTION_COPY) in [(one.source, one.action) for page in a for one in page.files]
        ),
    ),
    (
        "GridJobsService.SubmitGridJob",
        lambda g: jobs.SubmitGridJobRequest(jdl='Executable = "nothing.sh";'),
        lambda g, a: a[0].id > g.grid_job,
    ),
    (
        "GridJobsService.ListGridJobs",
        lambda g: jobs.ListGridJobsRequest(),
        lambda g, a: g.grid_job in [one.id for one in a[0].jobs],
    ),
    (
        "GridJobsService.GetGridJobs",
        lambda g: jobs.GetGridJobsRequest(ids=[g.grid_job, NONE]),
        lambda g, a: (a[0].jobs[0].id, list(a[0].missing)) == (g.grid_job, [NONE]) and "nothing.sh" in a[0].jobs[0].jdl,
    ),
    (
        "GridJobsService.GetMasterJobs",
        lambda g: jobs.GetMasterJobsRequest(ids=[g.grid_job]),
        lambda g, a: a[0].jobs[0].id == g.grid_job,
    ),
    ("GridJobsService.ListMatchingElements", lambda g: jobs.ListMatchingElementsRequest(id=g.grid_job), lambda g, a: a),
    (
        "GridJobsService.KillGridJobs",
        lambda g: jobs.KillGridJobsRequest(ids=[g.grid_job]),
        lambda g, a: a[0].jobs[0].outcome == jobs.KILL_OUTCOME_KILLED,
    ),
    (
        "GridJobsService.WaitGridJobs",
        lambda g: jobs.WaitGridJobsRequest(ids=[g.grid_job]),
        lambda g, a: (a[-1].jobs[0].status, a[-1].jobs[0].has_ended) == ("KILLED", True),
    ),
    (
        "GridJobsService.ListComputingElements",
        lambda g: jobs.ListComputingElementsRequest(name="CE1"),
        lambda g, a: a[0].elements[0].ttl.seconds > 0,
    ),
    (
        "CredentialsService.GetCredentials",
        lambda g: cred.GetCredentialsRequest(),
        lambda g, a: (a[0].token.problem, a[0].token.key) == ("", cred.KEY_STATE_USABLE),
    ),
    (
        "CredentialsService.VerifyCertificates",
        lambda g: cred.VerifyCertificatesRequest(),
        lambda g, a: (a[0].certificate_problem, a[0].token_problem) == ("", ""),
    ),
    ("CredentialsService.UnlockKey", lambda g: cred.UnlockKeyRequest(), lambda g, a: a),
    (
        "SessionService.GetIdentity",
        lambda g: ses.GetIdentityRequest(),
        lambda g, a: (a[0].user, list(a[0].roles)) == ("alice", ["alice"]),
    ),
    (
        "SessionService.SetSite",
        lambda g: ses.SetSiteRequest(session="sited", site="CERN"),
        lambda g, a: a[0].session.site == "CERN",
    ),
    (
        "SessionService.SetRole",
        lambda g: ses.SetRoleRequest(session="acting", role="alice"),
        lambda g, a: a[0].session.user == "alice",
    ),
    (
        "SessionService.SetDirectoryStack",
        lambda g: ses.SetDirectoryStackRequest(session="stacked", directories=["/alice", "/"]),
        lambda g, a: (a[0].session.directory, list(a[0].session.stack)) == ("/alice/", ["/"]),
    ),
    ("NetworkService.PingService", lambda g: net.PingServiceRequest(count=2), lambda g, a: len(a[0].round_trips) == 2),
    ("NetworkService.MeasureLogins", lambda g: net.MeasureLoginsRequest(count=1), lambda g, a: len(a[0].logins) == 1),
    (
        "NetworkService.ProbeAddresses",
        lambda g: net.ProbeAddressesRequest(),
        lambda g, a: any(one.answers for one in a[0].probes),
    ),
    (
        "RawService.Execute",
        lambda g: raw.ExecuteRequest(command="ls", options=["/no/such"]),
        lambda g, a: a[0].exit_code == 2,
    ),
]
"""Calls in order, with their requests and checks."""

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
FAILED, EXISTS, UNKNOWN = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.UNKNOWN
ERRORS: list[tuple[str, Any, grpc.StatusCode]] = [
    ("CatalogueService.ListEntries", cat.ListEntriesRequest(lfn="/no/such"), NOT_FOUND),
    ("CatalogueService.StatEntries", cat.StatEntriesRequest(), INVALID),
    ("CatalogueService.FindEntries", cat.FindEntriesRequest(directory="/no/such"), FAILED),
    ("CatalogueService.ListReplicas", cat.ListReplicasRequest(lfn="/no/such"), NOT_FOUND),
    ("CatalogueService.GetChecksums", cat.GetChecksumsRequest(lfns=["/no/such"]), NOT_FOUND),
    ("CatalogueService.GetUsage", cat.GetUsageRequest(), INVALID),
    ("CatalogueService.ResolveGuids", cat.ResolveGuidsRequest(guids=["x"]), INVALID),
    ("CatalogueService.MakeDirectory", cat.MakeDirectoryRequest(lfn="/no/such/directory"), NOT_FOUND),
    ("CatalogueService.RemoveEntries", cat.RemoveEntriesRequest(lfns=["/alice/*"]), INVALID),
    ("CatalogueService.MoveEntry", cat.MoveEntryRequest(lfn="/no/such", target="/no/other"), NOT_FOUND),
    ("CatalogueService.TouchEntries", cat.TouchEntriesRequest(lfns=["file:/x"]), INVALID),
    ("CatalogueService.SetPermissions", cat.SetPermissionsRequest(lfns=["/alice"], permissions="999"), INVALID),
    ("CatalogueService.SetOwner", cat.SetOwnerRequest(lfns=["/alice"], owner="-R"), INVALID),
    ("CatalogueService.SetExpiry", cat.SetExpiryRequest(lfns=["/alice"], lifetime=Duration(seconds=DAY + 1)), INVALID),
    ("CatalogueService.GetQuota", cat.GetQuotaRequest(account="nobody-here"), NOT_FOUND),
    ("CatalogueService.ListCollection", cat.ListCollectionRequest(lfn="/no/such"), UNKNOWN),
    ("CatalogueService.MakeCollection", cat.MakeCollectionRequest(lfn="/alice/", files=["/alice"]), EXISTS),
    ("ContentsService.Read", con.ReadRequest(lfn="/alice"), FAILED),
    ("ContentsService.Write", iter([con.WriteRequest(data=b"x")]), INVALID),
    ("StorageService.ListElementDistances", sto.ListElementDistancesRequest(lfn="file:/x"), INVALID),
    ("StorageService.GetFileUrls", sto.GetFileUrlsRequest(lfn="/no/such"), NOT_FOUND),
    ("StorageService.StatReplicas", sto.StatReplicasRequest(), INVALID),
    ("StorageService.ProbeServers", sto.ProbeServersRequest(), INVALID),
    ("StorageService.MirrorFile", sto.MirrorFileRequest(lfn="/alice"), INVALID),
    ("StorageService.GetMirror", sto.GetMirrorRequest(), INVALID),
    ("StorageService.DeleteReplica", sto.DeleteReplicaRequest(lfn="/no/such", se="ALICE::X::SE"), UNKNOWN),
    ("TransfersService.WaitJob", tra.WaitJobRequest(id=NONE), NOT_FOUND),
    ("TransfersService.ListAttempts", tra.ListAttemptsRequest(transfer_ids=[2**63]), INVALID),
    ("TransfersService.PlanJob", tra.PlanJobRequest(job=tra.SubmitJobRequest(sources=["/alice"], target="x")), INVALID),
    ("GridJobsService.SubmitGridJob", jobs.SubmitGridJobRequest(jdl="nothing"), INVALID),
    ("GridJobsService.ListGridJobs", jobs.ListGridJobsRequest(limit=10**6), INVALID),
    ("GridJobsService.GetGridJobs", jobs.GetGridJobsRequest(ids=[2**63]), INVALID),
    ("GridJobsService.GetMasterJobs", jobs.GetMasterJobsRequest(), INVALID),
    ("GridJobsService.KillGridJobs", jobs.KillGridJobsRequest(ids=[0]), INVALID),
    ("GridJobsService.ResubmitGridJobs", jobs.ResubmitGridJobsRequest(ids=[NONE]), UNKNOWN),
    ("GridJobsService.WaitGridJobs", jobs.WaitGridJobsRequest(ids=[NONE]), NOT_FOUND),
    ("GridJobsService.ListMatchingElements", jobs.ListMatchingElementsRequest(), INVALID),
    ("CredentialsService.ImportCertificate", cred.ImportCertificateRequest(path="/no/such.p12"), NOT_FOUND),
    ("CredentialsService.InitToken", cred.InitTokenRequest(days=1000), INVALID),
    ("SessionService.SetSite", ses.SetSiteRequest(), INVALID),
    ("SessionService.SetRole", ses.SetRoleRequest(role="nobody-here"), grpc.StatusCode.PERMISSION_DENIED),
    ("SessionService.SetDirectoryStack", ses.SetDirectoryStackRequest(directories=["/no/such"]), NOT_FOUND),
    ("NetworkService.PingService", net.PingServiceRequest(count=10**6), INVALID),
    ("NetworkService.MeasureLogins", net.MeasureLoginsRequest(count=1000), INVALID),
    (
        "NetworkService.ProbeAddresses",
        net.ProbeAddressesRequest(host="no.such.invalid", port=1),
        grpc.StatusCode.UNAVAILABLE,
    ),
    ("NetworkService.QueryMonitoring", net.QueryMonitoringRequest(), INVALID),
    ("NetworkService.ListCalibrationObjects", net.ListCalibrationObjectsRequest(limit=10**6), INVALID),
    ("RawService.Execute", raw.ExecuteRequest(command="cd"), INVALID),
]


def test_each_call_returns_its_result(ground: Ground) -> None:
    wrong = [name for name, request, check in RESULTS if not check(ground, ground.call(name, request(ground)))]
    assert wrong == []


def test_each_call_reports_its_error(ground: Ground) -> None:
    wrong = []
    for name, request, code in ERRORS:
        try:
            ground.call(name, request)
        except grpc.RpcError as error:
            if error.code() != code or "alienctl" in (error.details() or ""):
                wrong.append(f"{name}: {error.code()} {error.details()}")
        else:
            wrong.append(f"{name}: no error")
    assert wrong == []


def running_calls(ground: Ground) -> int:
    return int(ground.client.daemon.Status(daemon_pb2.StatusRequest()).running_calls)


def test_a_deadline_ends_the_work_of_a_call(ground: Ground, grid: Grid) -> None:
    """Calls that ask the service end with their deadline while it hangs, and the daemon works on none of them."""
    asking = ["ListEntries", "StatEntries", "ListReplicas", "GetUsage", "Read", "GetFileUrls", "GetGridJobs", "Execute"]
    with grid.fault("delay", "20"):
        for name, request, _ in RESULTS:
            if name.partition(".")[2] in asking:
                with pytest.raises(grpc.RpcError) as late:
                    ground.call(name, request(ground), timeout=0.3)
                assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED, name
        eventually(lambda: running_calls(ground) == 0)
    ground.call("SessionService.GetIdentity", ses.GetIdentityRequest())


def test_cancelling_a_read_ends_it(ground: Ground) -> None:
    stream = ground.client.contents.Read(con.ReadRequest(lfn=f"{ground.folder}/F"))
    assert next(stream).file.size == len(DATA)
    stream.cancel()
    eventually(lambda: running_calls(ground) == 0)


def test_ranges_are_read_as_asked(ground: Ground) -> None:
    wanted = [(10, 20), (len(DATA) - 5, None), (2 * len(DATA), 7), (5, 0), (0, 1)]
    ranges = [con.Range(offset=offset, **({} if length is None else {"length": length})) for offset, length in wanted]
    found = [b""] * len(wanted)
    for part in ground.call(
        "ContentsService.Read", con.ReadRequest(lfn=f"{ground.folder}/F", guid=ground.guid, ranges=ranges)
    ):
        found[part.range] += part.data
    assert found == [DATA[10:30], DATA[-5:], b"", b"", DATA[:1]]
    with pytest.raises(grpc.RpcError) as other:
        ground.call("ContentsService.Read", con.ReadRequest(lfn=f"{ground.folder}/F", guid=GUID))
    assert other.value.code() == FAILED


def test_a_read_survives_a_replica_that_fails(ground: Ground, grid: Grid) -> None:
    (stored,) = ground.call("ContentsService.Write", iter(parts(f"{ground.folder}/two", storage="disk:2")))
    (answer,) = ground.call("CatalogueService.ListReplicas", cat.ListReplicasRequest(lfn=f"{ground.folder}/two"))
    with grid.fault("stop", answer.replicas[0].se.rpartition("::")[2]):
        parts_read = ground.call("ContentsService.Read", con.ReadRequest(lfn=f"{ground.folder}/two"))
    assert b"".join(part.data for part in parts_read) == DATA
    assert stored.entry.size == len(DATA)


def test_content_that_differs_from_the_catalogue_is_data_loss(ground: Ground, grid: Grid) -> None:
    lfn = f"{ground.folder}/one"
    ground.call("ContentsService.Write", iter(parts(lfn, storage="ALICE::SANDBOX::SE1")))
    with grid.fault("corrupt", "SE1", lfn), pytest.raises(grpc.RpcError) as lost:
        ground.call("ContentsService.Read", con.ReadRequest(lfn=lfn))
    assert lost.value.code() == grpc.StatusCode.DATA_LOSS


def test_data_that_is_not_what_was_announced_is_not_stored(ground: Ground) -> None:
    lfn = f"{ground.folder}/never"
    for more in ({"size": 5}, {"md5": "0" * 32}):
        with pytest.raises(grpc.RpcError) as refused:
            ground.call("ContentsService.Write", iter(parts(lfn, **more)))
        assert refused.value.code() == INVALID
    assert list(ground.call("CatalogueService.StatEntries", cat.StatEntriesRequest(lfns=[lfn]))[0].missing) == [lfn]
