"""Every document that docs/json.md shows has the members and types that the commands print."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.harness import ROOT, Grid, User, make_user

pytestmark = pytest.mark.xdist_group("json page")

ANY = "*"
SECTION = re.compile(r"^## (.+?)\n(.*?)```json\n(.*?)\n```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^    alienctl (.+) --json$", re.MULTILINE)
PAGE = (ROOT / "docs/json.md").read_text(encoding="utf-8")
SHOWN = [(title, command, shape) for title, text, shape in SECTION.findall(PAGE) for command in COMMAND.findall(text)]
CONTENT = b"calibration"
OBJECT = {
    "path": "TPC/Calib/Gain",
    "ETag": '"e-1"',
    "fileName": "x.root",
    "Valid-From": 1700000000000,
    "Valid-Until": 1700000060000,
    "Content-MD5": hashlib.md5(CONTENT).hexdigest(),
    "Content-Length": len(CONTENT),
    "replicas": ["/download/e-1"],
}
VALUES = [{"Farm": "CERN", "Cluster": "SE", "Parameter": "load1", "Value": 1.5, "Timestamp": 1767225600000}]
ANSWERS = {
    "/latest/TPC/Calib": json.dumps({"objects": [OBJECT], "subfolders": ["TPC/Calib/More"]}).encode(),
    "/download/e-1": CONTENT,
}


class WebHandler(BaseHTTPRequestHandler):
    """Stands in for the conditions database and the monitoring."""

    def do_GET(self) -> None:
        content = json.dumps(VALUES).encode() if self.path.startswith("/rest/") else ANSWERS.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """Start the stand-in and return its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), WebHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def reader(grid: Grid, web: str) -> Iterator[User]:
    """Make a user with a finished transfer job and a job on the Grid, for all commands of the page."""
    for user in make_user(grid.exports):
        for name in ("JALIEN_TOKEN_CERT", "JALIEN_TOKEN_KEY"):  # a copy, which may be removed
            user.variables[name] = shutil.copy(user.variables[name], str(user.home / name))
        user.variables |= {"EDITOR": "true", "GIT_ALLOW_PROTOCOL": "file"}  # getCAcerts installs our own bundle
        configuration = user.home / ".config/aliend/config.toml"
        configuration.parent.mkdir(parents=True)
        configuration.write_text(f'[ccdb]\nhost = "{web}"\n[monitor]\nhost = "{web}"\n', encoding="utf-8")
        user.must("cp", "data/run1/part00.root", "file:first")
        description = user.home / "job.jdl"
        description.write_text('Executable = "/bin/date";\n', encoding="utf-8")
        user.must("cp", "-f", "file:job.jdl", "alien:job.jdl")
        user.must("submit", "job.jdl")
        yield user


@pytest.mark.parametrize(("title", "command", "shape"), SHOWN, ids=[command for _, command, _ in SHOWN])
def test_a_document_is_as_the_page_shows_it(grid: Grid, reader: User, title: str, command: str, shape: str) -> None:
    wanted = json.loads(shape)
    words = command.split()
    if words[0] == "sandbox":
        assert_like(json.loads(grid.control(*words[1:], "--json").stdout), wanted, title)
        return
    if words[0] == "transfers":
        words = ["1" if word == "7" else word for word in words]
    for document in documents(reader.run(*words, "--json").stdout):
        assert_like(document, wanted, title)


def documents(text: str) -> list[Any]:
    """The documents of an output: one, or one a line; at least one."""
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        found = [json.loads(line) for line in text.splitlines()]
        assert found
        return found


def assert_like(value: object, shown: object, where: str) -> None:
    """`value` has the members and types of `shown`."""
    if value is None or shown is None:
        assert value is None or isinstance(value, str), where
    elif isinstance(shown, dict):
        assert isinstance(value, dict), where
        if set(shown) == {ANY}:
            shown = dict.fromkeys(value, shown[ANY])
        assert set(value) == set(shown), where
        for name, one in value.items():
            assert_like(one, shown[name], f"{where}: {name}")
    elif isinstance(shown, list):
        assert isinstance(value, list), where
        for one in value:
            assert_like(one, shown[0], where)
    elif isinstance(shown, bool) or isinstance(value, bool) or isinstance(shown, str):
        assert type(value) is type(shown), where
    else:
        assert isinstance(value, int | float), where
