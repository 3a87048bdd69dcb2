"""Malicious names: nothing is written outside the target, and no terminal receives control sequences.

The names are inserted directly into the sandbox's catalogue, and used as names of local files to upload.
"""

from __future__ import annotations

import os
import pty
import re
import select
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.campaign import Ground, Order, Report, ground
from tests.harness import ROOT

WHAT = "names with .., control characters, newlines, 4 kB, not UTF-8"
ROUNDS, SHORT = 3, 1
_NAMES = (
    *("../escape", "../../../../../../../../tmp/escape", "sub/../../escape", "/etc/escape", "..", "sub/.."),
    *(
        "\x1b]0;owned\x07",
        "\x1b[35;5mred",
        "bell\x07",
        "back\rward",
        "new\nline",
        "c1\x9b31m",
        "txt.\u202eexe",
        "tab\tbed",
    ),
    *("x" * 4000, "y" * 300, "-f", "--json", " ", "~", "$(touch escape)", ";touch escape", "*", "%s%n", "file:x"),
)
_OBEYED = re.compile(rb"\x1b\]|\x1b\[35;5m|\x07|\x9b31m|\xc2\x9b|\xe2\x80\xae")
"""What those names would make a terminal do."""
_BYTES = (b"raw\xff\xfe", b"raw\x9b31m", b"half\xed\xa0\x80")
"""Names that are no UTF-8."""
_SANDBOX_WITH_BYTES = f"""
import sys

exec(open({str(ROOT / "aliend" / "__init__.py")!r}, encoding="utf-8").read())
__path__.append({str(ROOT / "aliend")!r})

if "serve" in sys.orig_argv:
    import sqlite3

    from aliend.sandbox.protocol import output

    connect = sqlite3.connect

    def connected(*words, **options):
        database = connect(*words, **options)
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        return database

    sqlite3.connect = connected
    output._ESCAPED = __import__("re").compile(output._ESCAPED.pattern[:-1] + "\\ud800-\\udfff]")
"""
"""The package of a sandbox that shows such names as they are: with lone surrogates in its JSON."""


def run(order: Order) -> Report:
    """Download the names, show them on a terminal in every way, upload local ones."""
    with _sandbox_with_bytes(), ground(order) as place:
        for number in range(order.rounds):
            directory = f"{place.folder}hostile{number}/"
            _plant(place, directory)
            _download(place, directory, number)
            for words in _shown(directory, number):
                output = _on_a_terminal(place, words)
                found = _OBEYED.search(output)
                place.must_be(found is None, f"{words} sent {found and found[0]!r} to the terminal")
                place.report.faults += 1
            _upload(place, number)
        return place.report


@contextmanager
def _sandbox_with_bytes() -> Iterator[None]:
    """Grids that are started meanwhile can have names that are no UTF-8."""
    before = os.environ.get("PYTHONPATH")
    with tempfile.TemporaryDirectory(prefix="bytes") as place:
        (Path(place) / "aliend").mkdir()
        (Path(place) / "aliend/__init__.py").write_text(_SANDBOX_WITH_BYTES, encoding="utf-8")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (place, before)))
        try:
            yield
        finally:
            del os.environ["PYTHONPATH"]
            os.environ |= {"PYTHONPATH": before} if before else {}


def _shown(directory: str, number: int) -> Iterator[list[str]]:
    yield from (["ls", directory], ["ls", "-l", directory], ["find", directory, "*"], ["--json", "ls", directory])
    yield from (["transfers", "list", "--all"], ["transfers", "why"])
    job = str(number * 3 + 1)
    yield from (["transfers", "show", job, "--attempts"], ["transfers", "watch", job, "--since", "0"])
    yield from (["transfers", "watch", job], ["--json", "transfers", "show", job])
    yield from (["stat", f"{directory}\x1b[35;5mred"], ["cp", directory, f"file:again{number}/"])
    yield ["cp", f"{directory}\x1b[35;5mred", f"file:again{number}/"]


def _plant(place: Ground, directory: str) -> None:
    """Create entries with these names, all of them one file with two replicas."""
    (place.user.home / "harmless").write_bytes(b"harmless")
    place.user.must("mkdir", "-p", directory)
    place.grid.must("file", f"{directory}harmless", "1000", "--copies", "2")
    database = sqlite3.connect(place.grid.directory / "catalogue.sqlite", timeout=20)
    with database:
        columns = "parent_id, type, owner, gowner, perm, size, ctime, guid, md5"
        row = database.execute(f"SELECT {columns} FROM lfn WHERE path = ?", (f"{directory}harmless",)).fetchone()
        for name in _NAMES:
            sql = f"INSERT INTO lfn (path, {columns}) VALUES ({', '.join('?' * 10)})"
            database.execute(sql, (f"{directory}{name}", *row))
        for raw in _BYTES:
            sql = f"INSERT INTO lfn (path, {columns}) VALUES (CAST(? AS TEXT){', ?' * 9})"
            database.execute(sql, (directory.encode() + raw, *row))
    database.close()


def _download(place: Ground, directory: str, number: int) -> None:
    before = _everything(place)
    done = place.user.run("cp", directory, f"file:target{number}/", timeout=120)
    place.must_be(done.returncode == 3, f"hostile names: exit {done.returncode}, not 3: {done.stderr[-300:]}")
    inside = place.user.home / f"target{number}"
    new = [path for path in _everything(place) - before if not path.is_relative_to(inside)]
    place.must_be(not new, f"written outside the target: {new}")
    escaped = [
        str(path) for path in (Path("/tmp/escape"), Path("/etc/escape"), place.user.home / "escape") if path.exists()
    ]
    place.must_be(not escaped, f"written outside the target: {escaped}")
    place.must_be((inside / "harmless").exists(), "the harmless neighbour of hostile names did not arrive")
    place.report.faults += len(_NAMES) + len(_BYTES)


def _upload(place: Ground, number: int) -> None:
    """Local names that no catalogue can have fail with a sentence; their neighbours arrive."""
    source = os.fsencode(place.user.home / f"local{number}")
    Path(os.fsdecode(source)).mkdir()
    for name in (b"good", b"\xff\xfe", b"\x1b[35;5mred", b"new\nline", b"back\rward"):
        with open(source + b"/" + name, "wb") as file:  # noqa: PTH123 - a name that is no text
            file.write(b"content of " + name)
    done = place.user.run("cp", f"file:local{number}/", f"{place.folder}local{number}/@disk:2", timeout=120)
    place.must_be(done.returncode in (0, 3), f"hostile local names: exit {done.returncode}: {done.stderr[-300:]}")
    there = place.user.run("stat", f"{place.folder}local{number}/good").returncode == 0
    place.must_be(there, "the harmless neighbour of hostile local names did not arrive")
    place.report.faults += 5


def _everything(place: Ground) -> set[Path]:
    home = place.user.home
    return {path for path in home.rglob("*") if not path.is_relative_to(home / ".local")}


def _on_a_terminal(place: Ground, words: list[str]) -> bytes:
    """Return what `alienctl` with these arguments writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [place.user.command, *words],
        env={**place.user.environment, "TERM": "xterm"},
        cwd=place.user.home,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    output, end = b"", time.monotonic() + 60
    try:
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    output += os.read(ours, 65536)
                except OSError:
                    break
            elif process.poll() is not None:
                break
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return output
