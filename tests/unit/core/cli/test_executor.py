"""The choice of the executor of a job."""

from __future__ import annotations

import pytest

from aliend.core.cli.executor import dask_executor, parse_executor, scheduler_of
from aliend.core.copying.plan import check_spec
from aliend.core.transfers.job import JobSpec
from aliend.errors import UsageError


@pytest.mark.parametrize(
    ("text", "executor"),
    [
        ("", ""),
        ("local", "local"),
        ("dask:tls://host:8786", "dask:tls://host:8786"),
        ("dask:tcp://127.0.0.1:8786", "dask:tcp://127.0.0.1:8786"),
        ("dask:tcp://[::1]:8786", "dask:tcp://[::1]:8786"),
        ("dask:tcp://localhost:8786", "dask:tcp://localhost:8786"),
        ("dask:scheduler.json", "dask:/here/scheduler.json"),
        ("dask:/shared/scheduler.json", "dask:/shared/scheduler.json"),
    ],
)
def test_an_executor_is_this_machine_or_a_cluster(text: str, executor: str) -> None:
    assert parse_executor(text, "/here") == executor


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dask", "must be local, dask:tls://HOST:PORT or dask:SCHEDULER_FILE, not 'dask'"),
        ("dask:", "not 'dask:'"),
        ("slurm", "not 'slurm'"),
        ("Local", "not 'Local'"),
        ("dask:a\nb", "not 'dask:/here/a"),
        ("dask:" + "a" * 5000, "must be local"),
        ("dask:tcp://192.0.2.1:8786", "does not use TLS"),
        ("dask:tcp://localhost.example.org:8786", "does not use TLS"),
        ("dask:tls://host", "is not an address of a Dask scheduler"),
        ("dask:tls://:8786", "is not an address of a Dask scheduler"),
        ("dask:tls://host:8786/x y", "is not an address of a Dask scheduler"),
        ("dask:tls://host:8786?x", "is not an address of a Dask scheduler"),
        ("dask:tls://host:99999999", "is not an address of a Dask scheduler"),
        ("dask:ws://host:8786", "is not an address of a Dask scheduler"),
    ],
)
def test_another_executor_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_executor(text, "/here")
    assert reason in str(refused.value)
    assert refused.value.exit_code == 22


def test_a_job_with_a_relative_scheduler_file_is_refused() -> None:
    with pytest.raises(UsageError, match="must have an absolute path"):
        check_spec(JobSpec("download", ("/a/f",), "/x/f", executor="dask:scheduler.json"))


def test_the_place_of_a_cluster_is_its_address_or_file() -> None:
    assert [scheduler_of(text) for text in ("", "local", dask_executor("tls://a:1"))] == ["", "", "tls://a:1"]
