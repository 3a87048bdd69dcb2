"""Carries out the copies between storage elements that `mirror` queued."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from aliend.sandbox.service.call import Service
from aliend.sandbox.service.contents import replica_file
from aliend.sandbox.state import guids
from aliend.sandbox.state.mirror_queue import Transfer
from aliend.sandbox.state.replicas import StorageElement


async def copy_replica(service: Service, transfer: Transfer) -> bool:
    """Copy the file and register the replica; return whether this succeeded."""
    replicas = service.catalogue.replicas
    record, target = replicas.guid(transfer.guid), replicas.numbered(transfer.target)
    if record is None or target is None:
        return False
    pfn = guids.replica_url(target.daemon, target.path, record.guid)
    if service.storage_directories and not await _copy(service, transfer.guid, target, pfn):
        return False
    replicas.cancel_deletion(record.guid, target.number)
    replicas.add(record, target.number, pfn)
    if transfer.removes is not None:
        replicas.remove_replica(record.guid, transfer.removes)
    return True


async def _copy(service: Service, guid: str, target: StorageElement, pfn: str) -> bool:
    destination = replica_file(service, target.number, pfn)
    sources = [
        replica_file(service, found.se.number, found.pfn)
        for found in service.catalogue.replicas.replicas_of(guid)
        if found.se
    ]
    source = next((file for file in sources if file is not None and file.is_file()), None)
    if destination is None or source is None:
        return False
    return await asyncio.to_thread(_copy_file, source, destination)


def _copy_file(source: Path, destination: Path) -> bool:
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, destination)
    except OSError:
        return False
    return True
