"""A separate environment for one client: a home, a socket, and a fake daemon behind `python -m aliend`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
_FAKE_MAIN = f"""
import json, runpy, sys
from pathlib import Path

sys.path.append({str(ROOT)!r})

settings = json.loads((Path(__file__).parent / "settings.json").read_text())
sys.argv += settings
runpy.run_module("tests.integration.client.fake_daemon", run_name="__main__")
"""


def eventually(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


class Stage:
    """Runs `alienctl` in a separate home; it starts the fake daemon."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.socket = home / "run" / "aliend" / "default.sock"
        self.log = home / "log"
        (home / "run").mkdir(mode=0o700)
        fake = home / "fake" / "aliend"
        fake.mkdir(parents=True)
        (fake / "__init__.py").write_text(f"__path__.append({str(ROOT / 'aliend')!r})\n")
        # what alienctl starts is looked for beside itself
        for name in ("alienctl", "systemd"):
            (home / "fake" / name).symlink_to(ROOT / name)
        (fake / "__main__.py").write_text(_FAKE_MAIN)
        self.daemon_takes()
        inherited = ("PATH", "LANG")
        self.environment = {name: os.environ[name] for name in inherited if name in os.environ}
        self.environment |= {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home / "run"),
            "PYTHONPATH": f"{home / 'fake'}:{ROOT}",
        }

    def daemon_takes(self, *words: str) -> None:
        """Give further arguments to the daemon."""
        settings = [str(self.socket), str(self.log), *words]
        (self.home / "fake" / "aliend" / "settings.json").write_text(json.dumps(settings))

    @property
    def command(self) -> list[str]:
        return [sys.executable, str(ROOT / "bin" / "alienctl")]

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401
        settings = {"env": self.environment, "capture_output": True, "stdin": subprocess.DEVNULL, "timeout": 60}
        if "input" in options:
            del settings["stdin"]
        return subprocess.run([*self.command, *words], **{**settings, **options})

    def start(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
        settings = {"env": self.environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        return subprocess.Popen([*self.command, *words], **{**settings, "stderr": subprocess.PIPE, **options})

    def logged(self, start: str) -> list[str]:
        """The daemon's log lines that begin so."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(start)]

    def pids(self) -> list[int]:
        return [int(line.split()[1]) for line in self.logged("started ")]

    def end(self) -> None:
        """End the daemons that were started here."""
        for pid in self.pids():
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: not any(map(is_alive, self.pids())), "the daemons' end")


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # also if it ends while it is read
        return False


@contextmanager
def a_stage() -> Iterator[Stage]:
    """A stage under a short path (a socket's path has 107 bytes)."""
    with tempfile.TemporaryDirectory(prefix="ctl", dir="/tmp", ignore_cleanup_errors=True) as home:
        stage = Stage(Path(home))
        try:
            yield stage
        finally:
            stage.end()
