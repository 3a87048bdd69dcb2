"""Where the sandbox grid keeps its things. Everything is below one directory that only its owner may enter."""

from __future__ import annotations

import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from os import getuid
from pathlib import Path

USERS = ("alice", "bob", "admin")
"""The users that have a certificate; the first one is who the exports of `env` make you."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one sandbox grid, below `root`."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held with flock by the server for as long as it lives; its content is the server's process id."""
        return self.root / "server.lock"

    @property
    def control_lock(self) -> Path:
        """Held with flock by `up`, `down` and `reset`, so that they take turns."""
        return self.root / "control.lock"

    @property
    def state(self) -> Path:
        """What the running server tells about itself (JSON); the ports in it are used again by the next one."""
        return self.root / "state.json"

    @property
    def size(self) -> Path:
        """How large the grid is to be (JSON)."""
        return self.root / "plan.json"

    @property
    def settings(self) -> Path:
        """The settings that are not what they are at first, a line each."""
        return self.root / "settings.txt"

    @property
    def control(self) -> Path:
        """The unix socket on which the server is told what to do."""
        return self.root / "control.sock"

    @property
    def profile(self) -> Path:
        """The configuration of the profile `sandbox`."""
        return self.root / "profile.toml"

    @property
    def authorities(self) -> Path:
        """The directory of trusted certificates (OpenSSL's hashed names)."""
        return self.root / "certificates"

    @property
    def credentials(self) -> Path:
        """The directory of the server's and the users' certificates and keys."""
        return self.root / "credentials"

    @property
    def catalogue(self) -> Path:
        """The SQLite file of the catalogue."""
        return self.root / "catalogue.sqlite"

    @property
    def secret(self) -> Path:
        """The key that signs access tokens."""
        return self.root / "token.key"

    @property
    def storage(self) -> Path:
        """The directory with one directory for each storage element."""
        return self.root / "storage"

    @property
    def xrootd(self) -> Path:
        """The XRootD packages that `up --fetch` has unpacked."""
        return self.root / "xrootd"

    @property
    def logs(self) -> Path:
        """The directory of log files."""
        return self.root / "logs"

    def certificate(self, name: str) -> Path:
        """The certificate called `name`."""
        return self.credentials / f"{name}.pem"

    def key(self, name: str) -> Path:
        """The private key of the certificate called `name`."""
        return self.credentials / f"{name}.key.pem"


def locate(environment: Mapping[str, str]) -> Layout:
    """The sandbox grid of this user: below `$XDG_STATE_HOME`, by default `~/.local/state`."""
    home = environment.get("HOME") or pwd.getpwuid(getuid()).pw_dir
    named = environment.get("XDG_STATE_HOME", "")
    state = named if named.startswith("/") else f"{home}/.local/state"
    return Layout(Path(state).absolute() / "aliend" / "sandbox-grid")
