"""Downloads from distant storage elements by 2, 4 and 8 workers of a Dask cluster, beside the processes of one machine.

Each connection to a storage element carries 2.6 MB/s, as TCP does with a window of 128 KiB over 50 ms: the network is
the limit, not this machine. BENCH_FILES sets the number of files (300); BENCH_PLOT names a file for a drawing (SVG).
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench.distance import distant
from tests.bench.measurement import Stage, apart, setting
from tests.dask_cluster import DaskCluster, dask_cluster

ELEMENTS, MIB, ROUND_TRIP, WINDOW = 6, 2, 0.05, 128 << 10
"""Storage elements (the third is a tape), MiB of a file, seconds, and bytes on their way in each connection."""
WORKERS = (2, 4, 8)
LOCAL_PROCESSES = 2
"""The default of `worker_processes`."""
_LIMITS = "files = 128\nfiles_per_se = 32\n"


def measure(stage: Stage) -> Iterator[str]:
    """Measure the same directory with each executor."""
    files = setting("BENCH_FILES", 300)
    yield f"{files} files of {MIB} MiB down, storage elements {ROUND_TRIP * 1000:.0f} ms away"
    with apart(stage, "--storage", str(ELEMENTS)) as aside:
        lfn = _filled(aside, files)
        catalogue = stage.work / "xdg_state_home/aliend/sandbox-grid/catalogue.sqlite"
        with distant(catalogue, ROUND_TRIP, WINDOW):
            local = _rate(aside, "local", LOCAL_PROCESSES, lfn, files)
            yield f"  this machine, {LOCAL_PROCESSES} processes    {local:6.1f} MB/s"
            rates = {}
            for workers in WORKERS:
                with dask_cluster(_place(stage, workers)) as cluster:
                    rates[workers] = _rate_of(aside, cluster, workers, lfn, files)
                ratio = rates[workers] / local
                yield f"  Dask, {workers} workers              {rates[workers]:6.1f} MB/s   {ratio:5.2f} x"
    if plot := os.environ.get("BENCH_PLOT"):
        Path(plot).write_text(svg(local, rates), encoding="utf-8")


def _place(stage: Stage, workers: int) -> Path:
    place = stage.work / f"dask-{workers}"
    place.mkdir()
    return place


def _filled(stage: Stage, files: int) -> str:
    """Create a directory whose files are on the storage elements alternately; return its name."""
    ses = [one["seName"] for one in stage.json("listSEs")["results"] if one["qos"] == "disk"]
    lfn = f"{stage.home()}distant/"
    for place, se in enumerate(ses):
        source = stage.work / f"source-{place}"
        source.mkdir()
        for number in range(place, files, len(ses)):
            (source / f"{number:04}").write_bytes(os.urandom(MIB << 20))
        stage.must("cp", f"file:{source}/", f"{lfn}@{se}")
        shutil.rmtree(source)
    return lfn


def _rate_of(stage: Stage, cluster: DaskCluster, workers: int, lfn: str, files: int) -> float:
    for _ in range(workers):
        cluster.start_worker(threads=1)
    ca, cert, key = cluster.settings.ca, cluster.settings.cert, cluster.settings.key
    tls = f'tls_ca = "{ca}"\ntls_cert = "{cert}"\ntls_key = "{key}"\n'
    return _rate(stage, f"dask:{cluster.settings.scheduler}", workers, lfn, files, tls)


def _rate(stage: Stage, executor: str, processes: int, lfn: str, files: int, settings: str = "") -> float:
    """Return MB/s of the second of two copies: the first one starts the processes."""
    config = stage.work / "xdg_config_home/aliend/config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(f"[transfers]\nworker_processes = {processes}\n{_LIMITS}{settings}")
    stage.must("daemon", "restart")
    seconds = 0.0
    for _ in range(2):
        target = stage.work / "target"
        begin = time.monotonic()
        stage.must("cp", "--executor", executor, lfn, f"file:{target}/")
        seconds = time.monotonic() - begin
        shutil.rmtree(target)
    return files * (MIB << 20) / seconds / 1e6


_WIDTH, _HEIGHT, _LEFT, _TOP, _BAR = 420, 240, 60, 30, 60


def svg(local: float, rates: Mapping[int, float]) -> str:
    """Return a drawing of the rates in MB/s: a bar for each executor."""
    bars = {"local": local, **{f"{workers} workers": rate for workers, rate in rates.items()}}
    most = max(bars.values()) * 1.1
    step = _WIDTH / len(bars)
    drawn = ""
    for place, (name, rate) in enumerate(bars.items()):
        middle, height = _LEFT + step * (place + 0.5), _HEIGHT * rate / most
        top = _TOP + _HEIGHT - height
        left = middle - _BAR / 2
        drawn += f'<rect x="{left:.0f}" y="{top:.0f}" width="{_BAR}" height="{height:.0f}" fill="#1f5fa8"/>'
        drawn += f'<text x="{middle:.0f}" y="{top - 6:.0f}" text-anchor="middle">{rate:.0f}</text>'
        drawn += f'<text x="{middle:.0f}" y="{_TOP + _HEIGHT + 20}" text-anchor="middle">{name}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 20} {_TOP + _HEIGHT + 40}">'
        "<style>text{font:12px sans-serif}</style>"
        f'<rect width="100%" height="100%" fill="white"/><text x="{_LEFT - 40}" y="{_TOP - 10}">MB/s</text>'
        f'<line x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{_TOP + _HEIGHT}" y2="{_TOP + _HEIGHT}" stroke="#888"/>'
        f"{drawn}</svg>\n"
    )
