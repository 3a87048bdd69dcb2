"""Builds command and environment of a worker process: an isolated interpreter, and settings for XRootD.

The user's own XRootD settings take precedence; the user's PYTHON... and LD_... variables are removed.
"""

from __future__ import annotations

import site
import sys
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
    # A long-lived process must not remember that a server failed: 1800 s by default, and the daemon has its own pauses.
    "XRD_STREAMERRORWINDOW": "0",
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
"""The values of alien.py, if it sets one; fewer event loops halve the library's 15 threads."""


_FOREIGN = ("PYTHON", "LD_")


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment over our XRootD settings, without variables of Python and the linker."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_FOREIGN)}
    if libraries := environment.get("ALIEND_LIBRARY_PATH"):
        kept["LD_LIBRARY_PATH"] = libraries
    return {**_XROOTD, **kept}


def isolated(module: str) -> tuple[str, ...]:
    """Return the command that runs one of our modules isolated from PYTHON... variables; its arguments follow."""
    root = str(Path(aliend.__file__).parent.parent)
    if root in site.getsitepackages():
        return (sys.executable, "-I", "-m", module)
    code = f"import runpy, sys; sys.path.insert(0, {root!r}); runpy.run_module({module!r}, None, '__main__', True)"
    return (sys.executable, "-I", "-c", code)
