"""Runs command lines in the daemon for a Python program; starts the daemon with the installed `alienctl`.

The program's working directory, role and site belong to a session of its process; its first use of `cd`, `user`,
`setSite` or `timing` creates it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from typing import IO, Any, NamedTuple

from alienctl import ClientError, wire_messages
from alienctl.invocation import Invocation
from alienctl.run import CommandRun

PROGRAM = "alienctl"
"""The program that starts the daemon; the installed packages replace it by an absolute path."""
_CHANGES_SESSION = re.compile(r"\b(cd|user|setSite|timing|pushd|popd)\b")
_START_LIMIT = 60
_NOT_CONNECTED = 107


class Output(NamedTuple):
    """The output of a command line."""

    code: int
    out: str
    err: str


class Session:
    """The session of a process: the name changes in a forked child, which gets a directory of its own."""

    def __init__(self) -> None:
        self._pid = 0
        self._lasts = False

    def name(self, arguments: "list[str]") -> str:
        """Return the session for a command line.

        Until a command changes the session, each line gets a new one that starts in the home and ends with the line."""
        if self._pid != os.getpid():
            self._pid, self._lasts = os.getpid(), False
        self._lasts = self._lasts or any(map(_CHANGES_SESSION.search, arguments))
        name = f"python:{self._pid}.{_STARTED}"
        return name if self._lasts else f"once:{os.urandom(8).hex()}:{name}"


_STARTED = os.urandom(8).hex()
SESSION = Session()


class _Captured(CommandRun):
    """A command line whose output is kept, or written to `sys.stdout` and `sys.stderr` as it arrives."""

    def __init__(self, invocation: Invocation, *, shown: bool) -> None:
        super().__init__(invocation)
        self._shown = shown
        self.written = {1: bytearray(), 2: bytearray()}
        self._of_pipeline: IO[bytes] | None = None

    def _watch_signals(self) -> None:
        """Leave the signals to the program: Ctrl-C raises KeyboardInterrupt, which cancels the command."""

    def _terminals(self) -> "tuple[bool, bool, bool]":
        return False, False, False

    def _print(self, descriptor: int, content: bytes) -> None:
        if not self._shown:
            self.written[descriptor] += content
            return
        stream = sys.stdout if descriptor == wire_messages.STDOUT else sys.stderr
        stream.write(content.decode("utf-8", "replace"))
        stream.flush()

    def _pipeline_output(self) -> int:
        self._of_pipeline = tempfile.TemporaryFile()  # noqa: SIM115 (`_end_program` closes it)
        return self._of_pipeline.fileno()

    def _end_program(self) -> int:
        status = super()._end_program()
        if self._of_pipeline:
            with self._of_pipeline as file:
                self._of_pipeline = None
                file.seek(0)
                self._print(wire_messages.STDOUT, file.read())
        return status

    def _upgrade_daemon(self) -> None:
        """Leave an older daemon alone: only `alienctl` replaces it."""

    def _start_daemon(self, error: ClientError) -> None:
        command = [PROGRAM, "--profile", self.invocation.profile, "daemon", "socket", "--start"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_START_LIMIT, check=False)
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise ClientError(f"{error}; cannot run {PROGRAM}: {failure}", _NOT_CONNECTED) from None
        if done.returncode:
            raise ClientError(done.stderr.strip() or str(error), done.returncode)
        self.invocation.socket = done.stdout.strip()


def run(arguments: "list[str]", *, shown: bool = False) -> Output:
    """Run a command line: one text, which may be a chain, or the arguments of one command.

    With `shown` the output goes to the program's own streams, and the result contains only the exit code.
    """
    try:
        invocation = Invocation(list(arguments), os.environb)
        if not invocation.names_session:
            invocation.session = SESSION.name(list(arguments))
        command = _Captured(invocation, shown=shown)
        code = command.run()
    except ClientError as error:
        if shown:
            sys.stderr.write(f"{error}\n")
        return Output(error.code, "", str(error))
    texts = (bytes(command.written[number]).decode("utf-8", "replace").rstrip("\n") for number in (1, 2))
    return Output(code, *texts)


def document(arguments: "list[str]") -> "tuple[Output, Any]":
    """Run a command with `--json`; return its output and its document, an empty one if it printed none."""
    output = run(["--json", *arguments])
    try:
        return output, json.loads(output.out)
    except ValueError:
        return output, {}
