"""The error tree: every failure that a user may see.

    AliendError                 exit code 1
    |-- UsageError              22   invalid arguments; nothing was done
    |   |-- BadPattern          64   an invalid regular expression; nothing was done
    |   `-- RequestIdReused     17   the request id belongs to another job; nothing was done
    |-- NoSuchFile              2   a named local file does not exist; nothing was done
    |-- NotADirectory           20   a file stands where a name needs a directory; nothing was done
    |-- ConfigurationError      22   a setting, or the mode or owner of a file, is wrong
    |   `-- ContractMismatch    22   the caller and the daemon speak different contracts
    |-- NotConnected           107   the central service is unreachable, or no credential is usable
    |   |-- UnknownAuthority   107   no authority here has signed the certificate of the service
    |   |-- LoginRefused       129   the central service refused the certificate
    |   |   `-- UnknownUser    129   the service accepts the certificate but has no user for it
    |   |-- Unusable           107   a certificate cannot be used
    |   `-- RoleRefused          n   the central service refused the role or the site
    |-- ServiceError             n   the central service reported an error with this number
    |-- BadReply                70   an invalid reply of the central service (22, 42, 70)
    |   `-- InvalidValue         42   a complete reply contains a value that is not accepted; a retry does not help
    |-- OutcomeUnknown          75   the reply to a changing request was lost
    |-- CopyError                5   a file could not be copied; `kind` says who can act
    |   `-- WrongContent         5   the complete content of a file is not what the catalogue says
    |-- NoSuchJob                2   the transfer job does not exist
    |-- WebError                 1   an HTTP service (CCDB) is unreachable or refuses
    |-- StoreError               5   the daemon's database is unusable
    |   `-- NewerDatabase        5   a newer aliend wrote the database; nothing was changed
    `-- InternalError           70   a defect of the daemon

A message says what failed, why, and what the user can do. `exit_code` is the exit code of `alienctl`; codes up to 133
are errno values where one fits.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Literal, Self

ErrorKind = Literal["permanent", "transient", "local", "credential", "storage", "lost", "resting"]
"""Who can act on a failed copy: `permanent`: nobody; `transient`: a retry; `local`: the owner of the local disk;
`credential`: the owner of the certificate; `storage`: a retry, and the file is not to blame (a worker process died
during several copies); `lost`: a retry on another worker of the cluster, because the worker has ended; `resting`:
nothing was tried, because a storage element is backing off."""


class AliendError(Exception):
    """Base of all our errors; `str()` is a message for the user."""

    exit_code: int = 1


class UsageError(AliendError):
    """The arguments of a command are invalid; nothing was done."""

    exit_code = 22


class BadPattern(UsageError):
    """A regular expression is invalid; nothing was done."""

    exit_code = 64


class RequestIdReused(UsageError):
    """The request id belongs to job `job`, which differs in `fields`; nothing was done."""

    exit_code = 17

    def __init__(self, request_id: str, job: int, fields: tuple[str, ...]) -> None:
        super().__init__(f"request_id {request_id!r} belongs to job {job}, which has another {', '.join(fields)}")
        self.fields = fields


class NoSuchFile(AliendError):
    """A named local file does not exist; nothing was done."""

    exit_code = 2


class NotADirectory(AliendError):
    """A file stands where a name in the catalogue needs a directory; nothing was done."""

    exit_code = 20

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} is a file in the catalogue, not a directory; nothing was created below it")
        self.file = file


class ConfigurationError(AliendError):
    """A setting, or the mode or owner of a file, is wrong."""

    exit_code = 22


class ContractMismatch(ConfigurationError):
    """The caller and the daemon speak different contracts."""


class NotConnected(AliendError):
    """The central service is unreachable, or no credential is usable."""

    exit_code = 107


class LoginRefused(NotConnected):
    """The central service refused the certificate."""

    exit_code = 129


class UnknownUser(LoginRefused):
    """The central service accepts the certificate's authority, but knows no user with this certificate."""


class UnknownAuthority(NotConnected):
    """No authority that is trusted here has signed the certificate of the central service."""


class Unusable(NotConnected):
    """A certificate cannot be used; the next candidate may be."""


class RoleRefused(NotConnected):
    """The central service refused the role or the site; `code` is its exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.exit_code = code


class ServiceError(AliendError):
    """The central service reported an error: `code` is its exit code, `text` its message to `command`."""

    def __init__(self, command: str, code: int, text: str) -> None:
        super().__init__(text or f"{command} failed with code {code}")
        self.command = command
        self.code = code
        self.exit_code = code


class BadReply(AliendError):
    """The reply of the central service is invalid: empty (70), not JSON (22), unexpected structure (42)."""

    def __init__(self, text: str, exit_code: int = 70) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class InvalidValue(BadReply):
    """A complete reply contains a value that is not accepted: a wrong type, out of range, a URL of another kind."""

    def __init__(self, text: str) -> None:
        super().__init__(text, 42)


class OutcomeUnknown(AliendError):
    """The reply to a changing request was lost: it may or may not have been executed."""

    exit_code = 75


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A local obstacle at `path`: `need` bytes that are not free, a missing permission, or an unmounted disk.

    `scheduler`: the Dask scheduler at this address, or of this scheduler file, is unreachable.
    """

    kind: Literal["space", "permission", "reading", "mount", "scheduler", "other"]
    path: str
    need: int = 0


_ROOM_PAUSE = 60.0
"""Seconds until a file that returned to the queue is tried again, unless its storage element has room earlier."""


class CopyError(AliendError):
    """A file could not be copied.

    `kind` says who can act; `retry_after` (seconds) is the shortest sensible pause before a retry. `replicas` are the
    storage elements that were tried, each with the reason and its errno; `obstacle` is the cause of a `local` error.
    `error_number` is the errno of the cause (0: none).
    """

    exit_code = 5
    error_number = 0

    def __init__(
        self,
        text: str,
        kind: ErrorKind = "transient",
        retry_after: float = 0.0,
        replicas: tuple[tuple[str, str, int], ...] = (),
        obstacle: Obstacle | None = None,
    ) -> None:
        super().__init__(text)
        self.kind: ErrorKind = kind
        self.retry_after = retry_after
        self.replicas = replicas
        self.obstacle = obstacle

    def with_errno(self, number: int) -> Self:
        """Set the errno of the cause, and return the error."""
        self.error_number = number
        return self


class NoRoom(CopyError):
    """The storage element `se` accepts no copy now; the file returns to the queue until it has room."""

    def __init__(self, text: str, se: str) -> None:
        super().__init__(text, "resting", _ROOM_PAUSE)
        self.se = se


class WrongContent(CopyError):
    """The complete content of a file is not what the catalogue says."""

    error_number = errno.EBADMSG

    def __init__(self, text: str) -> None:
        super().__init__(text, "permanent")


class NoSuchJob(AliendError):
    """The transfer job does not exist."""

    exit_code = 2


class WebError(AliendError):
    """An HTTP service is unreachable, refuses, or sends an invalid answer."""


class StoreError(AliendError):
    """The daemon's database is unusable."""

    exit_code = 5


class NewerDatabase(StoreError):
    """The database was written by a newer aliend; nothing was changed."""


class InternalError(AliendError):
    """The daemon has a defect: `cause` is an unexpected exception. Its text stays in the log."""

    exit_code = 70

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"aliend failed with an internal error ({type(cause).__name__})\n"
            "for the details, run `alienctl daemon logs`; report it with `alienctl bug-report`"
        )


def one_line(error: Exception) -> str:
    """Return the message of an error in one line, for tables and logs."""
    return "; ".join(str(error).splitlines())
