"""The `NetworkService` servicer: reachability, monitoring, and the conditions database."""

from __future__ import annotations

from typing import Any

import grpc.aio

from aliend.commands.files.ccdb import found_objects
from aliend.commands.grid.connectivity import addresses_of, measure_logins, measure_pings
from aliend.commands.grid.monalisa import values_of
from aliend.core.cli.numbers import LARGEST
from aliend.core.grid.ccdb import Query
from aliend.errors import UsageError
from aliend.services.caller import Caller
from aliend.services.grpc_errors import Servicer
from aliend.services.messages.entries import add_values
from aliend.services.messages.times import duration, milliseconds_of, timestamp
from aliend.v1 import network_pb2 as pb
from aliend.v1 import network_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

MAX_PORT, MAX_OBJECTS, USUAL_OBJECTS = 65_535, 10_000, 10


class NetworkService(Servicer, network_pb2_grpc.NetworkServiceServicer):
    """Asks the central service and web services."""

    async def PingService(self, request: pb.PingServiceRequest, _context: Context) -> pb.PingServiceResponse:
        """Measure pings."""
        caller = await Caller.of(self._runtime, request.session)
        times, address = await measure_pings(caller.central, request.count)
        return pb.PingServiceResponse(address=address, round_trips=filter(None, map(duration, times)))

    async def MeasureLogins(self, request: pb.MeasureLoginsRequest, _context: Context) -> pb.MeasureLoginsResponse:
        """Measure logins."""
        caller = await Caller.of(self._runtime, request.session)
        times, address = await measure_logins(caller.central, request.count)
        return pb.MeasureLoginsResponse(address=address, logins=filter(None, map(duration, times)))

    async def ProbeAddresses(self, request: pb.ProbeAddressesRequest, _context: Context) -> pb.ProbeAddressesResponse:
        """Connect to each address of a host."""
        if request.port > MAX_PORT:
            raise UsageError(f"port must be at most {MAX_PORT}, not {request.port}")
        own = self._runtime.context(None)
        host, port = request.host or own.endpoint.host, request.port or own.endpoint.port
        probes = await addresses_of(host, port, own.finding.family)
        return pb.ProbeAddressesResponse(
            probes=[pb.AddressProbe(address=one.address, port=one.port, answers=one.answers) for one in probes]
        )

    async def QueryMonitoring(
        self, request: pb.QueryMonitoringRequest, _context: Context
    ) -> pb.QueryMonitoringResponse:
        """Return the latest values of a node."""
        if not request.node:
            raise UsageError("node must not be empty")
        answer = pb.QueryMonitoringResponse()
        for row in await values_of(self._runtime, self._runtime.context(None), request.node):
            add_values(answer.values, row)
        return answer

    async def ListCalibrationObjects(
        self, request: pb.ListCalibrationObjectsRequest, _context: Context
    ) -> pb.ListCalibrationObjectsResponse:
        """Return objects of the conditions database."""
        if request.limit > MAX_OBJECTS:
            raise UsageError(f"limit must be at most {MAX_OBJECTS}, not {request.limit}")
        if request.run > LARGEST:
            raise UsageError(f"run must be less than 2^63, not {request.run}")
        if request.run and request.HasField("time"):
            raise UsageError("time and run cannot be combined")
        query = Query(
            path=request.path.strip("/"),
            time=str(milliseconds_of(request.time)) if request.HasField("time") else "",
            run=str(request.run or ""),
            constraints=tuple(request.constraints),
            limit=request.limit or USUAL_OBJECTS,
            history=request.history,
        )
        objects, folders = await found_objects(self._runtime, self._runtime.context(None), query)
        found = [
            pb.CalibrationObject(
                path=one.path,
                etag=one.etag,
                name=one.name,
                kind=one.kind,
                begin_time=timestamp(one.valid_from),
                end_time=timestamp(one.valid_until),
                size=one.size,
                md5=one.md5,
                replicas=one.replicas,
            )
            for one in objects
        ]
        return pb.ListCalibrationObjectsResponse(objects=found, folders=[folder.name for folder in folders])
