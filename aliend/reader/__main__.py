"""A program on a worker of a cluster: reads files of the grid for the worker's Python programs, and has no credentials.

`alienctl.fsspec` starts it. It reads one line of JSON from its standard input: the address of the process that serves
tickets, the name in that process's certificate, our own certificate and key, and the socket to listen on. It prints a
line when it listens, or the reason why it does not, and ends at the end of its input.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from aliend.process_privacy import close_to_others
from aliend.services.reading.cluster_contents import create_reader
from aliend.storage.pool.worker_pool import WorkerPool


async def serve(settings: dict[str, Any]) -> None:
    """Serve until the end of the input."""
    credentials = grpc.ssl_channel_credentials(*(settings[name].encode() for name in ("ca", "key", "cert")))
    options = (("grpc.ssl_target_name_override", settings["name"]), ("grpc.enable_http_proxy", 0))
    async with (
        grpc.aio.secure_channel(settings["address"], credentials, options=options) as channel,
        WorkerPool(environment=os.environ) as workers,
    ):
        server = create_reader(channel, workers)
        server.add_insecure_port(f"unix:{settings['socket']}")
        await server.start()
        print("ready", flush=True)  # noqa: T201 - whoever started us waits for it
        await asyncio.to_thread(sys.stdin.read)
        await server.stop(None)


def main() -> int:
    """Run the reader; remove the directory of its socket at the end."""
    close_to_others(os.environ)
    settings = json.loads(sys.stdin.readline())
    try:
        asyncio.run(serve(settings))
    finally:
        shutil.rmtree(Path(settings["socket"]).parent, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
