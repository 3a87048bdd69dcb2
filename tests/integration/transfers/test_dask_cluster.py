"""A daemon whose copies run on a real Dask cluster with TLS: workers and the scheduler end and return."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dask_cluster import DaskCluster, child_pids, dask_cluster
from tests.harness import User, eventually, make_grid_directory

pytestmark = pytest.mark.xdist_group("dask")
SIZE = 8 << 20
LIMIT = 120.0
"""Seconds for what a busy machine does in five."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path) as some:
        yield some


@pytest.fixture
def big(user: User, cluster: DaskCluster) -> bytes:
    """Use the cluster in the user's daemon, and put the file `big` into the catalogue before a worker exists."""
    make_grid_directory(user)
    content = os.urandom(SIZE)
    (user.home / "big").write_bytes(content)
    user.must("cp", "file:big", "big@disk:1")
    settings = cluster.settings
    config = user.home / ".config/aliend/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'[transfers]\nexecutor = "dask"\nscheduler = "{settings.place}"\n'
        f'tls_ca = "{settings.ca}"\ntls_cert = "{settings.cert}"\ntls_key = "{settings.key}"\n'
    )
    user.must("daemon", "restart")
    return content


def wait_done(user: User, job: str) -> None:
    eventually(lambda: user.json("transfers", "show", job)["state"] == "done", LIMIT)


def moved(user: User, job: str) -> int:
    return int(user.json("transfers", "show", job)["transfers"][0]["bytes_done"])


def test_a_file_is_uploaded_to_two_replicas_and_downloaded(user: User, cluster: DaskCluster, big: bytes) -> None:
    worker = cluster.start_worker()
    upload = user.must("cp", "--detach", "file:big", "two@disk:2")
    eventually(lambda: child_pids(worker.pid), LIMIT)
    wait_done(user, upload)
    assert len(user.json("whereis", "two")["results"]) == 2
    wait_done(user, user.must("cp", "--detach", "two", "file:back"))
    assert (user.home / "back").read_bytes() == big
    assert len(child_pids(worker.pid)) == 1


def test_the_loss_of_a_worker_uses_up_no_retry(user: User, cluster: DaskCluster, big: bytes) -> None:
    worker = cluster.start_worker()
    job = user.must("cp", "--detach", "--retry", "0", "--limit", "1M", "big", "file:back")
    eventually(lambda: child_pids(worker.pid) and moved(user, job), LIMIT)
    worker.kill()
    other = cluster.start_worker()
    user.must("transfers", "limit", "--job", job, "rate=unlimited")
    eventually(lambda: child_pids(other.pid), LIMIT)
    wait_done(user, job)
    assert (user.home / "back").read_bytes() == big


def test_a_job_is_on_hold_while_the_scheduler_is_gone(user: User, cluster: DaskCluster, big: bytes) -> None:
    cluster.kill_all()
    job = user.must("cp", "--detach", "big", "file:back")
    eventually(lambda: user.json("transfers", "show", job)["state"] == "paused", LIMIT)
    (waiting,) = user.json("transfers", "why", job)["waiting"]
    assert waiting["kind"] == "held"
    assert f"cannot use the Dask scheduler {cluster.settings.place}" in waiting["text"]
    cluster.start_scheduler()
    cluster.start_worker()
    wait_done(user, job)
    assert (user.home / "back").read_bytes() == big
