"""The environment of a worker process: our XRootD settings, overridden by the user's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import aliend

_XROOTD = {
    "XRD_APPNAME": "aliend",
    "XRD_TIMEOUTRESOLUTION": "1",
    "XRD_CONNECTIONRETRY": "3",
    "XRD_CONNECTIONWINDOW": "10",
    "XRD_REQUESTTIMEOUT": "1200",
    "XRD_STREAMTIMEOUT": "60",
    "XRD_CPINITTIMEOUT": "90",
    "XRD_DATASERVERTTL": "20",
    "XRD_LOADBALANCERTTL": "30",
    "XRD_SUBSTREAMSPERCHANNEL": "1",
    "XRD_PARALLELEVTLOOP": "2",
    "XRD_WORKERTHREADS": "3",
    # A process that never forks without exec needs no fork handler, and the handler can deadlock (xrootd issue 1405).
    "XRD_RUNFORKHANDLER": "0",
    # Many threads allocate and free chunks: an arena for each thread would keep its peak.
    "MALLOC_ARENA_MAX": "2",
    # Keep the memory of 4 MiB chunks: returning and reallocating a chunk costs a thousand page faults.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}
"""Those of alien.py where it sets one; few event loops halve the library's 15 threads."""


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return our XRootD settings overridden by `environment`, with our package on the interpreter's path."""
    merged = {**_XROOTD, **environment}
    root = Path(aliend.__file__).resolve().parent.parent
    if root.name not in {"site-packages", "dist-packages"}:
        merged["PYTHONPATH"] = ":".join(filter(None, (str(root), environment.get("PYTHONPATH", ""))))
    return merged
