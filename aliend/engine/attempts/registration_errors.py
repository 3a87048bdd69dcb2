"""The errors of an upload that could not register all of its replicas."""

from __future__ import annotations

import errno
from collections.abc import Collection, Mapping

from aliend.core.catalogue import paths
from aliend.core.catalogue.entries import Entry
from aliend.core.cli.units import format_size
from aliend.engine.ports import CataloguePort
from aliend.errors import AliendError, CopyError, NotADirectory, ServiceError
from aliend.storage.tasks import ReplicaOutcome

READ, WRITE = 4, 2
"""Bits of a digit of an entry's permissions."""
_UNFINISHED_RETRY = 120.0
"""Seconds between attempts while an unfinished file has the name of a replica; servers keep it for ten minutes."""


def incomplete(
    registered: Collection[str], goal: int, failed: Mapping[str, ReplicaOutcome], *, is_refused: bool
) -> CopyError:
    """Return the error for a file with fewer than `goal` replicas.

    `registered` are the storage elements with a replica, `failed` the outcomes of the others; `is_refused`: the service
    refused to register one of them.
    """
    text = f"{len(registered)} of {goal} replicas are registered ({', '.join(sorted(registered))}); {reasons(failed)}"
    number = _errno_of(failed)
    if any(outcome.kind == "storage" for outcome in failed.values()):
        return CopyError(text, "storage", _UNFINISHED_RETRY).with_errno(number)
    if is_refused:
        return CopyError(text, "transient").with_errno(number)
    return CopyError(f"{text}; a retry adds the missing ones", "permanent").with_errno(number)


def no_replica(lfn: str, failed: Mapping[str, ReplicaOutcome]) -> CopyError:
    """Return the error for a file of which no replica could be written."""
    if not failed:
        return CopyError(f"the central service granted no storage for {lfn}", kind="permanent")
    is_transient = any(outcome.kind != "permanent" for outcome in failed.values())
    text = f"no replica of {lfn} could be written: {reasons(failed)}"
    return CopyError(text, kind="transient" if is_transient else "permanent").with_errno(_errno_of(failed))


def _errno_of(failed: Mapping[str, ReplicaOutcome]) -> int:
    """Return the first errno among the failures; 0 if none has one."""
    return next((outcome.error_number for outcome in failed.values() if outcome.error_number), 0)


def reasons(failed: Mapping[str, ReplicaOutcome]) -> str:
    """Return why replicas failed, by storage element."""
    text = "; ".join(f"{se}: {outcome.error}" for se, outcome in sorted(failed.items()))
    return text or "the central service granted no further storage"


async def refusal(catalogue: CataloguePort, lfn: str, size: int) -> AliendError | None:
    """Return why a new file of `size` bytes cannot be created; None if only the storage is to blame.

    The service says `No write PFNs` for a missing permission and for a used quota too. Raises AliendError.
    """
    above = paths.ancestors(lfn)
    entries, _ = await catalogue.stat(above) if above else ([], [])
    nearest = max(entries, key=lambda entry: len(entry.lfn), default=None)
    user, _ = await catalogue.whoami()
    if nearest is None:
        return None if above else ServiceError("access", errno.EACCES, f"{user} may not create files in /")
    if not nearest.is_directory:
        return NotADirectory(nearest.lfn)
    if not is_granted(nearest, user, WRITE):
        reason = f"{user} may not create files in {nearest.lfn} ({rights(nearest)}); choose another directory"
        return ServiceError("access", errno.EACCES, reason)
    if used := await _used_quota(catalogue, user, size):
        reason = f"the file quota of {user} does not allow it: {used}; see `alienctl quota`"
        return ServiceError("access", errno.EDQUOT, reason)
    return None


def rights(entry: Entry) -> str:
    """Return the owner and the permissions of an entry, for messages."""
    return f"owner {entry.owner}, permissions {entry.permissions}"


def is_granted(entry: Entry, user: str, permission: int) -> bool:
    """Return whether READ or WRITE is not excluded by an entry's permissions; the members of its group are unknown."""
    if not (entry.permissions.isascii() and entry.permissions.isdigit()) or len(entry.permissions) != 3:
        return True
    digits = entry.permissions[0] if user == entry.owner else entry.permissions[1:]
    return any(int(digit) & permission for digit in digits)


async def _used_quota(catalogue: CataloguePort, user: str, size: int) -> str:
    """Return the quota that a new file of `size` bytes would exceed; empty if it does not, or is not known."""
    try:
        quota = await catalogue.file_quota(user)
    except ServiceError:
        return ""
    if 0 < quota.max_files <= quota.files:
        return f"{quota.files} of {quota.max_files} files"
    if 0 < quota.max_bytes < quota.bytes + size:
        return (
            f"{format_size(quota.bytes)} of {format_size(quota.max_bytes)} are used, the file has {format_size(size)}"
        )
    return ""
