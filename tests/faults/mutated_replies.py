"""A central service that lies: each of its replies has one wrong place. The daemon and its files bear it."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import grpc

from aliend import CONTRACT
from aliend.v1 import console_pb2
from aliend.v1.console_pb2_grpc import ConsoleServiceStub as _Console
from tests.faults.campaign import Ground, Order, Report, ground
from tests.faults.hostile_central import HostileCentral
from tests.fuzz.documents import ESCAPE
from tests.harness import ROOT, alive

WHAT = "replies of the central service with one wrong place each, for all commands"
ROUNDS, SHORT = 5000, 200
_OBEYED = re.compile(rb"\x1b\]|\x1b\[35;5m|\x07|\x9b31m|\xc2\x9b|\xe2\x80\xae")
"""What the values would make a terminal do."""
_LIMIT = 3.0
"""Seconds for a command; one that is still retrying then is cancelled."""
_SESSIONS = 16
_PROGRESS = 30.0
"""Seconds between two lines of progress."""


def commands(folder: str) -> list[list[str]]:
    """Return command lines that use every request of the daemon."""
    file, copy = f"{folder}one", f"{folder}copy"
    lines = f"""
        ls {folder}|ls -la {folder}|ls -F {folder}|la|ll|stat {file}|stat {folder}|whereis {file}|whereis -r {file}
        find {folder} *|find -x c {folder} *|find2 -r .* {folder}|du {folder}|cat {file}|head {file}|md5sum {file}
        cp -f {file} file:inside/one|cp -f {folder} file:inside/|cp -f file:local {copy}|cp -f {file} {copy}2
        sync {folder} file:inside/sync|sync --dry-run {folder} file:inside/sync|cp --dry-run {folder} file:inside/
        touch {folder}t|mkdir -p {folder}d/e|mv {folder}t {folder}u|rm {folder}u|rmdir {folder}d/e|rm -rf {folder}d
        cd {folder}|pwd|home|whoami|user|groups|quota|fquota list|jquota list|listSEs|getSE|SEqos|getCE|listCEs
        ps|ps -a|ps -trace 1|jobInfo 1|masterjob 1|siteJobs|top|uptime|w|version|ping|time pwd|commandlist|help ls
        pfn {file}|pfn-status {file}|lfn2uri {file}|lfn2guid {file}|access read {file}|type {file}|toXml {file}
        xrd_ping|xrd_stats|token-info|token|cert-info|setSite CERN|replicate {file} --to disk:1|mirror -S disk:1 {file}
        listTransfer|chmod 700 {file}|chown alice {file}|xrdstat {file}|testSE -a|listSEDistance|submit {file}
        kill 1|resubmit 1|jobListMatch 1|ccdb|transfers list --all|transfers why|less {file}|nosuchcommand a b
    """
    return [line.split() for part in lines.strip().split("\n") for line in part.strip().split("|")]


def run(order: Order) -> Report:
    """Run all commands again and again until enough replies were changed."""
    with ground(order) as place:
        (place.user.home / "local").write_bytes(b"local")
        (place.user.home / "one").write_bytes(b"plain text\n" * 500)
        place.user.must("cp", "file:one", f"{place.folder}one@disk:2")
        place.user.must("daemon", "stop")
        central = HostileCentral(place.grid, order.seed)
        with central.listening():
            place.user.variables["ALIENPY_JCENTRAL_PORT"] = str(central.port)
            place.user.must("pwd")
            _Lies(place, central).tell(order.rounds)
            central.is_hostile = False
            after = place.user.run("ls", place.folder)
            place.must_be(
                after.returncode == 0 and "one" in after.stdout,
                f"ls afterwards: {after.returncode} {after.stdout[-300:]!r} {after.stderr[-300:]!r}",
            )
        place.report.faults += central.changes.total()
        place.report.notes.append(f"{len(central.changes)} requests of the service")
        return place.report


class _Lies:
    """The commands of several sessions at once, and what must hold after each."""

    def __init__(self, place: Ground, central: HostileCentral) -> None:
        self._place = place
        self._central = central
        status = place.user.json("daemon", "status")
        self._pid, self._socket, self._log = status["pid"], status["socket"], Path(status["log_file"])
        self._variables = {name: place.user.environment[name] for name in ("HOME", *place.user.variables)}
        self._before = self._outside()

    def tell(self, rounds: int) -> None:
        """Run until `rounds` replies were changed."""
        self._central.is_hostile = True
        numbers = range(_SESSIONS)
        sessions = [threading.Thread(target=self._session, args=(number, rounds), daemon=True) for number in numbers]
        for session in sessions:
            session.start()
        begin = shown = time.monotonic()
        for session in sessions:
            while session.is_alive():
                session.join(1.0)
                if time.monotonic() - shown > _PROGRESS:
                    shown = time.monotonic()
                    problems, done = len(self._place.report.problems), self._central.changes.total()
                    print(f"{shown - begin:6.0f} s  {done} of {rounds} replies, {problems} problems", flush=True)
        self._place.must_be(alive(self._pid), "the daemon ended")
        new = self._outside() - self._before
        self._place.must_be(not new, f"written outside the target: {sorted(map(str, new))[:5]}")
        asked = {f"{self._place.folder}{name}" for name in ("t", "u", "d", "d/e")}
        unasked = sorted(self._central.removed - asked)
        self._place.must_be(not unasked, f"removed or renamed in the catalogue, but not asked for: {unasked[:5]}")
        self._place.must_be(not os.path.lexists(ESCAPE), f"{ESCAPE} was written")
        log = self._log.read_text(encoding="utf-8", errors="replace")
        traces = [part.split("\n2", 1)[0] for part in log.split("Traceback")[1:]]  # records start with the year
        ours = [trace for trace in traces if f'File "{ROOT}/aliend' in trace]
        self._place.must_be(not ours, f"in the log: {''.join(ours[:1])}")

    def _session(self, number: int, rounds: int) -> None:
        lines = commands(self._place.folder)
        position = number * len(lines) // _SESSIONS
        with grpc.insecure_channel(f"unix:{self._socket}") as channel:
            console = _Console(channel)
            while self._central.changes.total() < rounds and alive(self._pid):
                self._check(lines[position % len(lines)], *self._output(console, lines[position % len(lines)], number))
                position += 1
                if not self._central.changes and position > 10 * len(lines):
                    self._place.must_be(False, "no command reaches the central service")
                    return

    def _output(self, console: _Console, line: Sequence[str], number: int) -> tuple[bytes, str]:
        """Return what a command sends to a terminal, and why the call failed (empty: it did not)."""
        start = console_pb2.RunStart(
            contract=CONTRACT,
            argv=[word.encode() for word in line],
            cwd=os.fsencode(self._place.user.home),
            umask=0o022,
            session=f"s{number}",
            environment=self._variables | {"ALIEN_PROC_ID": f"{number + 1}"},  # connections of its own
            terminal=console_pb2.Terminal(stdout_is_terminal=True, stderr_is_terminal=True, columns=80, rows=24),
        )
        output = b""
        try:
            for event in console.Run(iter([console_pb2.RunRequest(start=start)]), timeout=_LIMIT):
                output += event.stdout + event.stderr
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                return output, f"{error.code()}: {error.details()}"
        return output, ""

    def _check(self, line: Sequence[str], output: bytes, failure: str) -> None:
        what = f"{' '.join(line)} after {self._central.last}"
        self._place.must_be(not failure, f"{what}: {failure}")
        obeyed = _OBEYED.search(output)
        self._place.must_be(obeyed is None, f"{what}: {obeyed and obeyed[0]!r} reached the terminal")
        for sign in (b"Traceback", b"internal error", b"Unexpected <class"):
            self._place.must_be(sign not in output, f"{what}: {output[-500:]!r}")

    def _outside(self) -> set[Path]:
        home = self._place.user.home
        allowed = (home / ".local", home / "inside", home / "run", home / ".alien", home / ".cache")
        return {path for path in home.rglob("*") if not any(path.is_relative_to(one) for one in allowed)}
