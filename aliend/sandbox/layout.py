"""The files and directories of the sandbox grid, all below one directory that only its owner may enter."""

from __future__ import annotations

import json
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from os import getuid
from pathlib import Path
from typing import Any

USERS = ("alice", "bob", "admin")
"""The users that have a certificate; the exports of `env` select the first one."""
READY = "ready"
"""The line that reports a successful start of the server; any other line is the reason of the failure."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one sandbox grid, below `root`."""

    root: Path

    @property
    def lock(self) -> Path:
        """Return the lock file, which the server locks with flock while it runs and which holds its process id."""
        return self.root / "server.lock"

    @property
    def control_lock(self) -> Path:
        """Return the lock file of `up`, `down` and `reset`: only one of them runs at a time (flock)."""
        return self.root / "control.lock"

    @property
    def state(self) -> Path:
        """Return the state of the running server (JSON); the next server reuses its ports."""
        return self.root / "state.json"

    @property
    def size(self) -> Path:
        """Return the file with the requested size of the grid (JSON)."""
        return self.root / "plan.json"

    @property
    def settings(self) -> Path:
        """Return the file with the changed settings, one per line."""
        return self.root / "settings.txt"

    @property
    def control(self) -> Path:
        """Return the unix socket on which the server accepts control requests."""
        return self.root / "control.sock"

    @property
    def profile(self) -> Path:
        """Return the configuration of the profile `sandbox`."""
        return self.root / "profile.toml"

    @property
    def authorities(self) -> Path:
        """Return the directory of trusted certificates (OpenSSL's hashed names)."""
        return self.root / "certificates"

    @property
    def credentials(self) -> Path:
        """Return the directory of the server's and the users' certificates and keys."""
        return self.root / "credentials"

    @property
    def catalogue(self) -> Path:
        """Return the SQLite file of the catalogue."""
        return self.root / "catalogue.sqlite"

    @property
    def secret(self) -> Path:
        """Return the key that signs access tokens."""
        return self.root / "token.key"

    @property
    def storage(self) -> Path:
        """Return the directory with one directory for each storage element."""
        return self.root / "storage"

    @property
    def xrootd(self) -> Path:
        """Return the directory of the XRootD packages that `up --fetch` unpacks."""
        return self.root / "xrootd"

    @property
    def logs(self) -> Path:
        """Return the directory of log files."""
        return self.root / "logs"

    def certificate(self, name: str) -> Path:
        """Return the certificate called `name`."""
        return self.credentials / f"{name}.pem"

    def key(self, name: str) -> Path:
        """Return the private key of the certificate called `name`."""
        return self.credentials / f"{name}.key.pem"


def locate(environment: Mapping[str, str]) -> Layout:
    """Return the paths of this user's sandbox grid, below `$XDG_STATE_HOME` (default: `~/.local/state`)."""
    home = environment.get("HOME") or pwd.getpwuid(getuid()).pw_dir
    named = environment.get("XDG_STATE_HOME", "")
    state = named if named.startswith("/") else f"{home}/.local/state"
    return Layout(Path(state).absolute() / "aliend" / "sandbox-grid")


def previous_state(layout: Layout) -> dict[str, Any]:
    """Return the state that the last server saved, or an empty dictionary."""
    try:
        state: dict[str, Any] = json.loads(layout.state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state
