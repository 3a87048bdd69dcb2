"""Speaking to a sandbox grid's central service over its websocket, as clients do."""

from __future__ import annotations

import json
import ssl
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.harness import Grid

HOME = "/alice/cern.ch/user/a/alice/"


def session(grid: Grid, name: str = "token-alice") -> connect:
    """A connection with the certificate called `name`."""
    context = ssl.create_default_context(capath=str(grid.directory / "certificates"))
    credentials = grid.directory / "credentials"
    context.load_cert_chain(credentials / f"{name}.pem", credentials / f"{name}.key.pem")
    url = f"wss://localhost:{grid.must('status')['port']}/websocket/json"
    return connect(url, ssl=context, proxy=None, max_size=None, ping_interval=None)


def request(command: str, *options: str) -> str:
    """The text of a request."""
    return json.dumps({"command": command, "options": options})


async def ask(connection: ClientConnection, command: str, *options: str) -> dict[str, Any]:
    """The reply to a request."""
    await connection.send(request(command, *options))
    reply: dict[str, Any] = json.loads(await connection.recv())
    return reply
