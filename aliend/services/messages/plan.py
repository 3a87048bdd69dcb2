"""Plans a job without storing it: what would happen to each file, as messages."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncGenerator
from contextlib import suppress

from aliend.core.cli.escaping import readable
from aliend.core.copying.sync import PlannedFile
from aliend.core.transfers.job import JobSpec
from aliend.engine.expansion.dry_run import DryRunResult, dry_run
from aliend.errors import ServiceError
from aliend.runtime import Runtime
from aliend.v1 import transfers_pb2 as pb

PAGE = 1000
"""The most files in one message."""
_READ_AHEAD = 4 * PAGE


async def planned(runtime: Runtime, spec: JobSpec) -> AsyncGenerator[pb.PlanJobResponse, None]:
    """Yield what a job would do. Close the iterator to stop early.

    Raises AliendError if files cannot be listed, or if the only source does not exist.
    """
    if spec.purpose == "sync":
        async with runtime.engine.plan(spec) as plan:
            async for part in plan.preview():
                if isinstance(part, str):
                    yield pb.PlanJobResponse(message=part)
                else:
                    yield pb.PlanJobResponse(files=map(_message, part))
        return
    files: asyncio.Queue[DryRunResult | None] = asyncio.Queue(_READ_AHEAD)
    left = asyncio.Event()

    async def run() -> None:
        try:
            await dry_run(spec, runtime.central_sessions.catalogue_of(spec.context), files.put)
        finally:
            if not left.is_set():
                await files.put(None)

    work = asyncio.create_task(run())
    try:
        page: list[pb.PlannedFile] = []
        while file := await files.get():
            if file.error_number == errno.ENOENT and len(spec.sources) == 1:
                raise ServiceError("cp", errno.ENOENT, file.reason)
            page.append(_message(file))
            if len(page) == PAGE or files.empty():
                yield pb.PlanJobResponse(files=page)
                page = []
        if page:
            yield pb.PlanJobResponse(files=page)
        await work
    finally:
        left.set()
        work.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([work])


def _message(file: PlannedFile | DryRunResult) -> pb.PlannedFile:
    return pb.PlannedFile(
        source=readable(file.source),
        target=readable(file.target),
        size=file.size,
        action=f"PLANNED_ACTION_{file.action.upper()}",
        reason=readable(file.reason),
    )
