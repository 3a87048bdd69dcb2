"""The error tree: every failure that a user may see, as facts.

    AliendError                 exit code 1
    |-- UsageError              22   the words make no sense; nothing was done
    |   `-- BadPattern          64   a regular expression cannot be read; nothing was done
    |-- NoSuchFile              2   a local file that was named is not there; nothing was done
    |-- ConfigurationError      22   a setting, a file's mode or an owner is wrong
    |-- NotConnected           107   the central service cannot be reached, or there is no usable credential
    |   |-- UnknownAuthority   107   no authority here has signed the certificate of the service
    |   `-- LoginRefused       129   the service was reached and refused the certificate
    |       `-- UnknownUser    129   the service accepts the certificate and knows nobody with it
    |-- ServiceError             n   the central service answered with its own error number
    |-- BadReply                70   the central service's answer could not be understood (22, 42, 70)
    |-- OutcomeUnknown          75   a request that changes something was sent and its reply was lost
    |-- CopyError                5   a file could not be copied; `kind` says who can act
    |-- NoSuchJob                2   there is no such transfer job
    |-- WebError                 1   a service that speaks HTTP (CCDB) cannot be read, or refuses
    `-- StoreError               5   the daemon's own database could not be used
        `-- NewerDatabase        5   it was written by a newer aliend; nothing was changed

A message says what was tried, what happened and what the user may do. `exit_code` is what `alienctl` ends with; numbers
up to 133 are those of errno where one fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ErrorKind = Literal["permanent", "transient", "local", "credential", "storage"]
"""Who can act on a failed copy: nobody; time; the owner of this machine's disk; the owner of the certificate; time,
where it is not the file's own failure (`storage`: an element rests, a copying process died with several files)."""


class AliendError(Exception):
    """Base of all errors of ours; `str()` is a sentence for the user."""

    exit_code: int = 1


class UsageError(AliendError):
    """The words of a command make no sense; nothing was done."""

    exit_code = 22


class BadPattern(UsageError):
    """A regular expression cannot be read; nothing was done."""

    exit_code = 64


class NoSuchFile(AliendError):
    """A local file that was named is not there; nothing was done."""

    exit_code = 2


class ConfigurationError(AliendError):
    """A setting, a file's mode or an owner is wrong."""

    exit_code = 22


class NotConnected(AliendError):
    """The central service cannot be reached, or there is no usable credential."""

    exit_code = 107


class LoginRefused(NotConnected):
    """The central service was reached and refused the certificate."""

    exit_code = 129


class UnknownUser(LoginRefused):
    """The central service accepts the certificate's authority, but knows no user with this certificate."""


class UnknownAuthority(NotConnected):
    """No authority that is trusted here has signed the certificate of the central service."""


class RoleRefused(NotConnected):
    """The central service does not let us act as somebody, or at a site; `code` is its exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.exit_code = code


class ServiceError(AliendError):
    """The central service answered with an error of its own.

    `code` is its exit code, `text` its sentence, `command` the command's name.
    """

    def __init__(self, command: str, code: int, text: str) -> None:
        super().__init__(text or f"{command} failed with code {code}")
        self.command = command
        self.code = code
        self.exit_code = code


class BadReply(AliendError):
    """The central service's answer could not be understood: empty (70), not JSON (22), of the wrong shape (42)."""

    def __init__(self, text: str, exit_code: int = 70) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class OutcomeUnknown(AliendError):
    """A request that changes something was sent and its reply was lost: it may or may not have been carried out."""

    exit_code = 75


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in the way here: `need` bytes that are not free at `path`, or the right to write or to read there."""

    kind: Literal["space", "permission", "reading", "other"]
    path: str
    need: int = 0


class CopyError(AliendError):
    """A file could not be copied.

    `kind` says who can act; `retry_after` (seconds) is the shortest sensible pause before a next try. `replicas` are
    storage elements that were tried, each with what happened there; `obstacle` is what is in the way of a `local` one.
    """

    exit_code = 5

    def __init__(
        self,
        text: str,
        kind: ErrorKind = "transient",
        retry_after: float = 0.0,
        replicas: tuple[tuple[str, str], ...] = (),
        obstacle: Obstacle | None = None,
    ) -> None:
        super().__init__(text)
        self.kind: ErrorKind = kind
        self.retry_after = retry_after
        self.replicas = replicas
        self.obstacle = obstacle


class NoSuchJob(AliendError):
    """There is no such transfer job."""

    exit_code = 2


class WebError(AliendError):
    """A service that speaks HTTP cannot be read, refuses, or answers what cannot be understood."""


class StoreError(AliendError):
    """The daemon's own database could not be used."""

    exit_code = 5


class NewerDatabase(StoreError):
    """The database was written by a newer aliend; nothing was changed."""
