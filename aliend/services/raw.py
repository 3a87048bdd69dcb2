"""The `RawService` servicer: commands of the central service for which no other call exists."""

from __future__ import annotations

from typing import Any

import grpc.aio

from aliend.commands.grid.passthrough import request_in
from aliend.core.protocol.requests import Request
from aliend.errors import UsageError
from aliend.services.caller import Caller
from aliend.services.grpc_errors import Servicer
from aliend.services.messages.entries import add_values
from aliend.v1 import raw_pb2, raw_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class RawService(Servicer, raw_pb2_grpc.RawServiceServicer):
    """Sends commands to the central service after the checks of the command line."""

    async def Execute(self, request: raw_pb2.ExecuteRequest, _context: Context) -> raw_pb2.ExecuteResponse:
        """Run one command of the central service."""
        if not request.command:
            raise UsageError("command must not be empty")
        caller = await Caller.of(self._runtime, request.session)
        asked = Request(request.command, tuple(request.options))
        reply = await request_in(self._runtime, caller.context, asked, await caller.state())
        answer = raw_pb2.ExecuteResponse(exit_code=reply.exit_code, error=reply.error)
        for result in reply.results:
            add_values(answer.results, result)
        return answer
