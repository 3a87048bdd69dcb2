"""A case for each typed call: a request with its result, one that fails, and one that is cancelled.

An error or a cancellation that cannot occur has a sentence instead, which says why.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from aliend import CONTRACT
from aliend.v1 import catalogue_pb2 as cat
from aliend.v1 import console_pb2 as cns
from aliend.v1 import contents_pb2 as con
from aliend.v1 import credentials_pb2 as cred
from aliend.v1 import daemon_pb2 as dmn
from aliend.v1 import grid_jobs_pb2 as jobs
from aliend.v1 import network_pb2 as net
from aliend.v1 import raw_pb2 as raw
from aliend.v1 import session_pb2 as ses
from aliend.v1 import storage_pb2 as sto
from aliend.v1 import transfers_pb2 as tra
from tests.ccdb_server import version
from tests.integration.client.typed_ground import DATA, FullPort, Ground, decrypt_key, encrypt_key, is_locked, parts

GUID = "11111111-2222-11e1-8333-444444444444"
NONE = 2**62
DAY = 86_400
Request = Callable[[Ground], Any]
Hold = Callable[[Ground], AbstractContextManager[object]]


@dataclass(frozen=True)
class Error:
    """A request that fails with this status and reason while `hold` lasts."""

    request: Request
    code: grpc.StatusCode
    reason: str
    hold: Hold = lambda _: nullcontext()


@dataclass(frozen=True)
class Slow:
    """A request that takes long while `hold` lasts."""

    request: Request
    hold: Hold = lambda _: nullcontext()


CENTRAL = "central"
"""The request of the result waits for the central service, which is seen to lose it."""


@dataclass(frozen=True)
class Case:
    """A call; a text instead of an error or a cancellation says why the call has none."""

    request: Request
    check: Callable[[Ground, list[Any]], object]
    error: Error | str
    cancel: Slow | str
    of: Callable[[Ground], Ground] = lambda ground: ground
    """The ground of the user whose call has the result."""


CODE = grpc.StatusCode
INVALID = CODE.INVALID_ARGUMENT
STORED = "it answers from the daemon's database at once"
MEMORY = "it answers from the daemon's memory at once"
FILES = "it answers from local files at once"
WATCH = "a watch asks nobody and holds nothing: the daemon does not count it"


def invalid(request: Request) -> Error:
    """Return the error of an invalid request."""
    return Error(request, INVALID, "INVALID_REQUEST")


def missing(request: Request) -> Error:
    """Return the error of a name that does not exist in the catalogue."""
    return Error(request, CODE.NOT_FOUND, "NOT_FOUND")


def no_job(request: Request) -> Error:
    """Return the error of a transfer job that does not exist."""
    return Error(request, CODE.NOT_FOUND, "JOB_NOT_FOUND")


def garbage(request: Request) -> Error:
    """Return the error of an invalid reply."""
    return Error(request, CODE.INTERNAL, "BAD_REPLY", invalid_replies)


@contextmanager
def invalid_replies(ground: Ground) -> Iterator[None]:
    ground.control("fault", kind="garbage", times=0)
    try:
        yield
    finally:
        ground.control("clear")


@contextmanager
def wrong_configuration(ground: Ground) -> Iterator[None]:
    ground.configure("[transfers]\nfiles = 'many'\n")
    try:
        yield
    finally:
        ground.configure()


@contextmanager
def locked_key(ground: Ground) -> Iterator[None]:
    encrypt_key(ground)
    try:
        yield
    finally:
        if is_locked(ground.user.home / "key.pem"):
            decrypt_key(ground)


@contextmanager
def blocked_record(ground: Ground) -> Iterator[None]:
    """A directory has the name of the file that records the bridge."""
    record = ground.state_directory() / "bridge"
    record.mkdir()
    try:
        yield
    finally:
        record.rmdir()
        ground.call("DaemonService.SetBridge", dmn.SetBridgeRequest())


def stat(ground: Ground, lfn: str) -> cat.Entry:
    """Return the entry of a name."""
    answer: cat.StatEntriesResponse = ground.one("CatalogueService.StatEntries", cat.StatEntriesRequest(lfns=[lfn]))
    return answer.entries[0]


def touched(ground: Ground) -> str:
    """Return the LFN of a new entry."""
    lfn = ground.new()
    ground.call("CatalogueService.TouchEntries", cat.TouchEntriesRequest(lfns=[lfn]))
    return lfn


def stored(ground: Ground) -> str:
    """Return the LFN of a new file with two replicas."""
    lfn = ground.new()
    ground.call("ContentsService.Write", parts(lfn, b"content", storage="disk:2"))
    return lfn


def grid_job(ground: Ground) -> int:
    """Return the number of a new grid job."""
    request = jobs.SubmitGridJobRequest(jdl='Executable = "nothing.sh";')
    return int(ground.one("GridJobsService.SubmitGridJob", request).id)


def collection(ground: Ground) -> str:
    """Return the LFN of a new collection."""
    lfn = ground.new() + ".xml"
    ground.call("CatalogueService.MakeCollection", cat.MakeCollectionRequest(lfn=lfn, files=[ground.file]))
    return lfn


def run_start(*words: str) -> Any:  # noqa: ANN401 - an iterator of messages
    """Return the input of a command line."""
    start = cns.RunStart(contract=CONTRACT, argv=[word.encode() for word in words], cwd=b"/")
    return iter([cns.RunRequest(start=start)])


def with_objects(ground: Ground) -> Any:  # noqa: ANN401 - a message
    ground.ccdb.answers["/latest/TPC"] = {"objects": [version("Gain", "e-1", b"12345", [])], "subfolders": []}
    return net.ListCalibrationObjectsRequest(path="TPC")


def with_values(ground: Ground) -> Any:  # noqa: ANN401 - a message
    ground.ccdb.answers["/rest/node?Accept=application/json"] = [{"Value": 1.5}]
    return net.QueryMonitoringRequest(node="node")


def failed_grid_job(ground: Ground) -> int:
    """Return the number of a new grid job that has failed."""
    jdl = 'Executable = "nothing.sh"; SandboxWait = "0"; SandboxRun = "0"; SandboxError = "ERROR_E";'
    number = int(ground.one("GridJobsService.SubmitGridJob", jobs.SubmitGridJobRequest(jdl=jdl)).id)
    ground.call("GridJobsService.WaitGridJobs", jobs.WaitGridJobsRequest(ids=[number], interval=Duration(seconds=1)))
    return number


def killed_grid_job(ground: Ground) -> int:
    """Return the number of a new grid job that was killed."""
    number = grid_job(ground)
    ground.call("GridJobsService.KillGridJobs", jobs.KillGridJobsRequest(ids=[number]))
    return number


def deleting_job(ground: Ground) -> int:
    """Return the number of a synchronisation that has deleted a file."""
    source = ground.new()
    ground.call("CatalogueService.MakeDirectory", cat.MakeDirectoryRequest(lfn=source))
    ground.call("ContentsService.Write", parts(f"{source}/kept", b"content"))
    target = ground.user.home / "synchronised"
    target.mkdir()
    (target / "extra").write_bytes(b"extra")
    job = ground.submit(sources=[source], target=f"file:{target}", purpose=tra.PURPOSE_SYNC, delete=True)
    ground.call("TransfersService.WaitJob", tra.WaitJobRequest(id=job.id))
    return int(job.id)


def pkcs12(ground: Ground) -> str:
    """Return the path of a file as browsers export it."""
    home = ground.user.home
    words = [
        "-in",
        f"{home}/cert.pem",
        "-inkey",
        f"{home}/key.pem",
        "-passout",
        "pass:secret",
        "-out",
        f"{home}/own.p12",
    ]
    subprocess.run(["openssl", "pkcs12", "-export", *words], check=True, capture_output=True)
    return f"{home}/own.p12"


def done_job(ground: Ground) -> int:
    """Return the number of a new job that has ended."""
    number = int(ground.submit().id)
    ground.call("TransfersService.WaitJob", tra.WaitJobRequest(id=number))
    return number


@contextmanager
def full_port(ground: Ground) -> Iterator[None]:
    port = FullPort()
    ground.user.variables["FULL_PORT"] = str(port.number)
    try:
        yield
    finally:
        port.close()


def probe_full_port(ground: Ground) -> Any:  # noqa: ANN401 - a message
    return net.ProbeAddressesRequest(host="127.0.0.1", port=int(ground.user.variables["FULL_PORT"]))


CASES: dict[str, Case] = {
    "ConsoleService.Run": Case(
        lambda g: run_start("pwd"),
        lambda g, a: b"".join(one.stdout for one in a).startswith(b"/") and a[-1].exit.code == 0,
        invalid(lambda g: iter([cns.RunRequest(eof=cns.EndOfInput())])),
        Slow(lambda g: run_start("stat", g.file), Ground.no_answers),
    ),
    "ConsoleService.Complete": Case(
        lambda g: cns.CompleteRequest(words=[b"ls", f"{g.folder}/".encode()], cwd=b"/"),
        lambda g, a: f"{g.file}".encode() in [name.strip() for name in a[0].candidates],
        "a failed completion has no candidates",
        "it ends within moments, so that the user can continue to type",
    ),
    "SessionService.GetSession": Case(
        lambda g: ses.GetSessionRequest(),
        lambda g, a: a[0].session.user == "alice",
        "the session of a known account is in the database",
        STORED,
    ),
    "SessionService.ChangeDirectory": Case(
        lambda g: ses.ChangeDirectoryRequest(session="moved", directory=g.folder),
        lambda g, a: a[0].session.directory == f"{g.folder}/",
        missing(lambda g: ses.ChangeDirectoryRequest(session="moved", directory="/no/such")),
        CENTRAL,
    ),
    "SessionService.WatchConnections": Case(
        lambda g: ses.WatchConnectionsRequest(),
        lambda g, a: a[0].central[0].logins,
        "its request has no fields",
        WATCH,
    ),
    "SessionService.SetRole": Case(
        lambda g: ses.SetRoleRequest(session="acting", role="alice"),
        lambda g, a: a[0].session.user == "alice",
        Error(lambda g: ses.SetRoleRequest(role="nobody-here"), CODE.PERMISSION_DENIED, "ROLE_REFUSED"),
        Slow(lambda g: ses.SetRoleRequest(session="waiting", role="nobody-else"), Ground.no_answers),
    ),
    "SessionService.SetSite": Case(
        lambda g: ses.SetSiteRequest(session="sited", site="CERN"),
        lambda g, a: a[0].session.site == "CERN",
        invalid(lambda g: ses.SetSiteRequest()),
        "it only stores the name",
    ),
    "SessionService.GetIdentity": Case(
        lambda g: ses.GetIdentityRequest(),
        lambda g, a: (a[0].user, list(a[0].roles)) == ("alice", ["alice"]),
        garbage(lambda g: ses.GetIdentityRequest()),
        CENTRAL,
    ),
    "SessionService.SetDirectoryStack": Case(
        lambda g: ses.SetDirectoryStackRequest(session="stacked", directories=["/alice", "/"]),
        lambda g, a: (a[0].session.directory, list(a[0].session.stack)) == ("/alice/", ["/"]),
        missing(lambda g: ses.SetDirectoryStackRequest(directories=["/no/such"])),
        CENTRAL,
    ),
    "CatalogueService.ListEntries": Case(
        lambda g: cat.ListEntriesRequest(lfn=g.folder),
        lambda g, a: g.file in [one.lfn for one in a[0].entries],
        missing(lambda g: cat.ListEntriesRequest(lfn="/no/such")),
        CENTRAL,
    ),
    "CatalogueService.StatEntries": Case(
        lambda g: cat.StatEntriesRequest(lfns=[g.file, f"{g.folder}/-"]),
        lambda g, a: (a[0].entries[0].size, len(a[0].missing)) == (len(DATA), 1),
        invalid(lambda g: cat.StatEntriesRequest()),
        CENTRAL,
    ),
    "CatalogueService.FindEntries": Case(
        lambda g: cat.FindEntriesRequest(directory=g.folder, selection=tra.Selection(min_size=len(DATA))),
        lambda g, a: [one.lfn for one in a[0].entries] == [g.file],
        Error(lambda g: cat.FindEntriesRequest(directory=g.file), CODE.FAILED_PRECONDITION, "NOT_A_DIRECTORY"),
        CENTRAL,
    ),
    "CatalogueService.ListReplicas": Case(
        lambda g: cat.ListReplicasRequest(lfn=g.file),
        lambda g, a: len(a[0].replicas) == 2,
        missing(lambda g: cat.ListReplicasRequest(lfn="/no/such")),
        CENTRAL,
    ),
    "CatalogueService.GetChecksums": Case(
        lambda g: cat.GetChecksumsRequest(lfns=[g.file]),
        lambda g, a: a[0].checksums[0].md5 == hashlib.md5(DATA).hexdigest(),
        missing(lambda g: cat.GetChecksumsRequest(lfns=["/no/such"])),
        CENTRAL,
    ),
    "CatalogueService.GetUsage": Case(
        lambda g: cat.GetUsageRequest(lfns=[g.file]),
        lambda g, a: (a[0].usages[0].files, a[0].usages[0].bytes) == (1, len(DATA)),
        missing(lambda g: cat.GetUsageRequest(lfns=[g.file, "/no/such"])),
        CENTRAL,
    ),
    "CatalogueService.ResolveGuids": Case(
        lambda g: cat.ResolveGuidsRequest(guids=[g.guid, GUID]),
        lambda g, a: dict(a[0].lfns) == {g.guid: g.file},
        invalid(lambda g: cat.ResolveGuidsRequest(guids=["x"])),
        CENTRAL,
    ),
    "CatalogueService.MakeDirectory": Case(
        lambda g: cat.MakeDirectoryRequest(lfn=f"{g.new()}/a/b", parents=True),
        lambda g, a: stat(g, f"{g.folder}/new{g.used}/a/b").type == cat.ENTRY_TYPE_DIRECTORY,
        missing(lambda g: cat.MakeDirectoryRequest(lfn="/no/such/directory")),
        CENTRAL,
    ),
    "CatalogueService.RemoveEntries": Case(
        lambda g: cat.RemoveEntriesRequest(lfns=[touched(g)]),
        lambda g, a: (
            g.one("CatalogueService.StatEntries", cat.StatEntriesRequest(lfns=[f"{g.folder}/new{g.used}"])).missing
        ),
        invalid(lambda g: cat.RemoveEntriesRequest(lfns=["/alice/*"])),
        CENTRAL,
    ),
    "CatalogueService.MoveEntry": Case(
        lambda g: cat.MoveEntryRequest(lfn=touched(g), target=f"{g.folder}/moved{g.used}"),
        lambda g, a: stat(g, f"{g.folder}/moved{g.used}"),
        missing(lambda g: cat.MoveEntryRequest(lfn="/no/such", target="/no/other")),
        CENTRAL,
    ),
    "CatalogueService.TouchEntries": Case(
        lambda g: cat.TouchEntriesRequest(lfns=[g.new()]),
        lambda g, a: stat(g, f"{g.folder}/new{g.used}").type == cat.ENTRY_TYPE_FILE,
        invalid(lambda g: cat.TouchEntriesRequest(lfns=["file:/x"])),
        CENTRAL,
    ),
    "CatalogueService.SetPermissions": Case(
        lambda g: cat.SetPermissionsRequest(lfns=[touched(g)], permissions="700"),
        lambda g, a: stat(g, f"{g.folder}/new{g.used}").permissions == "700",
        invalid(lambda g: cat.SetPermissionsRequest(lfns=["/alice"], permissions="999")),
        CENTRAL,
    ),
    "CatalogueService.SetOwner": Case(
        lambda g: cat.SetOwnerRequest(lfns=[g.file], owner="alice", group="alice"),
        lambda g, a: stat(g, g.file).owner == "alice",
        invalid(lambda g: cat.SetOwnerRequest(lfns=["/alice"], owner="-R")),
        CENTRAL,
    ),
    "CatalogueService.SetExpiry": Case(
        lambda g: cat.SetExpiryRequest(lfns=[g.file], lifetime=Duration(seconds=3 * DAY)),
        lambda g, a: a,
        invalid(lambda g: cat.SetExpiryRequest(lfns=["/alice"], lifetime=Duration(seconds=DAY + 1))),
        CENTRAL,
    ),
    "CatalogueService.GetQuota": Case(
        lambda g: cat.GetQuotaRequest(),
        lambda g, a: a[0].quota.account == "alice" and a[0].quota.max_files > 0,
        missing(lambda g: cat.GetQuotaRequest(account="nobody-here")),
        CENTRAL,
    ),
    "CatalogueService.SetQuota": Case(
        lambda g: cat.SetQuotaRequest(account="bob", max_files=777, max_unfinished_jobs=77),
        lambda g, a: (
            [
                (one.max_files, one.max_unfinished_jobs)
                for one in [g.one("CatalogueService.GetQuota", cat.GetQuotaRequest(account="bob")).quota]
            ]
            == [(777, 77)]
        ),
        Error(lambda g: cat.SetQuotaRequest(account="bob", max_files=5), CODE.PERMISSION_DENIED, "PERMISSION_DENIED"),
        CENTRAL,
        Ground.administrator,
    ),
    "CatalogueService.ListCollection": Case(
        lambda g: cat.ListCollectionRequest(lfn=collection(g)),
        lambda g, a: [(one.lfn, one.size) for one in a[0].entries] == [(g.file, len(DATA))],
        missing(lambda g: cat.ListCollectionRequest(lfn="/no/such")),
        CENTRAL,
    ),
    "CatalogueService.MakeCollection": Case(
        lambda g: cat.MakeCollectionRequest(lfn=f"{g.new()}.xml", files=[g.file]),
        lambda g, a: stat(g, f"{g.folder}/new{g.used}.xml").size,
        Error(
            lambda g: cat.MakeCollectionRequest(lfn="/alice/", files=["/alice"]), CODE.ALREADY_EXISTS, "ALREADY_EXISTS"
        ),
        CENTRAL,
    ),
    "ContentsService.Read": Case(
        lambda g: con.ReadRequest(lfn=g.file),
        lambda g, a: (a[0].file.guid, b"".join(one.data for one in a)) == (g.guid, DATA),
        Error(lambda g: con.ReadRequest(lfn="/alice"), CODE.FAILED_PRECONDITION, "IS_A_DIRECTORY"),
        CENTRAL,
    ),
    "ContentsService.Write": Case(
        lambda g: parts(g.new()),
        lambda g, a: (a[0].entry.lfn, a[0].entry.size) == (f"{g.folder}/new{g.used}", len(DATA)),
        invalid(lambda g: iter([con.WriteRequest(data=b"x")])),
        CENTRAL,
    ),
    "StorageService.ListStorageElements": Case(
        lambda g: sto.ListStorageElementsRequest(label="SE1"),
        lambda g, a: [(one.se, list(one.qos)) for one in a[0].elements] == [("ALICE::SANDBOX::SE1", ["disk"])],
        garbage(lambda g: sto.ListStorageElementsRequest()),
        CENTRAL,
    ),
    "StorageService.ListElementDistances": Case(
        lambda g: sto.ListElementDistancesRequest(),
        lambda g, a: a[0].distances[0].distance <= a[0].distances[1].distance,
        invalid(lambda g: sto.ListElementDistancesRequest(lfn="file:/x")),
        CENTRAL,
    ),
    "StorageService.GetFileUrls": Case(
        lambda g: sto.GetFileUrlsRequest(lfn=g.file),
        lambda g, a: a[0].urls[0].url.startswith("root://") and a[0].urls[0].guid == g.guid,
        missing(lambda g: sto.GetFileUrlsRequest(lfn="/no/such")),
        CENTRAL,
    ),
    "StorageService.StatReplicas": Case(
        lambda g: sto.StatReplicasRequest(lfns=[g.file]),
        lambda g, a: [(one.ok, one.size) for one in a[0].replicas] == [(True, len(DATA))] * 2,
        invalid(lambda g: sto.StatReplicasRequest()),
        Slow(lambda g: sto.StatReplicasRequest(lfns=[g.file]), Ground.no_storage),
    ),
    "StorageService.ProbeServers": Case(
        lambda g: sto.ProbeServersRequest(servers=["SE1"], kind=sto.PROBE_KIND_CONFIG),
        lambda g, a: a[0].answers[0].ok and a[0].answers[0].settings["version"],
        invalid(lambda g: sto.ProbeServersRequest()),
        Slow(lambda g: sto.ProbeServersRequest(servers=["SE1"]), Ground.no_storage),
    ),
    "StorageService.MirrorFile": Case(
        lambda g: sto.MirrorFileRequest(lfn=g.file, storage="disk:1"),
        lambda g, a: a,
        invalid(lambda g: sto.MirrorFileRequest(lfn="/alice")),
        CENTRAL,
    ),
    "StorageService.GetMirror": Case(
        lambda g: sto.GetMirrorRequest(id=1),
        lambda g, a: a[0].state,
        invalid(lambda g: sto.GetMirrorRequest()),
        CENTRAL,
    ),
    "StorageService.DeleteReplica": Case(
        lambda g: sto.DeleteReplicaRequest(lfn=stored(g), se="ALICE::SANDBOX::SE2"),
        lambda g, a: (
            len(g.one("CatalogueService.ListReplicas", cat.ListReplicasRequest(lfn=f"{g.folder}/new{g.used}")).replicas)
            == 1
        ),
        Error(lambda g: sto.DeleteReplicaRequest(lfn="/no/such", se="ALICE::X::SE"), CODE.UNKNOWN, "SERVICE"),
        CENTRAL,
    ),
    "TransfersService.SubmitJob": Case(
        lambda g: tra.SubmitJobRequest(
            request_id="submitted", sources=[g.file], target=f"file:{g.user.home}/submitted", label="mine"
        ),
        lambda g, a: (list(a[0].job.sources), a[0].job.label) == ([g.file], "mine"),
        invalid(lambda g: tra.SubmitJobRequest(request_id="x", sources=[g.file], target="nowhere")),
        "it only stores the job, which `CancelJob` ends",
    ),
    "TransfersService.GetJob": Case(
        lambda g: tra.GetJobRequest(id=g.job),
        lambda g, a: (a[0].job.id, a[0].job.state, a[0].job.files.total) == (g.job, tra.JOB_STATE_DONE, 1),
        no_job(lambda g: tra.GetJobRequest(id=NONE)),
        STORED,
    ),
    "TransfersService.ListJobs": Case(
        lambda g: tra.ListJobsRequest(states=[tra.JOB_STATE_DONE]),
        lambda g, a: g.job in [one.id for one in a[0].jobs],
        invalid(lambda g: tra.ListJobsRequest(page_token="x")),
        STORED,
    ),
    "TransfersService.ListTransfers": Case(
        lambda g: tra.ListTransfersRequest(job_id=g.job),
        lambda g, a: [(one.target, one.state) for one in a[0].transfers] == [(g.file, tra.TRANSFER_STATE_DONE)],
        no_job(lambda g: tra.ListTransfersRequest(job_id=NONE)),
        STORED,
    ),
    "TransfersService.WatchJobs": Case(
        lambda g: tra.WatchJobsRequest(job_id=g.job),
        lambda g, a: (a[-1].jobs[0].id, a[-1].jobs[0].state) == (g.job, tra.JOB_STATE_DONE),
        invalid(lambda g: tra.WatchJobsRequest(resume_token="another-1")),
        WATCH,
    ),
    "TransfersService.CancelJob": Case(
        lambda g: tra.CancelJobRequest(request_id="c", id=g.submit(rate=1024).id),
        lambda g, a: a[0].job.state == tra.JOB_STATE_CANCELLED or a[0].job.files.cancelled,
        no_job(lambda g: tra.CancelJobRequest(request_id="c", id=NONE)),
        STORED,
    ),
    "TransfersService.PauseJob": Case(
        lambda g: tra.PauseJobRequest(request_id="p", id=g.submit(rate=1024).id),
        lambda g, a: a[0].job.state == tra.JOB_STATE_PAUSED,
        no_job(lambda g: tra.PauseJobRequest(request_id="p", id=NONE)),
        STORED,
    ),
    "TransfersService.ResumeJob": Case(
        lambda g: tra.ResumeJobRequest(request_id="r", id=g.job),
        lambda g, a: a[0].job.id == g.job,
        no_job(lambda g: tra.ResumeJobRequest(request_id="r", id=NONE)),
        STORED,
    ),
    "TransfersService.RetryJob": Case(
        lambda g: tra.RetryJobRequest(request_id="again", id=g.job),
        lambda g, a: a[0].job.id == g.job,
        no_job(lambda g: tra.RetryJobRequest(request_id="never", id=NONE)),
        STORED,
    ),
    "TransfersService.GetLimits": Case(
        lambda g: tra.GetLimitsRequest(),
        lambda g, a: a[0].limits.files["files"] > 0,
        "its request has no fields",
        MEMORY,
    ),
    "TransfersService.SetLimits": Case(
        lambda g: tra.SetLimitsRequest(request_id="l", changes={"down": "7"}),
        lambda g, a: a[0].limits.files["down"] == 7,
        invalid(lambda g: tra.SetLimitsRequest(request_id="l", changes={"down": "many"})),
        STORED,
    ),
    "TransfersService.SetJobRate": Case(
        lambda g: tra.SetJobRateRequest(request_id="s", id=g.paused, rate=4096),
        lambda g, a: a[0].job.rate == 4096,
        no_job(lambda g: tra.SetJobRateRequest(request_id="s", id=NONE)),
        STORED,
    ),
    "TransfersService.SetJobPriority": Case(
        lambda g: tra.SetJobPriorityRequest(request_id="s", id=g.paused, priority=5),
        lambda g, a: a[0].job.priority == 5,
        invalid(lambda g: tra.SetJobPriorityRequest(request_id="s", id=g.paused, priority=2_000_000)),
        STORED,
    ),
    "TransfersService.CleanJobs": Case(
        lambda g: tra.CleanJobsRequest(request_id="c", ids=[done_job(g)]),
        lambda g, a: a[0].removed == 1,
        invalid(lambda g: tra.CleanJobsRequest(request_id="c", ids=[g.paused])),
        STORED,
    ),
    "TransfersService.ListWaitReasons": Case(
        lambda g: tra.ListWaitReasonsRequest(job_id=g.paused),
        lambda g, a: [one.kind for one in a[0].reasons] == [tra.WAIT_KIND_PAUSED],
        no_job(lambda g: tra.ListWaitReasonsRequest(job_id=NONE)),
        STORED,
    ),
    "TransfersService.WaitJob": Case(
        lambda g: tra.WaitJobRequest(id=g.job),
        lambda g, a: a[0].job.files.total == 1,
        no_job(lambda g: tra.WaitJobRequest(id=NONE)),
        Slow(lambda g: tra.WaitJobRequest(id=g.paused)),
    ),
    "TransfersService.ListAttempts": Case(
        lambda g: tra.ListAttemptsRequest(
            transfer_ids=[
                one.id
                for one in g.one("TransfersService.ListTransfers", tra.ListTransfersRequest(job_id=g.job)).transfers
            ]
        ),
        lambda g, a: {one.stage for one in a[0].attempts} == {tra.ATTEMPT_STAGE_DONE},
        invalid(lambda g: tra.ListAttemptsRequest(transfer_ids=[2**63])),
        STORED,
    ),
    "TransfersService.ListDeletions": Case(
        lambda g: tra.ListDeletionsRequest(job_id=deleting_job(g)),
        lambda g, a: [(one.name, one.state) for one in a[0].deletions] == [("extra", tra.DELETION_STATE_DELETED)],
        no_job(lambda g: tra.ListDeletionsRequest(job_id=NONE)),
        STORED,
    ),
    "TransfersService.PlanJob": Case(
        lambda g: tra.PlanJobRequest(job=tra.SubmitJobRequest(sources=[g.file], target=f"file:{g.user.home}/plan/")),
        lambda g, a: (
            (g.file, tra.PLANNED_ACTION_COPY) in [(one.source, one.action) for page in a for one in page.files]
        ),
        invalid(lambda g: tra.PlanJobRequest(job=tra.SubmitJobRequest(sources=["/alice"], target="x"))),
        CENTRAL,
    ),
    "GridJobsService.SubmitGridJob": Case(
        lambda g: jobs.SubmitGridJobRequest(jdl='Executable = "nothing.sh";'),
        lambda g, a: a[0].id > g.grid_job,
        invalid(lambda g: jobs.SubmitGridJobRequest(jdl="nothing")),
        CENTRAL,
    ),
    "GridJobsService.ListGridJobs": Case(
        lambda g: jobs.ListGridJobsRequest(),
        lambda g, a: g.grid_job in [one.id for one in a[0].jobs],
        invalid(lambda g: jobs.ListGridJobsRequest(limit=10**6)),
        CENTRAL,
    ),
    "GridJobsService.GetGridJobs": Case(
        lambda g: jobs.GetGridJobsRequest(ids=[g.grid_job, NONE]),
        lambda g, a: (a[0].jobs[0].id, list(a[0].missing)) == (g.grid_job, [NONE]) and "nothing.sh" in a[0].jobs[0].jdl,
        invalid(lambda g: jobs.GetGridJobsRequest(ids=[2**63])),
        CENTRAL,
    ),
    "GridJobsService.GetMasterJobs": Case(
        lambda g: jobs.GetMasterJobsRequest(ids=[g.grid_job]),
        lambda g, a: a[0].jobs[0].id == g.grid_job,
        invalid(lambda g: jobs.GetMasterJobsRequest()),
        CENTRAL,
    ),
    "GridJobsService.KillGridJobs": Case(
        lambda g: jobs.KillGridJobsRequest(ids=[grid_job(g)]),
        lambda g, a: a[0].jobs[0].outcome == jobs.KILL_OUTCOME_KILLED,
        invalid(lambda g: jobs.KillGridJobsRequest(ids=[0])),
        CENTRAL,
    ),
    "GridJobsService.ResubmitGridJobs": Case(
        lambda g: jobs.ResubmitGridJobsRequest(ids=[failed_grid_job(g)]),
        lambda g, a: a,
        Error(lambda g: jobs.ResubmitGridJobsRequest(ids=[NONE]), CODE.UNKNOWN, "SERVICE"),
        CENTRAL,
    ),
    "GridJobsService.WaitGridJobs": Case(
        lambda g: jobs.WaitGridJobsRequest(ids=[killed_grid_job(g)]),
        lambda g, a: (a[-1].jobs[0].status, a[-1].jobs[0].has_ended) == ("KILLED", True),
        missing(lambda g: jobs.WaitGridJobsRequest(ids=[NONE])),
        CENTRAL,
    ),
    "GridJobsService.ListComputingElements": Case(
        lambda g: jobs.ListComputingElementsRequest(name="CE1"),
        lambda g, a: a[0].elements[0].ttl.seconds > 0,
        garbage(lambda g: jobs.ListComputingElementsRequest()),
        CENTRAL,
    ),
    "GridJobsService.ListMatchingElements": Case(
        lambda g: jobs.ListMatchingElementsRequest(id=g.grid_job),
        lambda g, a: a,
        invalid(lambda g: jobs.ListMatchingElementsRequest()),
        CENTRAL,
    ),
    "CredentialsService.GetCredentials": Case(
        lambda g: cred.GetCredentialsRequest(),
        lambda g, a: (a[0].certificate.problem, a[0].certificate.key) == ("", cred.KEY_STATE_USABLE),
        "what is wrong with the files is its answer",
        FILES,
    ),
    "CredentialsService.VerifyCertificates": Case(
        lambda g: cred.VerifyCertificatesRequest(),
        lambda g, a: a[0].certificate_problem == "",
        "what is wrong with the files is its answer",
        FILES,
    ),
    "CredentialsService.ImportCertificate": Case(
        lambda g: cred.ImportCertificateRequest(path=pkcs12(g), passphrase="secret", replace=True),
        lambda g, a: (a[0].certificate.problem, len(a[0].kept)) == ("", 2),
        Error(lambda g: cred.ImportCertificateRequest(path="/no/such.p12"), CODE.NOT_FOUND, "LOCAL_FILE_NOT_FOUND"),
        FILES,
    ),
    "CredentialsService.UnlockKey": Case(
        lambda g: cred.UnlockKeyRequest(),
        lambda g, a: a,
        Error(lambda g: cred.UnlockKeyRequest(passphrase="wrong"), INVALID, "INVALID_REQUEST", locked_key),
        FILES,
    ),
    "CredentialsService.InitToken": Case(
        lambda g: cred.InitTokenRequest(days=3),
        lambda g, a: (a[0].token.problem, a[0].token.key) == ("", cred.KEY_STATE_USABLE),
        invalid(lambda g: cred.InitTokenRequest(days=1000)),
        CENTRAL,
    ),
    "CredentialsService.DestroyToken": Case(
        lambda g: [g.call("CredentialsService.InitToken", cred.InitTokenRequest()), cred.DestroyTokenRequest()][1],
        lambda g, a: sorted(a[0].removed) == [f"{g.user.home}/token-cert.pem", f"{g.user.home}/token-key.pem"],
        "a token that does not exist is destroyed already",
        FILES,
    ),
    "NetworkService.PingService": Case(
        lambda g: net.PingServiceRequest(count=2),
        lambda g, a: len(a[0].round_trips) == 2,
        invalid(lambda g: net.PingServiceRequest(count=10**6)),
        Slow(lambda g: net.PingServiceRequest(count=1000), Ground.no_service),
    ),
    "NetworkService.MeasureLogins": Case(
        lambda g: net.MeasureLoginsRequest(count=1),
        lambda g, a: len(a[0].logins) == 1,
        invalid(lambda g: net.MeasureLoginsRequest(count=1000)),
        Slow(lambda g: net.MeasureLoginsRequest(count=20), Ground.no_service),
    ),
    "NetworkService.ProbeAddresses": Case(
        lambda g: net.ProbeAddressesRequest(),
        lambda g, a: any(one.answers for one in a[0].probes),
        Error(lambda g: net.ProbeAddressesRequest(host="no.such.invalid", port=1), CODE.UNAVAILABLE, "NOT_CONNECTED"),
        Slow(probe_full_port, full_port),
    ),
    "NetworkService.QueryMonitoring": Case(
        with_values,
        lambda g, a: [one["Value"] for one in a[0].values] == [1.5],
        Error(lambda g: net.QueryMonitoringRequest(node="other"), CODE.UNAVAILABLE, "WEB"),
        Slow(lambda g: net.QueryMonitoringRequest(node="node"), Ground.silent_web),
    ),
    "NetworkService.ListCalibrationObjects": Case(
        with_objects,
        lambda g, a: [(one.name, one.size) for one in a[0].objects] == [("Gain.root", 5)],
        invalid(lambda g: net.ListCalibrationObjectsRequest(limit=10**6)),
        Slow(lambda g: net.ListCalibrationObjectsRequest(path="TPC"), Ground.silent_web),
    ),
    "DaemonService.Hello": Case(
        lambda g: dmn.HelloRequest(contract=CONTRACT), lambda g, a: a[0].contract == CONTRACT, MEMORY, MEMORY
    ),
    "DaemonService.Status": Case(
        lambda g: dmn.StatusRequest(), lambda g, a: a[0].central[0].user == "alice", MEMORY, MEMORY
    ),
    "DaemonService.Stop": Case(
        lambda g: [
            g.hold("TransfersService.WaitJob", tra.WaitJobRequest(id=g.paused)),
            dmn.StopRequest(only_if_idle=True),
        ][-1],
        lambda g, a: a[0].needed and a[0].running_calls == 1,
        "it always answers",
        MEMORY,
    ),
    "DaemonService.Reload": Case(
        lambda g: dmn.ReloadRequest(),
        lambda g, a: not list(a[0].after_restart),
        Error(lambda g: dmn.ReloadRequest(), CODE.FAILED_PRECONDITION, "CONFIGURATION", wrong_configuration),
        FILES,
    ),
    "DaemonService.Metrics": Case(
        lambda g: dmn.MetricsRequest(), lambda g, a: a[0].text.endswith("# EOF\n"), "its request has no fields", MEMORY
    ),
    "DaemonService.GetBridge": Case(
        lambda g: dmn.GetBridgeRequest(), lambda g, a: not a[0].bridge.running, "its request has no fields", MEMORY
    ),
    "DaemonService.SetBridge": Case(
        lambda g: dmn.SetBridgeRequest(running=True),
        lambda g, a: (
            a[0].bridge.port > 0
            and not g.one("DaemonService.SetBridge", dmn.SetBridgeRequest(running=False)).bridge.running
        ),
        Error(lambda g: dmn.SetBridgeRequest(running=True), CODE.FAILED_PRECONDITION, "CONFIGURATION", blocked_record),
        "it opens a local port at once",
    ),
    "RawService.Execute": Case(
        lambda g: raw.ExecuteRequest(command="ls", options=["/no/such"]),
        lambda g, a: a[0].exit_code == 2,
        invalid(lambda g: raw.ExecuteRequest(command="cd")),
        CENTRAL,
    ),
}
"""The case of each call of the contract."""
