"""Client of a running grid's control socket, for other processes."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from aliend.sandbox.errors import SandboxError
from aliend.sandbox.layout import Layout

NOT_RUNNING = "the sandbox grid is not up; start it with: alienctl sandbox up"
_TIMEOUT = 120.0


def send_request(layout: Layout, request: dict[str, Any]) -> dict[str, Any]:
    """Send a request to the grid and return the answer. Raises SandboxError if the grid is not up or refuses."""
    try:
        text = _exchange(layout, json.dumps(request).encode() + b"\n")
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise SandboxError(NOT_RUNNING) from error
    except OSError as error:
        raise SandboxError(f"the sandbox grid does not answer: {error}") from error
    if not text:
        raise SandboxError(f"the sandbox grid rejected the request; see {layout.logs / 'server.log'}")
    answer: dict[str, Any] = json.loads(text)
    if "error" in answer:
        raise SandboxError(answer["error"])
    return answer


def _exchange(layout: Layout, request: bytes) -> bytes:
    directory = os.open(layout.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_TIMEOUT)
            # a socket address is limited to 108 bytes, a directory name is not
            connection.connect(f"/proc/self/fd/{directory}/{layout.control.name}")
            connection.sendall(request)
            with connection.makefile("rb") as answer:
                return answer.readline()
    finally:
        os.close(directory)
