"""The errors of an upload that could not register all of its replicas."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aliend.errors import CopyError
from aliend.storage.tasks import ReplicaOutcome

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
    if any(outcome.kind == "storage" for outcome in failed.values()):
        return CopyError(text, "storage", _UNFINISHED_RETRY)
    if is_refused:
        return CopyError(text, "transient")
    return CopyError(f"{text}; a retry adds the missing ones", "permanent")


def no_replica(lfn: str, failed: Mapping[str, ReplicaOutcome]) -> CopyError:
    """Return the error for a file of which no replica could be written."""
    if not failed:
        return CopyError(f"the central service granted no storage for {lfn}", kind="permanent")
    is_transient = any(outcome.kind != "permanent" for outcome in failed.values())
    text = f"no replica of {lfn} could be written: {reasons(failed)}"
    return CopyError(text, kind="transient" if is_transient else "permanent")


def reasons(failed: Mapping[str, ReplicaOutcome]) -> str:
    """Return why replicas failed, by storage element."""
    text = "; ".join(f"{se}: {outcome.error}" for se, outcome in sorted(failed.items()))
    return text or "the central service granted no further storage"
