"""The state of one connection: client, identity, current directory and session settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from aliend.sandbox.state.accounts import TOKEN_PREFIX, Principal
from aliend.sandbox.state.paths import NO_DIRECTORY


@dataclass(frozen=True, slots=True)
class Client:
    """The certificate and address of a client. `subject` is in slash form, `expires` in POSIX seconds.

    `fingerprint` tells certificates apart.
    """

    subject: str
    java_subject: str
    expires: int
    address: str
    fingerprint: bytes = b""

    @property
    def has_token(self) -> bool:
        """Return whether the service itself issued the certificate."""
        return self.subject.startswith(TOKEN_PREFIX)


@dataclass(slots=True)
class Session:
    """The state of one connection; `cwd` is canonical, or None if the directory does not exist."""

    client: Client
    principal: Principal
    cwd: str | None
    site: str
    timing: bool = False
    has_run_a_command: bool = False
    switched: bool = field(default=False)

    @property
    def directory(self) -> str:
        """Return the current directory for the metadata of a reply."""
        return NO_DIRECTORY if self.cwd is None else self.cwd
