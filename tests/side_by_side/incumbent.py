"""The processes in which alien.py runs, see `forked_alienpy`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from queue import SimpleQueue

from tests.harness import ROOT, clean_environment

ALIENPY = ROOT / ".venv-alienpy" / "bin" / "alien.py"


class Incumbent:
    """Runs alien.py, at most `at_a_time` times concurrently; `scratch` is a directory for its output."""

    def __init__(self, at_a_time: int, scratch: Path) -> None:
        self._scratch = scratch
        self._servers = [_Server() for _ in range(at_a_time)]
        self._idle: SimpleQueue[_Server] = SimpleQueue()
        for server in self._servers:
            self._idle.put(server)

    def run(
        self, words: list[str], environment: dict[str, str], directory: Path, stdin: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `alien.py WORDS` to its end."""
        argv = [str(ALIENPY), *words]
        server = self._idle.get()
        try:
            files = {name: self._scratch / f"{server.pid}.{name}" for name in ("stdout", "stderr")}
            request: dict[str, object] = {"argv": argv, "environment": environment, "stdin": stdin}
            request |= {"directory": str(directory)} | {name: str(path) for name, path in files.items()}
            code = server.run(request)
            stdout, stderr = (path.read_text(encoding="utf-8") for path in files.values())
        finally:
            self._idle.put(server)
        return subprocess.CompletedProcess(argv, code, stdout, stderr)

    def close(self) -> None:
        """End the processes."""
        for server in self._servers:
            server.close()


class _Server:
    """One process that forks a process for each run."""

    def __init__(self) -> None:
        theirs, requests = os.pipe()
        answers, our_answers = os.pipe()
        self._process = subprocess.Popen(
            [
                str(ALIENPY.with_name("python")),
                str(Path(__file__).with_name("forked_alienpy.py")),
                str(theirs),
                str(our_answers),
            ],
            env=clean_environment(),
            pass_fds=(theirs, our_answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(our_answers)
        self._requests, self._answers = os.fdopen(requests, "wb", buffering=0), os.fdopen(answers, "rb")

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, request: dict[str, object]) -> int:
        """Return the exit code; negative for a signal."""
        self._requests.write(json.dumps(request).encode() + b"\n")
        return int(self._answers.readline())

    def close(self) -> None:
        self._requests.close()
        self._answers.close()
        self._process.wait()
