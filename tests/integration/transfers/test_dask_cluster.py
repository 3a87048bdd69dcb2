"""A daemon whose copies run on a real Dask cluster with TLS: workers, scheduler and daemon end and return.

The workers have another HOME and TMPDIR, and can read neither credentials nor the daemon's files. The tests share one
daemon and one scheduler; each starts its own workers.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.dask_cluster import DaskCluster, copying_pids, dask_cluster
from tests.harness import ALIENCTL, Grid, User, eventually, make_grid_directory, make_user

pytestmark = pytest.mark.xdist_group("dask")
SIZE = 8 << 20
LIMIT = 120.0
"""Seconds for what a busy machine does in five."""


@pytest.fixture(scope="module")
def owner(grid: Grid) -> Iterator[User]:
    yield from make_user(grid.exports)


@pytest.fixture(scope="module")
def cluster_of_module(grid: Grid, owner: User, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    private = owner.home / ".local"
    private.mkdir()
    with dask_cluster(tmp_path_factory.mktemp("dask"), grid.root, private) as some:
        yield some


@pytest.fixture
def cluster(cluster_of_module: DaskCluster) -> Iterator[DaskCluster]:
    yield cluster_of_module
    cluster_of_module.kill_workers()


@pytest.fixture(scope="module")
def big(owner: User, cluster_of_module: DaskCluster) -> bytes:
    """Put the file `big` into the catalogue from this machine, then use the cluster in the user's daemon."""
    make_grid_directory(owner)
    content = os.urandom(SIZE)
    (owner.home / "big").write_bytes(content)
    owner.must("cp", "file:big", "big@disk:1")
    settings = cluster_of_module.settings
    config = owner.home / ".config/aliend/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'[transfers]\nexecutor = "dask"\nscheduler = "{settings.scheduler}"\n'
        f'tls_ca = "{settings.ca}"\ntls_cert = "{settings.cert}"\ntls_key = "{settings.key}"\n'
    )
    owner.must("daemon", "restart")
    return content


def wait_done(user: User, job: str) -> None:
    eventually(lambda: user.json("transfers", "show", job)["state"] == "done", LIMIT)


def files_of(user: User, job: str) -> dict[str, int]:
    counts: dict[str, int] = user.json("transfers", "show", job)["files"]
    return counts


def file_of(user: User, job: str) -> dict[str, object]:
    file: dict[str, object] = user.json("transfers", "show", job)["transfers"][0]
    return file


def begin(user: User, cluster: DaskCluster, target: str) -> tuple[str, subprocess.Popen[bytes]]:
    """Start a slow download without retries, and the worker on which it runs. Return once bytes have moved."""
    worker = cluster.start_worker()
    job = user.must("cp", "--detach", "--retry", "0", "--limit", "500k", "big", f"file:{target}")
    eventually(lambda: copying_pids(worker.pid) and file_of(user, job)["bytes_done"], LIMIT)
    return job, worker


def finish(user: User, job: str, target: str, content: bytes) -> None:
    """Let a slow download end; require that it leaves nothing else."""
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    wait_done(user, job)
    assert (user.home / target).read_bytes() == content
    assert [path for path in user.home.iterdir() if path.name.startswith((f".{target}", ".aliend-"))] == []


def variables_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(line.decode().split("=", 1) for line in lines if line)


def test_files_are_copied_by_workers_that_can_read_no_credential(
    grid: Grid, owner: User, cluster: DaskCluster, big: bytes
) -> None:
    job, worker = begin(owner, cluster, "back")
    for hidden in (grid.root, owner.home / ".local"):
        assert list(Path(f"/proc/{worker.pid}/root{hidden}").iterdir()) == []
    (copying,) = copying_pids(worker.pid)
    variables = variables_of(worker.pid)
    assert (variables["HOME"], variables["TMPDIR"]) == (str(cluster.place), str(cluster.place))
    assert not {*variables, *variables_of(copying)} & owner.variables.keys()
    finish(owner, job, "back", big)
    wait_done(owner, owner.must("cp", "--detach", "file:big", "two@disk:2"))
    assert len(owner.json("whereis", "two")["results"]) == 2
    assert copying_pids(worker.pid) == [copying]
    log = cluster.log.read_text()
    assert "Start worker" in log
    assert "BEGIN ENVELOPE" not in log
    assert "authz" not in log


def test_a_killed_worker_charges_no_attempt_and_a_killed_daemon_loses_nothing(
    owner: User, cluster: DaskCluster, big: bytes
) -> None:
    job, worker = begin(owner, cluster, "lost")
    worker.kill()
    other = cluster.start_worker()
    eventually(lambda: copying_pids(other.pid), LIMIT)
    assert file_of(owner, job)["attempts"] == 1
    copying = copying_pids(other.pid)
    owner.kill_daemon()
    owner.must("daemon", "start")
    eventually(lambda: set(copying_pids(other.pid)) - set(copying), LIMIT)
    finish(owner, job, "lost", big)


