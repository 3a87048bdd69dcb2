"""The table `[transfers]` of the configuration: limits of copies on this machine, and the cluster that runs copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from aliend.core.cli.executor import LOCAL, dask_executor
from aliend.errors import ConfigurationError

KEYS: dict[str, type] = {
    **dict.fromkeys(("files", "files_per_se", "worker_processes", "keep_free_mib", "keep_days"), int),
    **dict.fromkeys(("executor", "scheduler", "scheduler_file", "tls_ca", "tls_cert", "tls_key"), str),
}
"""The keys with the types of their values."""
NEED_RESTART = ("worker_processes", *(name for name, kind in KEYS.items() if kind is str))
"""The keys that the daemon reads only at its start."""


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """Limits of concurrent copies: files in total, files per storage element, worker processes.

    `keep_free_mib` of a disk stay free (MiB; -1: 5 % of the disk, at most 2 GiB). Ended jobs are deleted after
    `keep_days` (0: never).
    """

    files: int = 8
    files_per_se: int = 4
    worker_processes: int = 2
    keep_free_mib: int = -1
    keep_days: int = 30


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """A Dask cluster: `scheduler` is the address of its scheduler or its scheduler file, the rest PEM files for TLS."""

    scheduler: str
    ca: str = ""
    cert: str = ""
    key: str = ""


def limits_of(table: Mapping[str, Any]) -> TransferLimits:
    """Return the limits in the table."""
    known = {field.name for field in fields(TransferLimits)}
    return TransferLimits(**{name: value for name, value in table.items() if name in known})


def executor_of(table: Mapping[str, Any]) -> str:
    """Return the executor of jobs that name none, see `core.cli.executor`. Raises ConfigurationError."""
    if table.get("executor", LOCAL) == LOCAL:
        return LOCAL
    schedulers = [str(table[name]) for name in ("scheduler", "scheduler_file") if table.get(name)]
    if len(schedulers) != 1:
        raise ConfigurationError(
            'executor = "dask" of [transfers] needs either scheduler = "tls://HOST:PORT" or scheduler_file'
        )
    return dask_executor(schedulers[0])
