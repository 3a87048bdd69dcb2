"""The conditions database: a small stand-in answers over HTTP on loopback; files lie on the sandbox grid and there."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.harness import User

ON_WEB = b"held by the server itself"


@dataclass
class Ccdb:
    """The stand-in: what it answers by path, what it was asked with which headers, the bytes that it gives."""

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
        "fileName": f"{name}.root",
        "ObjectType": f"o2::{name}",
        "Content-MD5": hashlib.md5(content).hexdigest(),
        "Content-Length": len(content),
        "replicas": replicas,
    }


@pytest.fixture
def ccdb() -> Iterator[Ccdb]:
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
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stand_in.address = f"http://127.0.0.1:{server.server_port}"
    yield stand_in
    server.shutdown()
    server.server_close()


def test_f167_objects_and_folders_are_listed(user: User, ccdb: Ccdb) -> None:
    gain = version("Gain", "e-1", b"12345", [])
    ccdb.answers["/latest/TPC/Calib"] = {"objects": [gain], "subfolders": ["TPC/Calib/More"]}
    lines = user.must("ccdb", "-host", ccdb.address, "-unixtime", "TPC/Calib/.*").splitlines()
    assert lines[0] == "TPC/Calib/More/"
    assert lines[2] == 'TPC/Calib/Gain/Gain.root  o2::Gain  "1700000000000"  "1700000060000"  60000'
    path, headers = ccdb.asked[-1]
    assert path == "/latest/TPC/Calib"
    assert headers["Accept"] == "application/json"
    assert headers["Browse-Limit"] == "10"


def test_f167_history_limit_headers_and_json(user: User, ccdb: Ccdb) -> None:
    ccdb.answers["/browse/TPC/Calib"] = {"objects": [version("Gain", "e-1", b"12345", [])], "subfolders": []}
    words = ("ccdb", "-host", ccdb.address, "-history", "-limit", "3", "-header", "If-Not-After: 17", "TPC/Calib")
    (one,) = user.json(*words)["objects"]
    assert (one["ETag"], one["Lifetime"], one["filename"]) == ('"e-1"', 60000, "TPC/Calib/Gain/Gain_e-1.root")
    assert "validFrom" not in one
    headers = ccdb.asked[-1][1]
    assert (headers["Browse-Limit"], headers["If-Not-After"]) == ("3", "17")


def test_f167_a_run_gives_the_time(user: User, ccdb: Ccdb) -> None:
    start = "1699999999999"
    ccdb.answers["/latest/RCT/Info/RunInformation/529397"] = {"objects": [{"path": "RCT", "SOR": start}]}
    ccdb.answers[f"/latest/TPC/{start}"] = {"objects": [version("Gain", "e-1", b"1", [])]}
    configuration = user.home / ".config" / "aliend" / "config.toml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(f'[ccdb]\nhost = "{ccdb.address}"\n')
    assert "Gain.root" in user.must("ccdb", "-run", "529397", "TPC")


def test_f167_report_adds_up(user: User, ccdb: Ccdb) -> None:
    folder = {"ownFiles": 1, "ownSize": 1024, "filesInSubfolders": 2, "sizeOfSubfolders": 2048}
    ccdb.answers["/browse/TPC?report=true"] = {"subfolders": [{"name": "a", **folder}, {"name": "b", **folder}]}
    last = user.must("ccdb", "-host", ccdb.address, "-report", "TPC").splitlines()[-1]
    assert last.split() == ["TOTAL", "2", "2.0", "KiB", "4", "4.0", "KiB"]


def test_f168_files_come_from_the_grid(user: User, ccdb: Ccdb) -> None:
    (user.home / "gain.root").write_bytes(b"from the grid")
    user.must("cp", "file:gain.root", "ccdb-gain")
    lfn = f"{user.must('home')}ccdb-gain"
    ccdb.answers["/latest/TPC/Calib"] = {
        "objects": [version("Gain", "e-1", b"from the grid", [f"alien://{lfn}", "/download/e-1"])]
    }
    printed = user.must("ccdb", "-host", ccdb.address, "-get", "-dst", "here", "TPC/Calib")
    target = user.home / "here/TPC/Calib/Gain/Gain_e-1.root"
    assert printed == str(target)
    assert target.read_bytes() == b"from the grid"
    assert user.must("ccdb", "-host", ccdb.address, "-get", "-dst", "here", "TPC/Calib") == printed


def test_f168_a_mirror_has_properties_and_takes_files_from_the_web(user: User, ccdb: Ccdb) -> None:
    ccdb.answers["/latest/TPC/Calib"] = {"objects": [version("Gain", "e-1", ON_WEB, ["/download/e-1"])]}
    user.must("ccdb", "-host", ccdb.address, "-mirror", "-http", "TPC/Calib")
    kept = user.home / "TPC/Calib/Gain/1700000000000"
    assert (kept / "e-1").read_bytes() == ON_WEB
    assert "ObjectType=o2::Gain" in (kept / "e-1.properties").read_text().splitlines()
    assert sorted(path.name for path in kept.iterdir()) == ["e-1", "e-1.properties"]


def test_a_file_that_is_not_the_object_is_not_kept(user: User, ccdb: Ccdb) -> None:
    ccdb.answers["/latest/TPC"] = {"objects": [version("Gain", "e-1", ON_WEB, ["/download/e-1"])]}
    ccdb.download = ON_WEB[::-1]
    done = user.run("ccdb", "-host", ccdb.address, "-get", "TPC")
    assert done.returncode == 4
    assert "md5" in done.stderr or "checksum" in done.stderr
    assert not [path for path in (user.home / "TPC").rglob("*") if path.is_file()]


def test_a_hostile_answer_writes_nothing_outside(user: User, ccdb: Ccdb) -> None:
    evil = {**version("Gain", "e-1", ON_WEB, ["/download/e-1"]), "path": "../../outside"}
    ccdb.answers["/latest/TPC"] = {"objects": [evil]}
    done = user.run("ccdb", "-host", ccdb.address, "-get", "-dst", "a/b", "TPC")
    assert done.returncode == 4
    assert "cannot write the name" in done.stderr
    assert not (Path(user.home) / "outside").exists()


def test_f090_a_refusal_of_the_server_is_reported(user: User, ccdb: Ccdb) -> None:
    done = user.run("ccdb", "-host", ccdb.address, "nowhere")
    assert done.returncode == 1
    assert "404" in done.stderr
    ccdb.answers["/latest/empty"] = {"objects": [], "subfolders": []}
    assert user.run("ccdb", "-host", ccdb.address, "empty").returncode == 2
    assert user.run("ccdb", "-host", "127.0.0.1:1", "x").returncode == 1


def test_the_conditions_database_needs_no_certificate(stranger: User, ccdb: Ccdb) -> None:
    ccdb.answers["/latest/TPC"] = {"objects": [version("Gain", "e-1", b"1", [])]}
    assert "Gain.root" in stranger.must("ccdb", "-host", ccdb.address, "TPC")
