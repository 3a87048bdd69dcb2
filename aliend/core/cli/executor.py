"""The executor of a job's copies: this machine, or the workers of a Dask cluster. Pure.

It is written `local`, or `dask:` and the address of a scheduler or the path of its scheduler file; empty stands for the
one that the daemon's configuration names.
"""

from __future__ import annotations

import ipaddress
import posixpath
from urllib.parse import urlsplit

from aliend.errors import ConfigurationError, UsageError

LOCAL = "local"
_DASK = "dask:"
_LONGEST = 4096


def dask_executor(scheduler: str) -> str:
    """Return the executor for a scheduler's address or scheduler file."""
    return f"{_DASK}{scheduler}"


def scheduler_of(executor: str) -> str:
    """Return the scheduler's address or scheduler file of an executor; empty: the copies run on this machine."""
    return executor.removeprefix(_DASK) if executor.startswith(_DASK) else ""


def parse_executor(text: str, directory: str) -> str:
    """Return the executor that a user has named; a relative scheduler file is one in `directory`. Raises UsageError."""
    scheduler = scheduler_of(text)
    if scheduler and "://" not in scheduler:
        text = dask_executor(posixpath.join(directory, scheduler))
    check_executor(text)
    return text


def check_executor(executor: str) -> None:
    """Raise UsageError for an executor that does not exist, or that would receive tickets without TLS."""
    scheduler = scheduler_of(executor)
    if executor in ("", LOCAL):
        return
    if not scheduler or len(executor) > _LONGEST or not executor.isprintable():
        raise UsageError(f"the executor must be local, dask:tls://HOST:PORT or dask:SCHEDULER_FILE, not {executor!r}")
    if "://" not in scheduler:
        if not scheduler.startswith("/"):
            raise UsageError(f"the scheduler file of the executor must have an absolute path, not {scheduler!r}")
        return
    try:
        check_address(scheduler)
    except ConfigurationError as error:
        raise UsageError(str(error)) from error


def check_address(address: str) -> None:
    """Raise ConfigurationError if this is not the address of a scheduler that tickets can be sent to.

    Tickets travel to the workers: without TLS only addresses of this machine are accepted.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ConfigurationError(_not_an_address(address)) from None
    if parts.scheme not in ("tls", "tcp") or not parts.hostname or not port or parts.netloc != address[6:]:
        raise ConfigurationError(_not_an_address(address))
    if parts.scheme == "tcp" and not is_loopback(parts.hostname):
        raise ConfigurationError(
            f"the Dask scheduler {address} does not use TLS, and tickets are secrets; start it with TLS "
            "(certificates: `alienctl cluster certs DIRECTORY`) and use its tls:// address"
        )


def _not_an_address(address: str) -> str:
    return f"{address!r} is not an address of a Dask scheduler; use tls://HOST:PORT"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine for certain."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
