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
        async for answer in _synchronisation(runtime, spec):
            yield answer
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
            page.append(_copied(file))
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


async def _synchronisation(runtime: Runtime, spec: JobSpec) -> AsyncGenerator[pb.PlanJobResponse, None]:
    fails = False
    async with runtime.engine.plan(spec) as plan:
        async for page in plan.copies():
            fails = fails or any(file.action == "fail" for file in page)
            yield pb.PlanJobResponse(files=map(_synchronised, page))
        objection = await plan.why_no_deletion() if spec.delete else ""
        if spec.delete and fails and not objection:
            objection = "some files would fail to copy"
        if objection:
            yield pb.PlanJobResponse(message=f"nothing would be deleted: {objection}")
            return
        async for page in plan.deletions():
            yield pb.PlanJobResponse(files=map(_synchronised, page))


def _synchronised(file: PlannedFile) -> pb.PlannedFile:
    return pb.PlannedFile(
        source=readable(file.source),
        target=readable(file.target),
        size=file.size,
        action=f"PLANNED_ACTION_{file.action.upper()}",
        reason=readable(file.reason),
    )


def _copied(file: DryRunResult) -> pb.PlannedFile:
    return pb.PlannedFile(
        source=readable(file.source),
        target=readable(file.target),
        size=file.size,
        action=f"PLANNED_ACTION_{file.action.upper()}",
        reason=readable(file.reason),
    )
