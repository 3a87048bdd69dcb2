"""Another program, so to say: plain grpcio and the contract, nothing of ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from aliend import CONTRACT
from aliend.services.messages.submit import MAX_VALUES
from aliend.v1 import (
    catalogue_pb2,
    catalogue_pb2_grpc,
    daemon_pb2,
    daemon_pb2_grpc,
    errors_pb2,
    session_pb2,
    session_pb2_grpc,
    transfers_pb2,
    transfers_pb2_grpc,
)
from tests.harness import User, eventually


@pytest.fixture
def channel(user: User) -> Iterator[grpc.Channel]:
    user.must("pwd")
    socket = user.json("daemon", "status")["socket"]
    with grpc.insecure_channel(f"unix:{socket}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        yield channel


def info(error: grpc.RpcError) -> errors_pb2.ErrorInfo:
    status = rpc_status.from_call(error)
    assert status is not None
    found = errors_pb2.ErrorInfo()
    assert status.details[0].Unpack(found)
    return found


def test_it_learns_versions_and_capabilities(channel: grpc.Channel) -> None:
    hello = daemon_pb2_grpc.DaemonServiceStub(channel).Hello(daemon_pb2.HelloRequest(contract=CONTRACT))
    assert hello.contract == CONTRACT
    assert "transfers" in hello.capabilities
    assert hello.pid != os.getpid()


def test_it_lists_a_directory(user: User, channel: grpc.Channel) -> None:
    user.must("mkdir", "-p", "program/sub")
    home = session_pb2_grpc.SessionServiceStub(channel).GetSession(session_pb2.GetSessionRequest()).session.directory
    pages = catalogue_pb2_grpc.CatalogueServiceStub(channel).ListEntries(
        catalogue_pb2.ListEntriesRequest(lfn="program")
    )
    entries = [entry for page in pages for entry in page.entries]
    assert [(entry.lfn, entry.type) for entry in entries] == [
        (f"{home}program/sub/", catalogue_pb2.ENTRY_TYPE_DIRECTORY)
    ]
    user.must("rm", "-r", "program")


def test_a_missing_directory_is_an_error_with_a_reason(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        list(
            catalogue_pb2_grpc.CatalogueServiceStub(channel).ListEntries(
                catalogue_pb2.ListEntriesRequest(lfn="/no/such")
            )
        )
    assert failure.value.code() == grpc.StatusCode.NOT_FOUND
    found = info(failure.value)
    assert (found.reason, found.error_number, found.lfn) == (errors_pb2.ERROR_REASON_NOT_FOUND, 2, "/no/such")


def test_stat_reports_existing_and_missing_names(channel: grpc.Channel) -> None:
    request = catalogue_pb2.StatEntriesRequest(lfns=["/alice/", "/no/such"])
    answer = catalogue_pb2_grpc.CatalogueServiceStub(channel).StatEntries(request)
    assert [entry.lfn for entry in answer.entries] == ["/alice/"]
    assert list(answer.missing) == ["/no/such"]


def test_it_changes_a_sessions_directory(channel: grpc.Channel) -> None:
    stub = session_pb2_grpc.SessionServiceStub(channel)
    state = stub.ChangeDirectory(session_pb2.ChangeDirectoryRequest(session="mine", directory="/alice")).session
    assert state.directory == "/alice/"
    assert stub.GetSession(session_pb2.GetSessionRequest(session="mine")).session.directory == "/alice/"


def test_a_copy_submitted_twice_is_one_job_and_can_be_watched(user: User, channel: grpc.Channel) -> None:
    (user.home / "source").write_bytes(os.urandom(100_000))
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    request = transfers_pb2.SubmitJobRequest(
        request_id="the-same", sources=[f"file:{user.home}/source"], target=f"alien:program-{user.home.name}"
    )
    first, second = (stub.SubmitJob(request).job for _ in range(2))
    assert first.id == second.id
    last = list(stub.WatchJobs(transfers_pb2.WatchJobsRequest(job_id=first.id)))[-1]
    assert last.jobs[-1].state == transfers_pb2.JOB_STATE_DONE
    assert stub.GetJob(transfers_pb2.GetJobRequest(id=first.id)).job.files.done == 1
    assert [job.id for job in stub.ListJobs(transfers_pb2.ListJobsRequest()).jobs] == [first.id]
    (file,) = stub.ListTransfers(transfers_pb2.ListTransfersRequest(job_id=first.id)).transfers
    assert (file.state, file.size) == (transfers_pb2.TRANSFER_STATE_DONE, 100_000)


def test_a_program_can_say_how_its_copies_are_made(user: User, channel: grpc.Channel) -> None:
    (user.home / "source").write_bytes(os.urandom(100_000))
    lfn = f"how-{user.home.name}"
    user.must("cp", "file:source", lfn)
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    words: dict[str, Any] = {"sources": [lfn], "overwrite": transfers_pb2.OVERWRITE_ALWAYS}
    run_flags: list[dict[str, Any]] = [
        {"http": True},
        {"chunks": 2, "chunk_size": 30_000, "verify": True, "retries": 0, "rate": 9_000_000},
    ]
    for number, more in enumerate(run_flags):
        job = stub.SubmitJob(
            transfers_pb2.SubmitJobRequest(request_id=str(number), target=f"file:{user.home}/b", **words, **more)
        ).job
        list(stub.WatchJobs(transfers_pb2.WatchJobsRequest(job_id=job.id)))
        (file,) = stub.ListTransfers(transfers_pb2.ListTransfersRequest(job_id=job.id)).transfers
        assert file.state == transfers_pb2.TRANSFER_STATE_DONE
        assert ("no storage element supports HTTP" in file.message) == ("http" in more)
    assert (user.home / "b").read_bytes() == (user.home / "source").read_bytes()


def test_a_watch_continues_after_the_daemon_was_killed(user: User, channel: grpc.Channel) -> None:
    (user.home / "source").write_bytes(os.urandom(1000))
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    job = stub.SubmitJob(
        transfers_pb2.SubmitJobRequest(
            request_id="one", sources=[f"file:{user.home}/source"], target=f"alien:w-{user.home.name}"
        )
    ).job
    token = list(stub.WatchJobs(transfers_pb2.WatchJobsRequest(job_id=job.id)))[-1].resume_token
    user.kill_daemon()
    user.must("pwd")
    with grpc.insecure_channel(f"unix:{user.json('daemon', 'status')['socket']}") as again:
        stub = transfers_pb2_grpc.TransfersServiceStub(again)
        events = list(stub.WatchJobs(transfers_pb2.WatchJobsRequest(job_id=job.id, resume_token=token)))
        assert [transfer for event in events for transfer in event.transfers] == []
        with pytest.raises(grpc.RpcError) as failure:
            list(stub.WatchJobs(transfers_pb2.WatchJobsRequest(job_id=job.id, resume_token="another-1")))
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_it_asks_for_copies_within_the_catalogue_for_replicas_and_for_a_synchronisation(
    user: User, channel: grpc.Channel
) -> None:
    transfers = transfers_pb2_grpc.TransfersServiceStub(channel)
    folder = f"{user.must('pwd')}{user.home.name}/"
    (user.home / "d").mkdir()
    (user.home / "d" / "f").write_bytes(os.urandom(1000))
    user.must("cp", "file:d/", f"{folder}d/@ALICE::SANDBOX::SE1")
    requests = [
        transfers_pb2.SubmitJobRequest(
            request_id="copy", sources=[f"{folder}d/"], target=f"alien:{folder}e/", storage="disk:1"
        ),
        transfers_pb2.SubmitJobRequest(
            request_id="more",
            sources=[f"{folder}d"],
            storage="ALICE::SANDBOX::SE2",
            purpose=transfers_pb2.PURPOSE_REPLICATE,
        ),
        transfers_pb2.SubmitJobRequest(
            request_id="sync",
            sources=[f"{folder}d"],
            target="file:e",
            cwd=str(user.home),
            purpose=transfers_pb2.PURPOSE_SYNC,
            delete=True,
            exclude=["*.log"],
        ),
    ]
    (user.home / "e").mkdir()
    for name in ("extra", "kept.log"):
        (user.home / "e" / name).write_bytes(b"x")
    for request in requests:
        first, second = transfers.SubmitJob(request).job, transfers.SubmitJob(request).job
        assert first.id == second.id
        for change in transfers.WatchJobs(transfers_pb2.WatchJobsRequest(job_id=first.id)):
            states = [job.state for job in change.jobs]
        assert states[-1] == transfers_pb2.JOB_STATE_DONE
        assert transfers.GetJob(transfers_pb2.GetJobRequest(id=first.id)).job.purpose == (
            request.purpose or transfers_pb2.PURPOSE_COPY
        )
    assert first.direction == transfers_pb2.DIRECTION_DOWNLOAD
    assert sorted(path.name for path in (user.home / "e").iterdir()) == ["f", "kept.log"]
    assert len(user.json("whereis", f"{folder}d/f")["results"]) == 2
    assert user.json("stat", f"{folder}e/f")["results"][0]["size"] == "1000"


def selecting(**words: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the message
    return {"selection": transfers_pb2.Selection(**words)}


def test_it_selects_as_cp_does(user: User, channel: grpc.Channel) -> None:
    names = {"a/x.root": 10, "a/y.root": 2000, "a/b/x.root": 10, "a/x.log": 10}
    for name, size in names.items():
        (user.home / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (user.home / "tree" / name).write_bytes(os.urandom(size))
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    folder = f"{user.must('pwd')}{user.home.name}/"
    run_flags: list[tuple[dict[str, Any], set[str]]] = [
        (selecting(pattern="*.root", max_size=100), {"a/x.root", "a/b/x.root"}),
        (selecting(regex=r"/x\.", max_depth=1), {"a/x.root", "a/x.log"}),
        (selecting(name="begin_x_ext_root", exclude_patterns=["b/*"]), {"a/x.root"}),
        (selecting(exclude_texts=["x"], exclude_regexes=["nothing$"]), {"a/y.root"}),
        (selecting(min_change_time=Timestamp(seconds=2**36)), set()),
    ]
    user.must("cp", "file:tree/", f"{folder}all/@disk:1")
    for number, (more, expected) in enumerate(run_flags):
        there, here = f"{folder}{number}/", f"{user.home}/{number}/"
        for source, target in ((f"file:{user.home}/tree/", f"alien:{there}"), (f"{folder}all/", f"file:{here}")):
            words = {"request_id": f"{number}{source}", "sources": [source], "target": target, **more}
            job = stub.SubmitJob(transfers_pb2.SubmitJobRequest(**words)).job
            (last,) = list(stub.WatchJobs(transfers_pb2.WatchJobsRequest(job_id=job.id)))[-1].jobs
            assert last.state == transfers_pb2.JOB_STATE_DONE, words
        found = {path.relative_to(here).as_posix() for path in Path(here).rglob("*") if path.is_file()}
        assert found == expected
        listed = user.run("find", there, "*").stdout.split()
        assert {name.removeprefix(there) for name in listed} == expected


def test_each_source_may_have_its_own_target(user: User, channel: grpc.Channel) -> None:
    for name in ("f", "g"):
        (user.home / name).write_text(name)
    folder = f"{user.must('pwd')}{user.home.name}/"
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    for request in (
        transfers_pb2.SubmitJobRequest(
            request_id="up",
            sources=["file:f", "file:g"],
            targets=[f"alien:{folder}1/a", f"alien:{folder}2/b"],
            cwd=str(user.home),
        ),
        transfers_pb2.SubmitJobRequest(
            request_id="down",
            sources=[f"{folder}1/a", f"{folder}2/"],
            targets=["file:x", "file:y/"],
            cwd=str(user.home),
        ),
        transfers_pb2.SubmitJobRequest(
            request_id="deep", sources=[f"{folder}1/a"], target="file:z/", cwd=str(user.home), parents=1
        ),
    ):
        job = stub.SubmitJob(request).job
        (last,) = list(stub.WatchJobs(transfers_pb2.WatchJobsRequest(job_id=job.id)))[-1].jobs
        assert last.state == transfers_pb2.JOB_STATE_DONE, last.message
    assert (user.home / "x").read_text() == "f"
    assert (user.home / "y/b").read_text() == "g"
    assert (user.home / "z/1/a").read_text() == "f"


def test_it_reads_and_sets_the_limits_as_the_command_does(user: User, channel: grpc.Channel) -> None:
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    assert dict(stub.GetLimits(transfers_pb2.GetLimitsRequest()).limits.files) == {
        "files": 8,
        "down": 0,
        "up": 0,
        "se": 4,
    }
    words = {"down": "3", "alice::x::se": "2", "rate": "12:00-00:00 5M, else 5120K", "ALICE::X::SE.rate": "1M"}
    changed = stub.SetLimits(transfers_pb2.SetLimitsRequest(request_id="a", changes=words)).limits
    assert changed == stub.GetLimits(transfers_pb2.GetLimitsRequest()).limits
    shown = user.json("transfers", "limit")
    assert dict(changed.files) == shown["limits"] == {"files": 8, "down": 3, "up": 0, "se": 4, "ALICE::X::SE": 2}
    assert {name: {"set": one.schedule, "now": one.bytes_per_second} for name, one in changed.rates.items()} == shown[
        "rates"
    ]
    assert changed.rates["rate"].bytes_per_second == 5 << 20
    for wrong in ({"down": "none"}, {"sideways": "1"}, {"rate": "fast"}, {"down": "5", "up": "x"}):
        with pytest.raises(grpc.RpcError) as refused:
            stub.SetLimits(transfers_pb2.SetLimitsRequest(request_id="b", changes=wrong))
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert stub.GetLimits(transfers_pb2.GetLimitsRequest()).limits == changed
    undone = stub.SetLimits(
        transfers_pb2.SetLimitsRequest(request_id="c", changes=dict.fromkeys(words, "default"))
    ).limits
    assert dict(undone.files) == {"files": 8, "down": 0, "up": 0, "se": 4}
    assert not undone.rates


def test_it_sees_storage_elements_and_changes_a_jobs_bandwidth(user: User, channel: grpc.Channel) -> None:
    (user.home / "f").write_bytes(os.urandom(3_000_000))
    user.must("cp", "file:f", f"slow-{user.home.name}@disk:1")
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    job = stub.SubmitJob(
        transfers_pb2.SubmitJobRequest(
            request_id="a", sources=[f"slow-{user.home.name}"], target=f"file:{user.home}/g", rate=20_000
        )
    ).job
    assert job.rate == 20_000
    eventually(
        lambda: (
            dict(stub.GetLimits(transfers_pb2.GetLimitsRequest()).limits.running) == {"files": 1, "down": 1, "up": 0}
        )
    )

    def used_elements() -> list[Any]:
        return [one for one in stub.GetLimits(transfers_pb2.GetLimitsRequest()).limits.elements if one.copies]

    eventually(used_elements)
    (busy,) = used_elements()
    assert busy.se.startswith("ALICE::SANDBOX::SE")
    assert (busy.state, busy.HasField("retry_time")) == (transfers_pb2.ELEMENT_STATE_WORKING, False)
    assert busy.copies <= busy.limit <= busy.max_limit
    with pytest.raises(grpc.RpcError) as refused:
        stub.SetJobRate(transfers_pb2.SetJobRateRequest(request_id="b", id=job.id, rate=5))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert stub.SetJobRate(transfers_pb2.SetJobRateRequest(request_id="c", id=job.id)).job.rate == 0
    (last,) = list(stub.WatchJobs(transfers_pb2.WatchJobsRequest(job_id=job.id)))[-1].jobs
    assert last.state == transfers_pb2.JOB_STATE_DONE


WRONG: list[dict[str, Any]] = [
    {"purpose": transfers_pb2.PURPOSE_REPLICATE, "sources": ["/alice/f"]},
    {"purpose": transfers_pb2.PURPOSE_REPLICATE, "sources": ["file:/tmp/f"], "storage": "disk:1"},
    {"purpose": transfers_pb2.PURPOSE_SYNC, "sources": ["/alice/a", "/alice/b"], "target": "file:/tmp/d"},
    {"purpose": transfers_pb2.PURPOSE_SYNC, "sources": ["/alice/a"], "target": "alien:/alice/a/b"},
    {"sources": ["/alice/a"], "target": "file:/tmp/d", "delete": True},
    {"sources": ["/alice/a", "/alice/b"], "targets": ["file:/tmp/d"]},
    {"sources": ["/alice/a"], "targets": ["file:/tmp/d"], "target": "file:/tmp/e"},
    {"sources": ["/alice/a", "/alice/b"], "targets": ["file:/tmp/d", "alien:/alice/c"]},
    {"sources": ["file:/tmp/a", "file:/tmp/b"], "targets": ["alien:/alice/a@disk:1", "alien:/alice/b@disk:2"]},
    {"purpose": transfers_pb2.PURPOSE_SYNC, "sources": ["/alice/a"], "targets": ["file:/tmp/d"]},
    {
        "purpose": transfers_pb2.PURPOSE_SYNC,
        "sources": ["/alice/a"],
        "target": "file:/tmp/d",
        **selecting(pattern="x"),
    },
    {"sources": ["/alice/a"], "target": "file:/tmp/d", **selecting(pattern="x", regex="x")},
    {"sources": ["/alice/a"], "target": "file:/tmp/d", **selecting(regex="(")},
    {"sources": ["/alice/a"], "target": "file:/tmp/d", **selecting(name="starts_x")},
    {"sources": ["/alice/a"], "target": "file:/tmp/d", **selecting(min_size=2, max_size=1)},
    {"sources": ["/alice/a"], "target": "file:/tmp/d", **selecting(exclude_texts=[""])},
    # a bare path is neither local nor in the catalogue
    {"sources": ["/alice/a"], "target": "/tmp/d"},
    {"sources": ["/alice/a"], "target": "d"},
    {"sources": ["/alice/a"], "targets": ["/tmp/d"]},
    # numbers beyond their limits
    *({"sources": ["/alice/a"], "target": "file:/tmp/d", name: most + 1} for name, most in MAX_VALUES.items()),
    *({"sources": ["/alice/a"], "target": "file:/tmp/d", **selecting(**{name: 2**63})} for name in ("limit", "offset")),
    {"sources": ["/alice/a"], "target": "file:/tmp/d", "priority": -(10**6) - 1},
    {"sources": ["/alice/a"], "target": "file:/tmp/d", "rate": 2**63},
    {"sources": ["/alice/a"], "target": "file:/tmp/d", "timeout": Duration(seconds=-1)},
    {"sources": ["/alice/a"], "target": "file:/tmp/d", "timeout": Duration(seconds=10**8)},
]


def test_an_invalid_job_is_refused_and_not_stored(user: User, channel: grpc.Channel) -> None:
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    for wrong in WRONG:
        with pytest.raises(grpc.RpcError) as refused:
            stub.SubmitJob(transfers_pb2.SubmitJobRequest(request_id="wrong", **wrong))
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT, wrong
        assert "alienctl" not in (refused.value.details() or "")
    assert user.must("transfers", "list", "--all") == ""


def test_a_request_id_with_another_content_is_refused(user: User, channel: grpc.Channel) -> None:
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    (user.home / "f").write_bytes(b"x")
    words: dict[str, Any] = {"sources": [f"file:{user.home}/f"], "target": f"alien:once-{user.home.name}"}
    first = stub.SubmitJob(transfers_pb2.SubmitJobRequest(request_id="one", **words)).job
    with pytest.raises(grpc.RpcError) as refused:
        stub.SubmitJob(transfers_pb2.SubmitJobRequest(request_id="one", **words, priority=3))
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert info(refused.value).reason == errors_pb2.ERROR_REASON_REQUEST_ID_REUSED
    assert "another priority" in (refused.value.details() or "")
    assert stub.SubmitJob(transfers_pb2.SubmitJobRequest(request_id="one", **words)).job.id == first.id
    stub.RetryJob(transfers_pb2.RetryJobRequest(request_id="again", id=first.id))
    with pytest.raises(grpc.RpcError) as refused:
        stub.RetryJob(transfers_pb2.RetryJobRequest(request_id="again", id=first.id + 1))
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_files_get_the_umask_of_the_daemon_or_of_the_request(user: User, channel: grpc.Channel) -> None:
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    (user.home / "f").write_bytes(b"x")
    lfn = f"masked-{user.home.name}"
    user.must("cp", "file:f", lfn)
    before = os.umask(0)
    os.umask(before)
    choices: list[tuple[dict[str, Any], int]] = [({}, before), ({"umask": 0o027}, 0o027)]
    for number, (more, umask) in enumerate(choices):
        target = user.home / f"masked{number}"
        job = stub.SubmitJob(
            transfers_pb2.SubmitJobRequest(request_id=str(number), sources=[lfn], target=f"file:{target}", **more)
        ).job
        list(stub.WatchJobs(transfers_pb2.WatchJobsRequest(job_id=job.id)))
        assert target.stat().st_mode & 0o777 == 0o666 & ~umask


def test_nonsense_is_refused(channel: grpc.Channel) -> None:
    stub = transfers_pb2_grpc.TransfersServiceStub(channel)
    for request in (
        transfers_pb2.SubmitJobRequest(request_id="x"),
        transfers_pb2.SubmitJobRequest(sources=["/a"], target="file:/b"),
        transfers_pb2.SubmitJobRequest(request_id="x", sources=["file:/a"], target="file:/b"),
        transfers_pb2.SubmitJobRequest(request_id="x", sources=["/a"], target="file:b"),
    ):
        with pytest.raises(grpc.RpcError) as failure:
            stub.SubmitJob(request)
        assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT, request
    with pytest.raises(grpc.RpcError) as failure:
        stub.GetJob(transfers_pb2.GetJobRequest(id=4711))
    assert failure.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_and_reflection_answer(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(service="aliend.v1.TransfersService")
    )
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([request]))
    names = {service.name for service in answer.list_services_response.service}
    assert {"aliend.v1.ConsoleService", "aliend.v1.TransfersService", "grpc.health.v1.Health"} <= names
