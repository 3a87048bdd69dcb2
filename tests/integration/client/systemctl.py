"""Stands for `systemctl --user` and `loginctl` where no user manager runs: it reads the units and runs their programs.

`systemctl.py STATE --user WORDS`; the environment of what it starts is that of a user manager, not that of its caller.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

LIMIT = 60.0


def main() -> int:
    state, words = Path(sys.argv[1]), [word for word in sys.argv[2:] if word != "--user"]
    if words == ["show", "--property=Version"]:
        print("Version=252")  # noqa: T201
    elif words[:3] == ["show", "--property=MainPID", "--value"]:
        print(pid_of(state, words[3]))  # noqa: T201
    elif words[0] == "enable":
        wants = units() / "default.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / words[1]).unlink(missing_ok=True)
        (wants / words[1]).symlink_to(file_of(words[1]))
    elif words[0] == "disable":
        (units() / "default.target.wants" / words[-1]).unlink(missing_ok=True)
        if "--now" in words:
            stop(state, words[-1])
    elif words[0] in ("start", "restart"):
        if words[0] == "restart":
            stop(state, words[1])
        return start(state, words[1])
    elif words[0] not in ("daemon-reload", "enable-linger"):
        raise SystemExit(f"unknown: {words}")
    with (state / "calls").open("a", encoding="utf-8") as calls:
        calls.write(f"{' '.join(words)}\n")
    return 0


def units() -> Path:
    return Path(os.environ["HOME"]) / ".config/systemd/user"


def file_of(unit: str) -> Path:
    name, at, _ = unit.partition("@")
    return units() / (f"{name}@.service" if at else unit)


def pid_of(state: Path, unit: str) -> int:
    file = state / unit
    pid = int(file.read_text(encoding="utf-8")) if file.exists() else 0
    return pid if pid and Path(f"/proc/{pid}/exe").exists() and is_alive(pid) else 0


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:  # it has ended meanwhile
        return False


def start(state: Path, unit: str) -> int:
    if pid_of(state, unit):
        return 0
    instance = unit.partition("@")[2].removesuffix(".service")
    lines = [line.replace("%i", instance) for line in file_of(unit).read_text(encoding="utf-8").splitlines()]
    values = [line.partition("=")[2] for line in lines if line.startswith("Environment=")]
    (command,) = [shlex.split(line.partition("=")[2]) for line in lines if line.startswith("ExecStart=")]
    address = str(state / f"notify-{os.getpid()}")
    environment = {name: os.environ[name] for name in ("HOME", "XDG_RUNTIME_DIR")} | {"PATH": "/usr/bin:/bin"}
    environment |= dict(shlex.split(value)[0].split("=", 1) for value in values) | {"NOTIFY_SOCKET": address}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(address)
        channel.settimeout(0.1)
        with (state / "journal").open("ab") as journal:
            daemon = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=journal,
                stderr=journal,
                start_new_session=True,
            )
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline and daemon.poll() is None:
            try:
                if b"READY=1" in channel.recv(1000):
                    (state / unit).write_text(str(daemon.pid), encoding="utf-8")
                    return 0
            except TimeoutError:
                continue
    sys.stderr.write(f"Job for {unit} failed (code {daemon.poll()}).\n")
    return 1


def stop(state: Path, unit: str) -> None:
    pid = pid_of(state, unit)
    if pid:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + LIMIT
        while pid_of(state, unit) and time.monotonic() < deadline:
            time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
