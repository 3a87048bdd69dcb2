"""The `StorageService` servicer: storage elements, replicas on them, and copies that the central service makes."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import grpc.aio

from aliend.commands.files.pfns import flags_of, stat_replica
from aliend.commands.grid import xrootd_servers
from aliend.commands.grid.elements import listed_elements
from aliend.core.catalogue.replica_url import printed_url
from aliend.core.catalogue.storage_spec import DEFAULT
from aliend.core.cli.numbers import LARGEST
from aliend.core.copying.locations import parse_storage_spec
from aliend.core.grid.element_listing import ListedStorageElement
from aliend.errors import CopyError, UsageError
from aliend.services.caller import Caller
from aliend.services.grpc_errors import Servicer
from aliend.services.messages.entries import number
from aliend.services.messages.times import duration, timestamp
from aliend.v1 import storage_pb2 as pb
from aliend.v1 import storage_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

MAX_SERVERS = 100
_DISTANCE = re.compile(r"(\S+::\S+::\S+)\s+\(read:\s*(\S+),\s*write:\s*(\S+),\s*distance:\s*(\S+)\)")


class StorageService(Servicer, storage_pb2_grpc.StorageServiceServicer):
    """Asks the central service and the storage servers."""

    async def ListStorageElements(
        self, request: pb.ListStorageElementsRequest, _context: Context
    ) -> pb.ListStorageElementsResponse:
        """Return the storage elements that match a label."""
        caller = await Caller.of(self._runtime, request.session)
        listed = await listed_elements(self._runtime, caller.context)
        found = [one for one in listed if not request.label or one.matches(request.label)]
        return pb.ListStorageElementsResponse(elements=map(_element, found))

    async def ListElementDistances(
        self, request: pb.ListElementDistancesRequest, _context: Context
    ) -> pb.ListElementDistancesResponse:
        """Return the storage elements by distance."""
        caller = await Caller.of(self._runtime, request.session)
        options = [*(["-site", request.site] if request.site else []), *(["-qos", request.qos] if request.qos else [])]
        if request.lfn:
            options += ["-read", await caller.lfn(request.lfn)]
        text = (await caller.ask("listSEDistance", *options)).text()
        distances = [
            pb.ElementDistance(se=found[1], read=_figure(found[2]), write=_figure(found[3]), distance=_figure(found[4]))
            for found in _DISTANCE.finditer(text)
        ]
        return pb.ListElementDistancesResponse(distances=distances)

    async def GetFileUrls(self, request: pb.GetFileUrlsRequest, _context: Context) -> pb.GetFileUrlsResponse:
        """Return URLs of replicas, each with its permission."""
        caller = await Caller.of(self._runtime, request.session)
        lfn, storage = await caller.required_lfn(request.lfn), parse_storage_spec(request.storage)
        if request.purpose == pb.URL_PURPOSE_WRITE:
            if request.strict or request.http or not 0 < request.size <= LARGEST:
                raise UsageError("to write, GetFileUrls takes a size of at least 1, and neither strict nor http")
            tickets = await caller.catalogue.access_write(lfn, request.size, request.md5, storage or DEFAULT)
        else:
            async with caller.about(lfn):
                tickets = await caller.catalogue.access_read(lfn, storage, strict=request.strict, http=request.http)
        if not tickets:
            raise CopyError(f"the service returned no replica of {lfn}", "permanent")
        urls = [
            pb.FileUrl(url=printed_url(one.url, one.envelope), se=one.se, guid=one.guid, size=one.size, md5=one.md5)
            for one in tickets
        ]
        return pb.GetFileUrlsResponse(urls=urls)

    async def StatReplicas(self, request: pb.StatReplicasRequest, _context: Context) -> pb.StatReplicasResponse:
        """Return what the servers report about replicas."""
        if not 0 < len(request.lfns) + len(request.pfns) <= MAX_SERVERS:
            raise UsageError(f"StatReplicas takes 1 to {MAX_SERVERS} names")
        caller = await Caller.of(self._runtime, request.session)
        pairs = [("", pfn) for pfn in request.pfns]
        for name in request.lfns:
            lfn = await caller.required_lfn(name)
            async with caller.about(lfn):
                pairs += [(lfn, replica.pfn) for replica in await caller.catalogue.whereis(lfn)]
        answers = await asyncio.gather(*(stat_replica(self._runtime, pfn) for _, pfn in pairs))
        replicas = []
        for (lfn, pfn), answer in zip(pairs, answers, strict=True):
            offline, readable, writable = flags_of(answer)
            replicas.append(
                pb.ReplicaStatus(
                    lfn=lfn,
                    pfn=pfn,
                    ok=answer.ok,
                    message="" if answer.ok else answer.message,
                    size=answer.size,
                    change_time=timestamp(answer.modified * 1000),
                    offline=offline,
                    readable=readable,
                    writable=writable,
                )
            )
        return pb.StatReplicasResponse(replicas=replicas)

    async def ProbeServers(self, request: pb.ProbeServersRequest, _context: Context) -> pb.ProbeServersResponse:
        """Return the answers of servers."""
        if not 0 < len(request.servers) <= MAX_SERVERS or request.count > MAX_SERVERS:
            raise UsageError(f"ProbeServers takes 1 to {MAX_SERVERS} servers, and a count of at most {MAX_SERVERS}")
        caller = await Caller.of(self._runtime, request.session)
        servers = xrootd_servers.servers_of(await listed_elements(self._runtime, caller.context), request.servers)
        if request.kind == pb.PROBE_KIND_CONFIG:
            answers = await xrootd_servers.probe(self._runtime, servers, "config")
        elif request.kind == pb.PROBE_KIND_STATISTICS:
            answers = await xrootd_servers.probe(self._runtime, servers, "stats")
        else:
            answers = await xrootd_servers.probe(self._runtime, servers, "ping", request.count or 3)
        found = []
        for server, answer in zip(servers, answers, strict=True):
            message = pb.ServerAnswer(name=server.name, server=server.address, ok=answer.ok)
            if not answer.ok:
                message.message = answer.message
            elif request.kind == pb.PROBE_KIND_CONFIG:
                message.settings.update(xrootd_servers.settings_of(answer))
            elif request.kind == pb.PROBE_KIND_STATISTICS:
                message.statistics_xml = answer.text
            else:
                message.round_trips.extend(filter(None, (duration(each / 1000) for each in answer.milliseconds[1:])))
            found.append(message)
        return pb.ProbeServersResponse(answers=found)

    async def MirrorFile(self, request: pb.MirrorFileRequest, _context: Context) -> pb.MirrorFileResponse:
        """Have the service create more replicas."""
        storage = parse_storage_spec(request.storage)
        if not storage:
            raise UsageError("MirrorFile needs `storage`, the storage elements of the new replicas")
        caller = await Caller.of(self._runtime, request.session)
        queued, text = await caller.catalogue.mirror(await caller.required_lfn(request.lfn), storage)
        copies = [pb.QueuedMirror(se=one.se, id=one.number) for one in queued]
        return pb.MirrorFileResponse(queued=copies, message=text)

    async def GetMirror(self, request: pb.GetMirrorRequest, _context: Context) -> pb.GetMirrorResponse:
        """Return the state of a copy that the service makes."""
        if not 0 < request.id <= LARGEST:
            raise UsageError("id must be the service's number of a copy")
        caller = await Caller.of(self._runtime, request.session)
        state = await caller.catalogue.mirror_state(request.id)
        return pb.GetMirrorResponse(state=f"MIRROR_STATE_{state.upper()}")

    async def DeleteReplica(self, request: pb.DeleteReplicaRequest, _context: Context) -> pb.DeleteReplicaResponse:
        """Remove a replica."""
        if not request.se:
            raise UsageError("se must not be empty")
        caller = await Caller.of(self._runtime, request.session)
        await caller.ask("deleteMirror", await caller.required_lfn(request.lfn), request.se)
        return pb.DeleteReplicaResponse()


def _element(listed: ListedStorageElement) -> pb.StorageElement:
    facts = listed.facts
    return pb.StorageElement(
        se=listed.name,
        number=number(facts, "seNumber"),
        server=listed.server,
        qos=[name.strip() for name in listed.qos.split(",") if name.strip()],
        total_bytes=number(facts, "totalSpace"),
        used_bytes=number(facts, "usedSpace"),
        free_bytes=number(facts, "freeSpace"),
        files=number(facts, "fileCount"),
    )


def _figure(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0  # `nul`: unknown
