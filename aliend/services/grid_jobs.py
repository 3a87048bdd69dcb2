"""The `GridJobsService` servicer: jobs on the grid."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import grpc.aio

from aliend.core.cli.numbers import LARGEST
from aliend.core.grid.element_listing import ListedComputingElement, computing_elements
from aliend.core.protocol.replies import Result
from aliend.core.protocol.requests import Request
from aliend.errors import BadReply, ServiceError, UsageError
from aliend.services.caller import Caller
from aliend.services.grpc_errors import Servicer
from aliend.services.messages.entries import number
from aliend.services.messages.times import duration, seconds_of
from aliend.v1 import grid_jobs_pb2 as pb
from aliend.v1 import grid_jobs_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

MAX_IDS, MAX_JOBS, USUAL_JOBS, MAX_JDL = 100, 10_000, 1000, 8000
USUAL_INTERVAL, MIN_INTERVAL, MAX_INTERVAL = 30.0, 1.0, 3600.0
"""Seconds between two questions about jobs that are waited for."""
_STATE = re.compile(r"[A-Z_%]+")
_ACCOUNT = re.compile(r"[\w.%-]+")
_MASTER = re.compile(r"^Job (\d+) is in status: (\w+)", re.MULTILINE)
_SUBJOBS = re.compile(r"Subjobs in (\w+)[^:\n]*: (\d+)")
_ENDED = re.compile(r"DONE|DONE_WARN|ERROR_\w+|FAULTY|INCORRECT|EXPIRED|KILLED|FAILED")
_NOT_FOUND = 2
_OUTCOMES = {
    "killed": pb.KILL_OUTCOME_KILLED,
    "not_allowed": pb.KILL_OUTCOME_REFUSED,
    "failed_to_kill": pb.KILL_OUTCOME_FAILED,
}


class GridJobsService(Servicer, grid_jobs_pb2_grpc.GridJobsServiceServicer):
    """Submits, lists and changes grid jobs."""

    async def SubmitGridJob(self, request: pb.SubmitGridJobRequest, _context: Context) -> pb.SubmitGridJobResponse:
        """Submit a job description."""
        if bool(request.jdl) == bool(request.lfn):
            raise UsageError("SubmitGridJob takes either jdl or lfn")
        if request.jdl and ("=" not in request.jdl or len(request.jdl) > MAX_JDL):
            raise UsageError(
                f"jdl must be a job description of at most {MAX_JDL} characters; store a longer one as lfn"
            )
        if dashed := next((word for word in request.arguments if word.startswith("-")), ""):
            raise UsageError(f"the argument {dashed!r} begins with `-`, which the central service rejects")
        caller = await Caller.of(self._runtime, request.session)
        description = request.jdl or await caller.lfn(request.lfn)
        async with caller.about(description) if request.lfn else nullcontext():
            reply = await caller.ask("submit", description, *request.arguments)
        found = next((number(result, "jobId") for result in reply.results if result.get("jobId")), 0)
        if not found:
            raise BadReply("submit: the reply of the central service names no job", 42)
        return pb.SubmitGridJobResponse(id=found)

    async def ListGridJobs(self, request: pb.ListGridJobsRequest, _context: Context) -> pb.ListGridJobsResponse:
        """Return jobs that match."""
        if request.limit > MAX_JOBS:
            raise UsageError(f"limit must be at most {MAX_JOBS}, not {request.limit}")
        if not all(map(_STATE.fullmatch, request.statuses)):
            raise UsageError("statuses must be states as the service names them, such as RUNNING")
        options = ["-F", "l", "-l", str(request.limit or USUAL_JOBS)]
        options += ["-f", ",".join(request.statuses)] if request.statuses else []
        if request.user:
            if not _ACCOUNT.fullmatch(request.user):
                raise UsageError(f"{request.user!r} is not an account name")
            options += ["-a"] if request.user == "%" else ["-u", request.user]
        options += ["-s", ",".join(request.elements)] if request.elements else []
        options += ["-m", _numbers(request.master_ids)] if request.master_ids else []
        caller = await Caller.of(self._runtime, request.session)
        reply = await caller.ask("ps", *options)
        return pb.ListGridJobsResponse(jobs=[_job(result) for result in reply.results if result.get("id")])

    async def GetGridJobs(self, request: pb.GetGridJobsRequest, _context: Context) -> pb.GetGridJobsResponse:
        """Return jobs with log and description."""
        caller = await Caller.of(self._runtime, request.session)
        reply = await caller.ask("ps", "-j", _numbers(request.ids), "-trace", "-jdl")
        jobs = [_job(result) for result in reply.results if result.get("id")]
        present = {job.id for job in jobs}
        return pb.GetGridJobsResponse(jobs=jobs, missing=[one for one in request.ids if one not in present])

    async def GetMasterJobs(self, request: pb.GetMasterJobsRequest, _context: Context) -> pb.GetMasterJobsResponse:
        """Return master jobs with the states of their subjobs."""
        caller = await Caller.of(self._runtime, request.session)
        _numbers(request.ids)
        jobs = []
        for one in request.ids:
            text = (await caller.ask("masterjob", str(one))).text()
            if found := _MASTER.search(text):
                subjobs = {state: int(count) for state, count in _SUBJOBS.findall(text)}
                jobs.append(pb.MasterJob(id=one, status=found[2], subjobs=subjobs))
        return pb.GetMasterJobsResponse(jobs=jobs)

    async def KillGridJobs(self, request: pb.KillGridJobsRequest, _context: Context) -> pb.KillGridJobsResponse:
        """Kill jobs."""
        _numbers(request.ids)
        caller = await Caller.of(self._runtime, request.session)
        reply = await caller.central.request(Request("kill", tuple(map(str, request.ids))))
        found = [result for result in reply.results if result.get("jobid")]
        if not found:
            reply.checked(Request("kill"))
        jobs = [
            pb.KilledGridJob(id=number(one, "jobid"), outcome=_OUTCOMES.get(str(one.get("status")))) for one in found
        ]
        return pb.KillGridJobsResponse(jobs=jobs)

    async def ResubmitGridJobs(
        self, request: pb.ResubmitGridJobsRequest, _context: Context
    ) -> pb.ResubmitGridJobsResponse:
        """Submit failed jobs again."""
        _numbers(request.ids)
        caller = await Caller.of(self._runtime, request.session)
        for one in request.ids:
            await caller.ask("resubmit", str(one))
        return pb.ResubmitGridJobsResponse()

    async def WaitGridJobs(self, request: pb.WaitGridJobsRequest, context: Context) -> None:
        """Stream jobs until all have ended."""
        interval = USUAL_INTERVAL
        if request.HasField("interval"):
            interval = seconds_of(request.interval, "interval", MAX_INTERVAL)
            if interval < MIN_INTERVAL:
                raise UsageError(f"interval must be at least {MIN_INTERVAL:g} s")
        ids = _numbers(request.ids)
        caller = await Caller.of(self._runtime, request.session)
        seen: dict[int, str] = {}
        while True:
            reply = await caller.ask("ps", "-F", "l", "-j", ids)
            jobs = [_job(result) for result in reply.results if result.get("id")]
            if missing := set(request.ids).difference(job.id for job in jobs):
                raise ServiceError("ps", _NOT_FOUND, f"grid job {min(missing)} does not exist")
            if changed := [job for job in jobs if seen.get(job.id) != job.status]:
                await context.write(pb.WaitGridJobsResponse(jobs=changed))
            seen = {job.id: job.status for job in jobs}
            if all(job.has_ended for job in jobs):
                return
            await asyncio.sleep(interval)

    async def ListComputingElements(
        self, request: pb.ListComputingElementsRequest, _context: Context
    ) -> pb.ListComputingElementsResponse:
        """Return computing elements that match."""
        caller = await Caller.of(self._runtime, request.session)
        listed = computing_elements((await caller.ask("listCEs", "-nomsg")).results)
        found = [one for one in listed if one.matches(request.name, request.host, request.partition)]
        return pb.ListComputingElementsResponse(elements=map(_element, found))

    async def ListMatchingElements(
        self, request: pb.ListMatchingElementsRequest, _context: Context
    ) -> pb.ListMatchingElementsResponse:
        """Return the computing elements that can run a job."""
        caller = await Caller.of(self._runtime, request.session)
        if not 0 < request.id <= LARGEST:
            raise UsageError("id must be the number of a job")
        reply = await caller.ask("jobListMatch", str(request.id))
        return pb.ListMatchingElementsResponse(elements=map(_element, computing_elements(reply.results)))


def _numbers(ids: Sequence[int]) -> str:
    """Return 1 to 100 numbers of jobs as the service takes them. Raises UsageError."""
    if not 0 < len(ids) <= MAX_IDS or not all(0 < one <= LARGEST for one in ids):
        raise UsageError(f"ids must be 1 to {MAX_IDS} numbers of jobs")
    return ",".join(map(str, ids))


def _job(result: Result) -> pb.GridJob:
    status = str(result.get("status", ""))
    return pb.GridJob(
        id=number(result, "id"),
        master_id=number(result, "split"),
        status=status,
        owner=str(result.get("owner", "")),
        name=str(result.get("name", "")),
        site=str(result.get("site") or ""),
        node=str(result.get("node") or ""),
        has_ended=bool(_ENDED.fullmatch(status)),
        trace=str(result.get("trace", "")),
        jdl=str(result.get("jdl", "")),
    )


def _element(listed: ListedComputingElement) -> pb.ComputingElement:
    facts = listed.facts
    return pb.ComputingElement(
        name=listed.name,
        host=listed.host,
        status=listed.status,
        type=listed.type,
        max_running=number(facts, "maxRunning"),
        max_queued=number(facts, "maxQueued"),
        ttl=duration(number(facts, "TTL")),
        partitions=[name for name in re.split(r"[,\s]+", listed.partitions) if name],
    )
