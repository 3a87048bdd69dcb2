"""Writes the figures for monitoring as text: OpenMetrics for a scrape, the older format for node_exporter's text files.

All is read at the moment of the call; counters are incremented where things happen. `prometheus_client` is imported at
the first call.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aliend import VERSION
from aliend.core.metrics.families import Family, gauge, merged, of_endpoint
from aliend.errors import StoreError
from aliend.runtime import Runtime

if TYPE_CHECKING:
    from prometheus_client import Metric

_PREFIX = "aliend_"


async def families(runtime: Runtime) -> list[Family]:
    """Return all figures of the daemon."""
    lag = await _loop_lag()
    try:
        transfers = await runtime.engine.metrics()
    except StoreError:
        transfers = []  # `daemon status` says why
    return [
        Family("build_info", "gauge", "The version.", ("version",), {(VERSION,): 1}),
        gauge("start_time_seconds", "Start of the daemon, POSIX seconds.", runtime.started, "seconds"),
        gauge("memory_bytes", "Resident memory of the daemon, without its workers.", _memory(), "bytes"),
        gauge("open_files", "Open file descriptors.", len(os.listdir("/proc/self/fd"))),  # noqa: PTH208 (only counted)
        gauge("calls", "Calls of clients that run now.", runtime.activity.calls),
        gauge("loop_lag_seconds", "Delay of the event loop, measured now.", lag, "seconds"),
        *transfers,
        *_centrals(runtime),
    ]


async def open_metrics(runtime: Runtime) -> str:
    """Return the figures in the OpenMetrics text format."""
    from prometheus_client.openmetrics import exposition

    content: bytes = exposition.generate_latest(_Source(await families(runtime)))  # type: ignore[no-untyped-call]
    return content.decode()


async def write_textfile(runtime: Runtime, path: Path) -> None:
    """Write the figures in Prometheus' own text format, replacing the file in one step; others may read it.

    Raises OSError.
    """
    from prometheus_client import exposition

    content = exposition.generate_latest(_Source(await families(runtime)))
    await asyncio.to_thread(_replace, path, content)


class _Source:
    """Takes the place of a registry of prometheus_client."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        from prometheus_client import core

        kinds = {
            "counter": core.CounterMetricFamily,
            "gauge": core.GaugeMetricFamily,
            "summary": core.SummaryMetricFamily,
        }
        for one in self._families:
            metric = kinds[one.kind](_PREFIX + one.name, one.help, labels=list(one.labels), unit=one.unit)
            for labels, sample in one.values.items():
                metric.add_metric(list(labels), *(sample if isinstance(sample, tuple) else (sample,)))
            yield metric


def _centrals(runtime: Runtime) -> list[Family]:
    """Return the figures of the sessions with central services; those of one service are added up."""
    found: list[Family] = []
    for central in runtime.central_sessions.all():
        status = central.status()
        own = [
            Family("central_commands", "counter", "Commands sent.", (), {(): status.commands}),
            gauge("central_connections", "Open connections.", status.connections),
        ]
        found += of_endpoint(status.endpoint, [*own, *central.metrics()])
    return merged(found)


async def _loop_lag() -> float:
    """Return by how many seconds the event loop runs a callback too late."""
    begun = time.perf_counter()
    await asyncio.sleep(0)
    return time.perf_counter() - begun


def _memory() -> int:
    """Return the resident memory in bytes; 0 without /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)  # whatever the umask: another user's node_exporter reads it
            file.write(content)
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
