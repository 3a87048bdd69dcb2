"""The `TransfersService` servicer: durable jobs, for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import grpc.aio

from aliend.core.cli.numbers import LARGEST, parse_whole
from aliend.core.transfers.job import JobFilter
from aliend.core.transfers.limits import parse
from aliend.engine.views import TransferView
from aliend.errors import UsageError
from aliend.services.grpc_errors import Servicer
from aliend.services.messages.limits import limits_message, require_priority, require_rate
from aliend.services.messages.plan import planned
from aliend.services.messages.submit import job_spec
from aliend.services.messages.times import milliseconds_of
from aliend.services.messages.transfers import (
    attempt_message,
    deletion_message,
    event_message,
    job_message,
    job_states,
    transfer_message,
    transfer_states,
    wait_message,
)
from aliend.v1 import transfers_pb2 as pb
from aliend.v1 import transfers_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

DEFAULT_PAGE, MAX_PAGE = 50, 1000
MAX_REQUEST_ID = 128


class TransfersService(Servicer, transfers_pb2_grpc.TransfersServiceServicer):
    """Manages jobs of other programs, which run in the daemon's own context."""

    async def SubmitJob(self, request: pb.SubmitJobRequest, _context: Context) -> pb.SubmitJobResponse:
        """Store a job and return it."""
        require_request_id(request.request_id)
        spec = await job_spec(self._runtime, request)
        ignored = () if request.HasField("umask") else ("umask",)
        job = await self._runtime.engine.submit_once(spec, request.request_id, ignored)
        return pb.SubmitJobResponse(job=job_message(job))

    async def GetJob(self, request: pb.GetJobRequest, _context: Context) -> pb.GetJobResponse:
        """Return one job."""
        return pb.GetJobResponse(job=job_message(await self._runtime.engine.job(require_id(request.id))))

    async def ListJobs(self, request: pb.ListJobsRequest, _context: Context) -> pb.ListJobsResponse:
        """Return a page of jobs."""
        if request.running_only:
            running = await self._runtime.engine.running_jobs()
            return pb.ListJobsResponse(jobs=map(job_message, running))
        size = page_size(request.page_size)
        since_ms = milliseconds_of(request.min_create_time)
        matching = JobFilter(job_states(request.states), request.label, since_ms)
        before = page_token(request.page_token)
        jobs = await self._runtime.engine.jobs(size, before, active_only=request.active_only, matching=matching)
        more = str(jobs[-1].id) if len(jobs) == size else ""
        return pb.ListJobsResponse(jobs=map(job_message, jobs), next_page_token=more)

    async def ListTransfers(self, request: pb.ListTransfersRequest, _context: Context) -> pb.ListTransfersResponse:
        """Return a page of the transfers of a job."""
        size, states = page_size(request.page_size), transfer_states(request.states)
        job = require_id(request.job_id)
        views = await self._runtime.engine.transfers(job, size, page_token(request.page_token), states)
        more = str(views[-1].id) if len(views) == size else ""
        return pb.ListTransfersResponse(transfers=await self._transfers(views), next_page_token=more)

    async def WatchJobs(self, request: pb.WatchJobsRequest, context: Context) -> None:
        """Stream the changes."""
        since = require_id(request.since, "since") if request.HasField("since") else None
        if since is not None and request.resume_token:
            raise UsageError("WatchJobs takes `resume_token` or `since`, not both")
        async for changes in self._runtime.engine.changes(require_id(request.job_id), request.resume_token, since):
            await context.write(
                pb.WatchJobsResponse(
                    jobs=map(job_message, changes.jobs),
                    transfers=await self._transfers(changes.transfers),
                    resume_token=changes.token,
                    events=map(event_message, changes.events),
                )
            )

    async def _transfers(self, views: Sequence[TransferView]) -> list[pb.Transfer]:
        """Return the messages of transfers, with the failure of those that wait or have failed."""
        troubled = [view.id for view in views if view.state in ("waiting", "failed")]
        failures = await self._runtime.engine.last_failures(troubled)
        return [transfer_message(view, failures.get(view.id)) for view in views]

    async def CancelJob(self, request: pb.CancelJobRequest, _context: Context) -> pb.CancelJobResponse:
        """Cancel a job."""
        require_request_id(request.request_id)
        return pb.CancelJobResponse(job=job_message(await self._runtime.engine.cancel(require_id(request.id))))

    async def PauseJob(self, request: pb.PauseJobRequest, _context: Context) -> pb.PauseJobResponse:
        """Pause a job."""
        require_request_id(request.request_id)
        return pb.PauseJobResponse(job=job_message(await self._runtime.engine.pause(require_id(request.id))))

    async def ResumeJob(self, request: pb.ResumeJobRequest, _context: Context) -> pb.ResumeJobResponse:
        """Resume a job."""
        require_request_id(request.request_id)
        return pb.ResumeJobResponse(job=job_message(await self._runtime.engine.resume(require_id(request.id))))

    async def RetryJob(self, request: pb.RetryJobRequest, _context: Context) -> pb.RetryJobResponse:
        """Queue the failed and cancelled transfers of a job again."""
        require_request_id(request.request_id)
        job = await self._runtime.engine.retry(require_id(request.id), request.request_id)
        return pb.RetryJobResponse(job=job_message(job))

    async def WaitJob(self, request: pb.WaitJobRequest, _context: Context) -> pb.WaitJobResponse:
        """Return a job when it has ended."""
        return pb.WaitJobResponse(job=job_message(await self._runtime.engine.wait(require_id(request.id))))

    async def ListAttempts(self, request: pb.ListAttemptsRequest, _context: Context) -> pb.ListAttemptsResponse:
        """Return the attempts of transfers."""
        if not 0 < len(request.transfer_ids) <= MAX_PAGE:
            raise UsageError(f"transfer_ids must have 1 to {MAX_PAGE} numbers, not {len(request.transfer_ids)}")
        attempts = await self._runtime.engine.attempts([require_id(one) for one in request.transfer_ids])
        return pb.ListAttemptsResponse(attempts=map(attempt_message, attempts))

    async def ListDeletions(self, request: pb.ListDeletionsRequest, _context: Context) -> pb.ListDeletionsResponse:
        """Return a page of the files that a synchronisation deletes."""
        job = (await self._runtime.engine.job(require_id(request.job_id))).id
        page = await self._runtime.engine.deletions(job, deletion_token(request.page_token))
        more = f"after {page[-1].below}" if page else ""
        return pb.ListDeletionsResponse(deletions=map(deletion_message, page), next_page_token=more)

    async def PlanJob(self, request: pb.PlanJobRequest, context: Context) -> None:
        """Stream what a job would do."""
        spec = await job_spec(self._runtime, request.job)
        async with aclosing(planned(self._runtime, spec)) as pages:
            async for page in pages:
                await context.write(page)

    async def GetLimits(self, _request: pb.GetLimitsRequest, _context: Context) -> pb.GetLimitsResponse:
        """Return all limits."""
        return pb.GetLimitsResponse(limits=limits_message(self._runtime.engine.limits_in_use()))

    async def SetLimits(self, request: pb.SetLimitsRequest, _context: Context) -> pb.SetLimitsResponse:
        """Change limits and return all of them."""
        require_request_id(request.request_id)
        changes = parse([f"{name}={text}" for name, text in request.changes.items()], "changes")
        await self._runtime.engine.change_limits(changes)
        return pb.SetLimitsResponse(limits=limits_message(self._runtime.engine.limits_in_use()))

    async def SetJobRate(self, request: pb.SetJobRateRequest, _context: Context) -> pb.SetJobRateResponse:
        """Change the bandwidth limit of a job."""
        require_request_id(request.request_id)
        job = await self._runtime.engine.change_job_rate(require_id(request.id), require_rate(request.rate))
        return pb.SetJobRateResponse(job=job_message(job))

    async def SetJobPriority(self, request: pb.SetJobPriorityRequest, _context: Context) -> pb.SetJobPriorityResponse:
        """Change the priority of a job."""
        require_request_id(request.request_id)
        require_priority(request.priority)
        job = await self._runtime.engine.change_priority(require_id(request.id), request.priority)
        return pb.SetJobPriorityResponse(job=job_message(job))

    async def CleanJobs(self, request: pb.CleanJobsRequest, _context: Context) -> pb.CleanJobsResponse:
        """Remove ended jobs from the list."""
        require_request_id(request.request_id)
        removed = await self._runtime.engine.clean([require_id(number) for number in request.ids])
        return pb.CleanJobsResponse(removed=removed)

    async def ListWaitReasons(
        self, request: pb.ListWaitReasonsRequest, _context: Context
    ) -> pb.ListWaitReasonsResponse:
        """Return why files wait."""
        engine, job = self._runtime.engine, require_id(request.job_id)
        groups = await (engine.wait_summary(job) if job else engine.grouped_reasons())
        return pb.ListWaitReasonsResponse(reasons=map(wait_message, groups))


def require_request_id(text: str) -> None:
    """Raise UsageError for an empty or long request id."""
    if not 0 < len(text) <= MAX_REQUEST_ID:
        raise UsageError(f"request_id must have 1 to {MAX_REQUEST_ID} characters")


def require_id(number: int, name: str = "id") -> int:
    """Return a number of a job or an event. Raises UsageError if the database cannot hold it."""
    if number > LARGEST:
        raise UsageError(f"{name} must be less than 2^63, not {number}")
    return number


def page_size(size: int) -> int:
    """Return the size of a page; 0 means the default."""
    return min(size or DEFAULT_PAGE, MAX_PAGE)


def page_token(text: str) -> int:
    """Return the number in a page token; 0 for the first page. Raises UsageError."""
    number = parse_whole(text) if text else 0
    if number is None:
        raise UsageError("invalid page_token; pass the one of the previous page, or none for the first page")
    return number


def deletion_token(text: str) -> str | None:
    """Return the name in a page token; None for the first page. Raises UsageError."""
    if text and not text.startswith("after "):
        raise UsageError("invalid page_token; pass the one of the previous page, or none for the first page")
    return text.removeprefix("after ") if text else None
