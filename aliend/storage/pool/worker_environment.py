"""The environment that a copying process runs in: XRootD's settings, the user's own always winning."""

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
    # Chunks are taken and given back by many threads: an arena for each would keep what it once had.
    "MALLOC_ARENA_MAX": "2",
    # Chunks of 4 MiB come from memory that stays: given back and taken anew, each costs a thousand page faults.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}
"""Those of the incumbent client where it has one; few loops keep the library at half of its 15 threads."""


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment over our XRootD settings, with our package findable by the same interpreter."""
    merged = {**_XROOTD, **environment}
    root = Path(aliend.__file__).resolve().parent.parent
    if root.name not in {"site-packages", "dist-packages"}:
        merged["PYTHONPATH"] = ":".join(filter(None, (str(root), environment.get("PYTHONPATH", ""))))
    return merged
