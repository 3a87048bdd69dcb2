"""Commands about the connection to the service and other hosts, and about versions."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

from tests.harness import User

RTT = r"rtt min/avg/max/mdev \(ms\) = \d+\.\d{3}/\d+\.\d{3}/\d+\.\d{3}/\d+\.\d{3}"


def test_f165_ping_uses_the_existing_connection(user: User) -> None:
    user.must("ls")
    assert re.fullmatch(rf"Websocket ping/pong\(s\) : 2 time\(s\) to 127\.0\.0\.1\n{RTT}", user.must("ping", "2"))
    assert user.must("ping").startswith("Websocket ping/pong(s) : 3 time(s)")
    assert user.json("ping", "1")["count"] == 1
    assert [central["logins"] for central in user.json("daemon", "status")["central"]] == [1]
    for words in (["x"], ["0"], ["1", "2"], ["1001"]):
        assert user.run("ping", *words).returncode == 22


def test_f104_wbtime_measures_logins(user: User) -> None:
    user.must("ls")
    assert re.fullmatch(rf"Websocket connect time : 2 time\(s\) to 127\.0\.0\.1\n{RTT}", user.must("wbtime", "2"))
    assert [central["logins"] for central in user.json("daemon", "status")["central"]] == [3]
    assert user.run("wbtime", "100").returncode == 22


def test_f165_checkaddr_tries_every_address(user: User) -> None:
    with socket.socket() as listening, socket.socket() as closed:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        closed.bind(("127.0.0.1", 0))
        port, other = listening.getsockname()[1], closed.getsockname()[1]
        assert user.must("checkAddr", "127.0.0.1", str(port)) == f"127.0.0.1:{port}        OK"
        assert user.must("checkAddr", "127.0.0.1", str(other)) == f"127.0.0.1:{other}        FAIL"
        (result,) = user.json("checkAddr", "127.0.0.1", str(port))["results"]
        assert result == {"host": "127.0.0.1", "address": "127.0.0.1", "port": port, "ok": True}


def test_f165_checkaddr_checks_the_service_by_default(user: User) -> None:
    assert re.search(r"^127\.0\.0\.1:\d+        OK$", user.must("checkAddr"), re.MULTILINE)


def test_f165_an_unknown_host_is_reported(user: User) -> None:
    done = user.run("checkAddr", "no-such-host.invalid")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no-such-host.invalid has no address" in done.stderr
    assert user.run("checkAddr", "localhost", "99999").returncode == 22


def test_f101_version_prints_program_daemon_python_and_xrootd(stranger: User) -> None:
    text = stranger.must("version")
    assert text.startswith("alienctl ")
    assert "daemon: not running" in text
    assert re.search(r"^Python version: 3\.\d+\.\d+ \(/.*\)$", text, re.MULTILINE)
    assert re.search(r"^XRootD version: \d+\.\d+\.\d+$", text, re.MULTILINE)
    facts = stranger.json("version")
    assert set(facts) == {"client", "daemon", "python", "xrootd"}


class Monitoring(BaseHTTPRequestHandler):
    """Answers as the monitoring does."""

    asked: ClassVar[list[str]] = []
    content: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200 if self.content else 500)
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def monitoring(user: User, content: bytes) -> Iterator[list[str]]:
    Monitoring.asked, Monitoring.content = [], content
    server = HTTPServer(("127.0.0.1", 0), Monitoring)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    place = user.home / ".config/aliend"
    place.mkdir(parents=True, exist_ok=True)
    host = f"http://127.0.0.1:{server.server_port}"
    (place / "config.toml").write_text(f'[monitor]\nhost = "{host}"\n', encoding="utf-8")
    try:
        yield Monitoring.asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


VALUES = [
    {"Farm": "CERN", "Cluster": "MasterSE", "Parameter": "load1", "Value": 1.5, "Timestamp": 1795611706000},
    {"Farm": "GSI", "Cluster": "SE", "Parameter": "load1", "Value": 22, "Timestamp": 1795611707000},
]


def test_f166_values_of_the_monitoring_in_a_table(user: User) -> None:
    with monitoring(user, json.dumps(VALUES).encode()) as asked:
        lines = user.must("queryML", "/-60000/-1/*/load1", "text").splitlines()
        assert asked == ["/rest/-60000/-1/*/load1?Accept=application/json"]
        assert lines[0].split() == ["Farm", "Cluster", "Parameter", "Value", "Timestamp"]
        assert re.match(r"CERN  MasterSE  load1      1\.5    \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", lines[1])
        assert user.json("queryML", "x")["results"] == VALUES


def test_f166_an_error_is_a_sentence_with_exit_code_1(user: User) -> None:
    with monitoring(user, b""):
        done = user.run("queryML", "x")
        assert (done.returncode, done.stdout) == (1, "")
        assert "answered 500" in done.stderr
    gone = user.run("queryML", "x")
    assert gone.returncode == 1
    assert "Traceback" not in gone.stderr
    assert user.run("queryML").returncode == 22
    with monitoring(user, b"[1]"):
        assert "list of values" in user.run("queryML", "x").stderr
