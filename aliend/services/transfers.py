"""The `Transfers` servicer: durable jobs, for other programs."""

from __future__ import annotations

from typing import Any

import grpc.aio

from aliend.core.cli.escaping import readable
from aliend.core.cli.numbers import parse_whole
from aliend.core.transfers.attempt_record import EventRecord
from aliend.core.transfers.job import JobFilter, JobState
from aliend.core.transfers.limits import parse
from aliend.engine.views import JobView, TransferView
from aliend.errors import UsageError
from aliend.runtime import Runtime
from aliend.services.grpc_errors import errors_to_status
from aliend.services.limits_message import limits_message, require_rate
from aliend.v1 import transfers_pb2, transfers_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

DEFAULT_PAGE, MAX_PAGE = 50, 1000
MAX_REQUEST_ID = 128
_DIRECTIONS = {"download": transfers_pb2.DOWNLOAD, "upload": transfers_pb2.UPLOAD, "copy": transfers_pb2.COPY}
_JOB_STATES = {
    "expanding": transfers_pb2.EXPANDING,
    "active": transfers_pb2.ACTIVE,
    "deleting": transfers_pb2.DELETING,
    "paused": transfers_pb2.PAUSED,
    "done": transfers_pb2.DONE,
    "partial": transfers_pb2.PARTIAL,
    "failed": transfers_pb2.FAILED,
    "cancelled": transfers_pb2.CANCELLED,
}
_TRANSFER_STATES = {
    "queued": transfers_pb2.TRANSFER_QUEUED,
    "running": transfers_pb2.TRANSFER_RUNNING,
    "waiting": transfers_pb2.TRANSFER_WAITING,
    "done": transfers_pb2.TRANSFER_DONE,
    "failed": transfers_pb2.TRANSFER_FAILED,
    "cancelled": transfers_pb2.TRANSFER_CANCELLED,
}
_PURPOSE_NUMBERS = {
    "copy": transfers_pb2.PURPOSE_UNSPECIFIED,
    "replicate": transfers_pb2.REPLICATE,
    "mirror": transfers_pb2.MIRROR,
    "sync": transfers_pb2.SYNC,
}
_JOB_STATE_NAMES = {number: JobState(name) for name, number in _JOB_STATES.items()}
_STATE_NAMES = {number: name for name, number in _TRANSFER_STATES.items()}


