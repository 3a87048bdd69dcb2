"""A stand-in for the conditions database: answers over HTTP on loopback."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ON_WEB = b"held by the server itself"


@dataclass
class Ccdb:
    """What it answers by path, what it was asked with which headers, and the bytes of downloads."""

    address: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    download: bytes = ON_WEB


def version(name: str, etag: str, content: bytes, replicas: list[str]) -> dict[str, Any]:
    """Return an object as the real service describes it, with its repetitions."""
    return {
        "path": f"TPC/Calib/{name}",
        "createTime": 1700000000000,
        "Created": 1700000000000,
        "id": etag,
        "ETag": f'"{etag}"',
        "validFrom": 1700000000000,
        "Valid-From": 1700000000000,
        "Valid-Until": 1700000060000,
        **dict.fromkeys(("validUntil", "initialValidity", "InitialValidityLimit"), 1700000060000),
        **dict.fromkeys(("lastModified", "Last-Modified"), 1700000000001),
        "contentType": "application/octet-stream",
        "Content-Disposition": f'inline;filename="{name}.root"',
        "UploadedFrom": "192.0.2.1",
        "partName": "send",
        "MD5": hashlib.md5(content).hexdigest(),
        "size": len(content),
        "fileName": f"{name}.root",
        "ObjectType": f"o2::{name}",
        "Content-MD5": hashlib.md5(content).hexdigest(),
        "Content-Length": len(content),
        "replicas": replicas,
    }


@contextmanager
def ccdb_server() -> Iterator[Ccdb]:
    """Run a stand-in."""
    stand_in = Ccdb()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stand_in.asked.append((self.path, dict(self.headers)))
            if self.path.startswith("/download/"):
                self.reply(200, stand_in.download)
            elif self.path in stand_in.answers:
                self.reply(200, json.dumps(stand_in.answers[self.path]).encode())
            else:
                self.reply(404, b"")

        def reply(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stand_in.address = f"http://127.0.0.1:{server.server_port}"
    yield stand_in
    server.shutdown()
    server.server_close()
