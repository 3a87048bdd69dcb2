"""What the daemon says about a scheduler that it cannot use: the cause, the setting, and what to do."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aliend.core.cli.transfer_settings import ClusterSettings
from aliend.errors import CopyError
from aliend.storage.cluster.executor import DaskExecutor
from aliend.storage.pool.scheduler_address import is_reachable
from tests.dask_cluster import DaskCluster, dask_cluster
from tests.integration.storage.conftest import xrootd_environment
from tests.integration.storage.test_worker_pool import until

pytestmark = [pytest.mark.xdist_group("dask"), pytest.mark.asyncio(loop_scope="module")]
LIMIT = 90.0


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler with TLS."""
    with dask_cluster(tmp_path_factory.mktemp("tls")) as some:
        yield some


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler without TLS."""
    with dask_cluster(tmp_path_factory.mktemp("tcp"), protocol="tcp") as some:
        yield some


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> ClusterSettings:
    """Certificates of another authority, and the address of a scheduler that does not run."""
    with dask_cluster(tmp_path_factory.mktemp("foreign"), starts=False) as some:
        return some.settings


async def refusal(settings: ClusterSettings, obstacle: str = "other") -> str:
    """Return why the executor does not connect; `obstacle` is what holds the jobs meanwhile."""
    executor = DaskExecutor(settings, xrootd_environment())
    with pytest.raises(CopyError) as refused:
        await executor.connect()
    await executor.close()
    assert refused.value.obstacle is not None
    assert (refused.value.kind, refused.value.obstacle.kind) == ("local", obstacle)
    return str(refused.value)


async def started(cluster: DaskCluster) -> ClusterSettings:
    await until(lambda: is_reachable(cluster.settings.scheduler), LIMIT)
    return cluster.settings


def without_tls(settings: ClusterSettings) -> ClusterSettings:
    return replace(settings, scheduler=settings.scheduler.replace("tls:", "tcp:"))


async def test_an_address_without_tls_of_a_scheduler_with_tls(private: DaskCluster) -> None:
    settings = await started(private)
    address = settings.scheduler.replace("tls:", "tcp:")
    assert await refusal(without_tls(settings)) == f"the Dask scheduler {address} uses TLS; use {settings.scheduler}"


async def test_an_address_with_tls_of_a_scheduler_without_tls(
    open_to_all: DaskCluster, foreign: ClusterSettings
) -> None:
    plain = (await started(open_to_all)).scheduler
    address = plain.replace("tcp:", "tls:")
    text = await refusal(replace(foreign, scheduler=address))
    start = "start it with TLS (see `alienctl cluster`)"
    assert text == f"the Dask scheduler {address} does not use TLS; {start}, or use {plain}"


async def test_certificates_of_another_authority(private: DaskCluster, foreign: ClusterSettings) -> None:
    settings = await started(private)
    text = await refusal(replace(settings, ca=foreign.ca))
    assert f"does not fit {foreign.ca}, which tls_ca in [transfers] names (" in text
    assert "`alienctl cluster certs DIRECTORY`" in text
    text = await refusal(replace(settings, cert=foreign.cert, key=foreign.key))
    assert f"refuses {foreign.cert}, which tls_cert in [transfers] names (" in text
    assert "`alienctl cluster certs DIRECTORY`" in text


async def test_files_that_do_not_fit_each_other(private: DaskCluster, foreign: ClusterSettings) -> None:
    settings = await started(private)
    text = await refusal(replace(settings, key=foreign.key))
    assert f"tls_cert and tls_key in [transfers] name no certificate with its key: {settings.cert}" in text
    text = await refusal(replace(settings, ca="/etc/passwd"))
    assert "tls_ca in [transfers] names no certificates: /etc/passwd" in text


async def test_an_address_at_which_nothing_listens(foreign: ClusterSettings, tmp_path: Path) -> None:
    text = await refusal(foreign, "scheduler")
    assert text == f"cannot reach the Dask scheduler {foreign.scheduler}: Connection refused; is it running?"
    file = tmp_path / "scheduler.json"
    text = await refusal(replace(foreign, scheduler=str(file)), "scheduler")
    assert text == f"cannot read the scheduler file {file}: No such file or directory; is the scheduler running?"
    file.write_text(json.dumps({"address": foreign.scheduler}))
    text = await refusal(replace(foreign, scheduler=str(file)), "scheduler")
    assert text.startswith(f"cannot reach the Dask scheduler {foreign.scheduler} (from {file}): Connection refused")


async def test_an_address_at_which_something_else_listens(foreign: ClusterSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        text = await refusal(replace(foreign, scheduler=address))
        assert text == f"{address} does not answer like a Dask scheduler; check the address"


async def test_a_connection_leaves_no_warning_in_the_log_of_the_scheduler(private: DaskCluster) -> None:
    settings, counts = await started(private), []
    for _ in range(3):
        executor = DaskExecutor(settings, xrootd_environment())
        await executor.connect()
        await executor.close()
        counts.append(private.log.read_text().count("TLS handshake failed"))
    assert counts[1] == counts[2]