class TransfersService(transfers_pb2_grpc.TransfersServicer):
    """Manages jobs of other programs, which run in the daemon's own context."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @errors_to_status
    async def Submit(self, request: transfers_pb2.SubmitRequest, _context: Context) -> transfers_pb2.Job:
        """Store a job and return it."""
        from aliend.services.submit_request import job_spec

        _check_request_id(request.request_id)
        spec = await job_spec(self._runtime, request)
        return _job(await self._runtime.engine.submit(spec, request.request_id))

    @errors_to_status
    async def Get(self, request: transfers_pb2.GetJobRequest, _context: Context) -> transfers_pb2.Job:
        """Return one job."""
        return _job(await self._runtime.engine.job(request.id))

    @errors_to_status
    async def List(self, request: transfers_pb2.ListJobsRequest, _context: Context) -> transfers_pb2.ListJobsResponse:
        """Return a page of jobs."""
        if request.running_only:
            running = await self._runtime.engine.running_jobs()
            return transfers_pb2.ListJobsResponse(jobs=map(_job, running))
        size = _page_size(request.page_size)
        states = tuple(_JOB_STATE_NAMES[state] for state in request.states if state in _JOB_STATE_NAMES)
        matching = JobFilter(states, request.label, request.since_ms)
        before = _page_token(request.page_token)
        jobs = await self._runtime.engine.jobs(size, before, active_only=request.active_only, matching=matching)
        more = str(jobs[-1].id) if len(jobs) == size else ""
        return transfers_pb2.ListJobsResponse(jobs=[_job(job) for job in jobs], next_page_token=more)

    @errors_to_status
    async def ListTransfers(
        self, request: transfers_pb2.ListTransfersRequest, _context: Context
    ) -> transfers_pb2.ListTransfersResponse:
        """Return a page of the transfers of a job."""
        size = _page_size(request.page_size)
        states = tuple(_STATE_NAMES[state] for state in request.states if state in _STATE_NAMES)
        views = await self._runtime.engine.transfers(request.job, size, _page_token(request.page_token), states)
        more = str(views[-1].id) if len(views) == size else ""
        transfers = [self._transfer(transfer) for transfer in views]
        return transfers_pb2.ListTransfersResponse(transfers=transfers, next_page_token=more)

    @errors_to_status
    async def Watch(self, request: transfers_pb2.WatchRequest, context: Context) -> None:
        """Stream the changes."""
        since = request.since if request.HasField("since") else None
        if since is not None and request.resume_token:
            raise UsageError("Watch takes `resume_token` or `since`, not both")
        async for changes in self._runtime.engine.changes(request.job, request.resume_token, since):
            await context.write(
                transfers_pb2.WatchResponse(
                    jobs=[_job(job) for job in changes.jobs],
                    transfers=[self._transfer(transfer) for transfer in changes.transfers],
                    resume_token=changes.token,
                    events=[_event(event) for event in changes.events],
                )
            )

    @errors_to_status
    async def Cancel(self, request: transfers_pb2.ChangeJobRequest, _context: Context) -> transfers_pb2.Job:
        """Cancel a job."""
        _check_request_id(request.request_id)
        return _job(await self._runtime.engine.cancel(request.id))

    @errors_to_status
    async def Pause(self, request: transfers_pb2.ChangeJobRequest, _context: Context) -> transfers_pb2.Job:
        """Pause a job."""
        _check_request_id(request.request_id)
        return _job(await self._runtime.engine.pause(request.id))

    @errors_to_status
    async def Resume(self, request: transfers_pb2.ChangeJobRequest, _context: Context) -> transfers_pb2.Job:
        """Resume a job."""
        _check_request_id(request.request_id)
        return _job(await self._runtime.engine.resume(request.id))

    @errors_to_status
    async def Retry(self, request: transfers_pb2.ChangeJobRequest, _context: Context) -> transfers_pb2.Job:
        """Queue the failed and cancelled transfers of a job again."""
        _check_request_id(request.request_id)
        return _job(await self._runtime.engine.retry(request.id, request.request_id))

    @errors_to_status
    async def GetLimits(self, _request: transfers_pb2.GetLimitsRequest, _context: Context) -> transfers_pb2.Limits:
        """Return all limits."""
        return limits_message(self._runtime.engine.limits_in_use())

    @errors_to_status
    async def SetLimits(self, request: transfers_pb2.SetLimitsRequest, _context: Context) -> transfers_pb2.Limits:
        """Change limits and return all of them."""
        _check_request_id(request.request_id)
        await self._runtime.engine.change_limits(parse([f"{name}={text}" for name, text in request.changes.items()]))
        return limits_message(self._runtime.engine.limits_in_use())

    @errors_to_status
    async def SetJobRate(self, request: transfers_pb2.SetJobRateRequest, _context: Context) -> transfers_pb2.Job:
        """Change the bandwidth limit of a job."""
        _check_request_id(request.request_id)
        return _job(await self._runtime.engine.change_job_rate(request.id, require_rate(request.rate)))

    @errors_to_status
    async def SetPriority(self, request: transfers_pb2.SetPriorityRequest, _context: Context) -> transfers_pb2.Job:
        """Change the priority of a job."""
        _check_request_id(request.request_id)
        return _job(await self._runtime.engine.change_priority(request.id, request.priority))

    @errors_to_status
    async def Clean(self, request: transfers_pb2.CleanRequest, _context: Context) -> transfers_pb2.CleanResponse:
        """Remove ended jobs from the list."""
        _check_request_id(request.request_id)
        return transfers_pb2.CleanResponse(removed=await self._runtime.engine.clean(request.ids))

    @errors_to_status
    async def ListReasons(
        self, request: transfers_pb2.ListReasonsRequest, _context: Context
    ) -> transfers_pb2.ListReasonsResponse:
        """Return why files wait."""
        engine = self._runtime.engine
        groups = await (engine.wait_summary(request.job) if request.job else engine.grouped_reasons())
        return transfers_pb2.ListReasonsResponse(
            reasons=[
                transfers_pb2.WaitReason(
                    job=group.job,
                    kind=group.reason.kind,
                    text=readable(group.reason.text),
                    until_ms=int(group.reason.until * 1000),
                    files=group.files,
                    first=readable(group.first),
                )
                for group in groups
            ]
        )

    def _transfer(self, view: TransferView) -> transfers_pb2.Transfer:
        return transfers_pb2.Transfer(
            id=view.id,
            job=view.job,
            state=_TRANSFER_STATES[view.state],
            direction=_DIRECTIONS[view.direction],
            source=readable(view.source),
            target=readable(view.target),
            size=view.size,
            bytes_done=view.bytes_done,
            attempts=view.attempts,
            message=readable(view.message),
            retry_ms=view.retry_ms,
            joined=view.joined,
            wanted=view.wanted,
        )


def _event(event: EventRecord) -> transfers_pb2.Event:
    return transfers_pb2.Event(
        number=event.number,
        time_ms=event.time_ms,
        job=event.job,
        transfer=event.transfer,
        state=event.state,
        reason=readable(event.reason),
        source=readable(event.source),
        target=readable(event.target),
    )


def _job(view: JobView) -> transfers_pb2.Job:
    files = view.files
    return transfers_pb2.Job(
        id=view.id,
        state=_JOB_STATES[view.state],
        direction=_DIRECTIONS[view.direction],
        sources=map(readable, view.sources),
        target=readable(view.target),
        files=transfers_pb2.Counters(
            queued=files.queued,
            running=files.running,
            waiting=files.waiting,
            done=files.done,
            failed=files.failed,
            cancelled=files.cancelled,
        ),
        bytes_done=view.bytes_done,
        bytes_total=view.bytes_total,
        created_ms=view.created_ms,
        ended_ms=view.ended_ms,
        message=readable(view.message),
        priority=view.priority,
        rate=view.rate,
        label=readable(view.label),
        bytes_per_second=view.bytes_per_second,
        files_per_second=view.files_per_second,
        seconds_left=view.seconds_left,
        purpose=_PURPOSE_NUMBERS[view.purpose],
    )


def _check_request_id(text: str) -> None:
    if not 0 < len(text) <= MAX_REQUEST_ID:
        raise UsageError(f"request_id must have 1 to {MAX_REQUEST_ID} characters")


def _page_size(size: int) -> int:
    return min(size or DEFAULT_PAGE, MAX_PAGE)


def _page_token(text: str) -> int:
    number = parse_whole(text) if text else 0
    if number is None:
        raise UsageError("invalid page_token; pass the one of the previous page, or none for the first page")
    return number
