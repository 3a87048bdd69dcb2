"""A hostile central service: passes requests to a sandbox grid, and changes one place of each reply.

It listens on a port of its own with the certificate of the sandbox's service. Changes are chosen by a random source, so
that a run can be repeated as far as the order of requests is the same.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.fuzz import documents
from tests.harness import Grid

_REMOVING = frozenset({"rm", "rmdir", "mv", "deleteMirror"})
_DOCUMENTS = ("", "null", "[]", "5", "{", '{"metadata":{},"results":[]}', '{"results":[]}', "[" * 5000, "<html>")


class HostileCentral:
    """The service; while `is_hostile` is set it changes replies. `changes` counts them by command.

    `removed` has the operands of the requests that remove or rename.
    """

    def __init__(self, grid: Grid, seed: int, compression: str | None = "deflate") -> None:
        self.port = 0
        self.is_hostile = False
        self.changes: Counter[str] = Counter()
        self.last = ""
        self.removed: set[str] = set()
        self.compression = compression
        self._chance = random.Random(seed)
        credentials = grid.directory / "credentials"
        self._address = f"wss://localhost:{grid.exports['ALIENPY_JCENTRAL_PORT']}/websocket/json"
        self._server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server_side.load_cert_chain(credentials / "server.pem", credentials / "server.key.pem")
        self._client_side = ssl.create_default_context(capath=str(grid.directory / "certificates"))
        self._client_side.load_cert_chain(grid.exports["JALIEN_TOKEN_CERT"], grid.exports["JALIEN_TOKEN_KEY"])

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Serve while the block runs, in a thread."""
        loop, ready, ending = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

        async def run() -> None:
            serving = serve(
                self._handle, "localhost", 0, ssl=self._server_side, max_size=None, compression=self.compression
            )
            async with serving as server:
                self.port = next(iter(server.sockets)).getsockname()[1]
                ready.set()
                await ending.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
        thread.start()
        try:
            assert ready.wait(20)
            yield
        finally:
            loop.call_soon_threadsafe(ending.set)
            thread.join()
            loop.close()

    async def _handle(self, client: ServerConnection) -> None:
        try:
            async with connect(self._address, ssl=self._client_side, max_size=None, proxy=None) as service:
                async for request in client:
                    self._note(json.loads(request))
                    await service.send(request)
                    reply = await service.recv()
                    await self.answer(client, str(request), str(reply))
        except (ConnectionClosed, OSError):
            await client.close()

    def _note(self, request: dict[str, Any]) -> None:
        if request.get("command") in _REMOVING:
            self.removed.update(word for word in request.get("options", ()) if not word.startswith("-"))

    async def answer(self, client: ServerConnection, request: str, reply: str) -> None:
        """Send the reply to a request, changed if the service is hostile."""
        await client.send(self._changed(request, reply) if self.is_hostile else reply)

    def _changed(self, request: str, reply: str) -> str:
        """Return a reply with one change."""
        command = str(json.loads(request).get("command"))
        self.changes[command] += 1
        if self._chance.random() < 0.03:
            self.last = self._chance.choice(_DOCUMENTS)
            return self.last
        document = json.loads(reply)
        self.last = documents.change(document, self._chance)
        return json.dumps(document)
