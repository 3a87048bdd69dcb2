"""The `ConsoleService` servicer: runs command lines, and completes arguments.

The commands, and all that only they need, are imported when a client first asks for them: the daemon starts sooner and
uses less memory.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import grpc.aio

from aliend.errors import UsageError
from aliend.services.grpc_errors import Servicer, abort
from aliend.v1 import console_pb2, console_pb2_grpc

if TYPE_CHECKING:
    from aliend.commands.completion import Completion

Context = grpc.aio.ServicerContext[console_pb2.RunRequest, console_pb2.RunResponse]


class ConsoleService(Servicer, console_pb2_grpc.ConsoleServiceServicer):
    """Passes calls to the commands."""

    async def Run(self, _requests: object, context: Context) -> None:
        """Run a command line and stream its output."""
        from aliend.services.command_run import run

        first = await context.read()
        if not isinstance(first, console_pb2.RunRequest) or first.WhichOneof("input") != "start":
            await abort(context, UsageError("the first input of Run must be `start`"))
        await run(self._runtime, first.start, context)

    async def Complete(
        self, request: console_pb2.CompleteRequest, _context: grpc.aio.ServicerContext[Any, Any]
    ) -> console_pb2.CompleteResponse:
        """Return the candidates for the last word."""
        from aliend.commands.completion import Typed

        words = tuple(os.fsdecode(word) for word in request.words)
        session = request.session or "default"
        typed = Typed(words, os.fsdecode(request.cwd), session, dict(request.environment))
        candidates = await self._completion.candidates(typed)
        return console_pb2.CompleteResponse(
            candidates=[os.fsencode(name) for name in candidates.names],
            descriptions=candidates.descriptions,
            is_ordered=candidates.is_ordered,
        )

    @cached_property
    def _completion(self) -> Completion:
        from aliend.commands.completion import Completion

        return Completion(self._runtime)
