"""The replicas that an existing file has, and those that it lacks to be kept."""

from __future__ import annotations

from dataclasses import dataclass

from aliend.core.catalogue import storage_spec
from aliend.core.catalogue.entries import Replica, Ticket
from aliend.core.transfers.job import JobSpec
from aliend.engine.ports import CataloguePort
from aliend.errors import ServiceError

_LOST, _NOT_FOUND, _NO_READ_PFNS = 67, 2, 77


@dataclass(frozen=True, slots=True)
class KeptReplicas:
    """The storage elements with a replica, the number of missing ones, and the specification that requests those."""

    registered: frozenset[str]
    missing: int
    storage: str

    @property
    def wanted(self) -> int:
        """Return the number of replicas after all missing ones were added."""
        return len(self.registered) + self.missing


async def list_replicas(catalogue: CataloguePort, lfn: str) -> list[Replica]:
    """Return the replicas of a file; none for a file that lost all of them or was only touched."""
    try:
        return await catalogue.whereis(lfn)
    except ServiceError as error:
        if error.code in {_LOST, _NOT_FOUND}:
            return []
        raise


async def read_tickets(catalogue: CataloguePort, lfn: str) -> list[Ticket]:
    """Return tickets for the readable replicas of a file, none if it has none; the service never caches this answer.

    What is about to change must be looked up this way: `whereis` would repeat its answer for 15 s after the change.
    """
    try:
        return await catalogue.access_read(lfn)
    except ServiceError as error:
        if error.code in {_NO_READ_PFNS, _NOT_FOUND}:
            return []
        raise


async def storage_elements_of(catalogue: CataloguePort, lfn: str) -> set[str]:
    """Return the storage elements with a replica of a file."""
    readable = {ticket.se for ticket in await read_tickets(catalogue, lfn)}
    return readable or {replica.se for replica in await list_replicas(catalogue, lfn)}


async def kept_replicas(catalogue: CataloguePort, spec: JobSpec, lfn: str, size: int, goal: int) -> KeptReplicas:
    """Return what a file with the right content has and lacks; `goal` (or 0): of a transfer that was given up."""
    registered = frozenset(replica.se for replica in await list_replicas(catalogue, lfn))
    storage = spec.storage or (f"disk:{goal}" if goal else storage_spec.default_spec(lfn, size))
    return KeptReplicas(registered, *storage_spec.unfulfilled(storage, registered))
