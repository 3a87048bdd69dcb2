"""One connection's state: who it acts as, where it is, and what the commands of the session have set."""

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
        """Return whether it is a certificate that this system issued."""
        return self.subject.startswith(TOKEN_PREFIX)


@dataclass(slots=True)
class Session:
    """What the service remembers of one connection; `cwd` is canonical, or None when there is no such directory."""

    client: Client
    principal: Principal
    cwd: str | None
    site: str
    timing: bool = False
    has_run_a_command: bool = False
    switched: bool = field(default=False)

    @property
    def directory(self) -> str:
        """What the metadata of a reply shows as the current directory."""
        return NO_DIRECTORY if self.cwd is None else self.cwd
