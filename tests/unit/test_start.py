"""What the daemon imports to start: only what it needs until the first command and the first job."""

from __future__ import annotations

import subprocess
import sys

LATER = {
    "aliend.commands": "the first command line",
    "aliend.central.connection": "the first request to the central service",
    "aliend.engine.runners": "the first job",
    "aliend.storage.tasks": "the first copy",
    "cryptography": "the first certificate",
    "aliend.storage.cluster": "the first copy on a Dask cluster",
    "dask": "never: the gateway is a process of its own",
    "decimal": "the first size with a unit",
    "distributed": "never, as dask",
    "httpx": "the first request over HTTP",
    "tomllib": "a configuration file",
    "uuid": "nothing",
    "websockets": "the first request to the central service",
    "xml": "the first collection",
}
"""What is imported later, and when."""


def test_the_daemon_starts_without_what_only_commands_and_jobs_need() -> None:
    code = "import aliend.__main__, aliend.daemon, aliend.services.server, sys; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "aliend.daemon" in imported
    assert [name for name in imported if any(f"{name}.".startswith(f"{later}.") for later in LATER)] == []