def test_local_jobs_run_while_jobs_wait_for_workers_of_the_cluster(
    owner: User, cluster: DaskCluster, big: bytes
) -> None:
    waiting = [owner.must("cp", "--detach", "big", f"file:waits{number}") for number in range(6)]
    owner.must("cp", "--executor", "local", "big", "file:here")
    assert (owner.home / "here").read_bytes() == big
    assert all(owner.json("transfers", "show", job)["files"]["done"] == 0 for job in waiting)
    (reason,) = {one["text"] for one in owner.json("transfers", "why")["waiting"]}
    assert reason.startswith("no worker of the cluster is free")
    cluster.start_worker()
    for job in waiting:
        wait_done(owner, job)


def test_without_a_worker_no_ticket_is_requested_and_a_priority_still_changes_the_order(
    grid: Grid, owner: User, cluster: DaskCluster, big: bytes
) -> None:
    (owner.home / "few").mkdir()
    for number in range(10):
        (owner.home / "few" / f"{number}").write_bytes(b"content")
    owner.must("cp", "--executor", "local", "file:few/", "few/@disk:1")
    owner.must("transfers", "limit", "files=4")  # each file is copied alone
    tickets = grid.stats()["commands"]["access"]
    normal, urgent = (owner.must("cp", "--detach", "few/", f"file:{name}/") for name in ("normal", "urgent"))
    eventually(lambda: all(files_of(owner, job)["total"] == 10 for job in (normal, urgent)), LIMIT)
    owner.must("transfers", "priority", "5", urgent)
    assert grid.stats()["commands"]["access"] == tickets
    cluster.start_worker()
    for job in (normal, urgent):
        wait_done(owner, job)
    ends = [owner.json("transfers", "show", job)["ended_ms"] for job in (normal, urgent)]
    owner.must("transfers", "limit", "files=default")
    assert ends[1] < ends[0]


def test_the_live_view_shows_the_rate_of_a_job(owner: User, cluster: DaskCluster, big: bytes) -> None:
    job, _ = begin(owner, cluster, "viewed")
    child = pexpect.spawn(ALIENCTL, ["transfers", "top"], env=owner.environment, dimensions=(24, 80), timeout=LIMIT)
    child.expect(r"active.{1,200}[1-9][0-9.]*KiB/s")
    child.send("q")
    child.expect(pexpect.EOF)
    child.close()
    finish(owner, job, "viewed", big)


def test_a_job_keeps_its_own_cluster_and_is_on_hold_until_that_can_be_reached(
    owner: User, cluster: DaskCluster, big: bytes
) -> None:
    file = owner.home / "scheduler.json"
    job = owner.must("cp", "--detach", "--executor", "dask:scheduler.json", "big", "file:chosen")
    eventually(lambda: owner.json("transfers", "show", job)["state"] == "paused", LIMIT)
    (waiting,) = owner.json("transfers", "why", job)["waiting"]
    assert f"cannot read the scheduler file {file}" in waiting["text"]
    owner.kill_daemon()
    owner.must("daemon", "start")
    assert owner.json("transfers", "show", job)["executor"] == f"dask:{file}"
    assert f"executor dask:{file}" in owner.must("transfers", "show", job)
    file.write_text(json.dumps({"address": cluster.settings.scheduler}))
    worker = cluster.start_worker()
    eventually(lambda: copying_pids(worker.pid), LIMIT)
    wait_done(owner, job)
    assert (owner.home / "chosen").read_bytes() == big


@pytest.mark.parametrize("executor", ["dask:tcp://192.0.2.1:8786", "dask:", "condor"])
def test_an_executor_that_cannot_be_used_is_refused(
    owner: User, cluster: DaskCluster, big: bytes, executor: str
) -> None:
    before = owner.json("transfers", "list", "--all")
    refused = owner.run("cp", "--executor", executor, "big", "file:refused")
    assert refused.returncode == 22
    assert "executor" in refused.stderr or "does not use TLS" in refused.stderr
    assert owner.json("transfers", "list", "--all") == before


def test_a_directory_that_the_workers_do_not_share_is_reported(owner: User, cluster: DaskCluster, big: bytes) -> None:
    cluster.start_worker()
    job = owner.must("cp", "--detach", "big", "file:.local/back")
    eventually(lambda: owner.json("transfers", "show", job)["state"] == "paused", LIMIT)
    (waiting,) = owner.json("transfers", "why", job)["waiting"]
    assert f"{owner.home}/.local is not shared with" in waiting["text"]
    owner.must("transfers", "cancel", job)


def test_a_job_is_on_hold_while_the_scheduler_is_gone(owner: User, cluster: DaskCluster, big: bytes) -> None:
    cluster.kill_all()
    job = owner.must("cp", "--detach", "big", "file:held")
    eventually(lambda: owner.json("transfers", "show", job)["state"] == "paused", LIMIT)
    (waiting,) = owner.json("transfers", "why", job)["waiting"]
    assert waiting["kind"] == "held"
    assert f"Dask scheduler {cluster.settings.scheduler}" in waiting["text"]
    cluster.start_scheduler()
    cluster.start_worker()
    wait_done(owner, job)
    assert (owner.home / "held").read_bytes() == big
