"""Where the view gets its data: the daemon, over gRPC. The view itself knows only the `Source`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import grpc
import grpc.aio

from alienctl import api
from alienctl.top.rows import Element, File, Job, Reason, Snapshot

_JOB_STATES = ("", "expanding", "active", "paused", "done", "partial", "failed", "cancelled", "deleting")
_FILE_STATES = ("", "queued", "running", "waiting", "done", "failed", "cancelled")
_ELEMENT_STATES = ("", "working", "resting", "probing")
_WAIT_KINDS = (
    *("", "paused", "held", "space", "permission", "retry", "credential", "se resting", "se full", "bandwidth"),
    *("target", "joined", "limit", "behind", "next", "central", "expanding"),
)
"""Names of the enumerations of the contract, by number."""
_MOST_JOBS, _MOST_ENDED, _MOST_FILES = 200, 20, 200
"""Rows that are requested at a time; running jobs and running files come first."""
_FILES_IN_ORDER = (2, 3, 5, 1, 4, 6)
"""Running, waiting, failed, queued, done, cancelled."""
_TIMEOUT = 5.0


class SourceError(Exception):
    """The daemon did not answer, or refused a change; the text says why."""


class Source(Protocol):
    """The queue. Every method raises SourceError."""

    async def snapshot(self) -> Snapshot:
        """Return the queue now."""

    async def files(self, job: int) -> list[File]:
        """Return files of a job, the running ones first."""

    async def reasons(self, job: int) -> list[Reason]:
        """Return why files of a job wait."""

    async def change(self, verb: str, job: int) -> None:
        """Pause, resume, cancel or retry a job."""

    async def set_priority(self, job: int, priority: int) -> None:
        """Set the priority of a job."""

    async def set_limits(self, limits: Sequence[str]) -> None:
        """Set limits, as in `files=8 rate=20M`."""

    async def close(self) -> None:
        """Close the connection."""


class DaemonSource:
    """The queue of the daemon of a profile."""

    def __init__(self, profile: str) -> None:
        self._messages: Any = api.messages()["transfers_pb2"]
        self._connection = api.AsyncConnection(profile)
        self._requests = 0

    async def snapshot(self) -> Snapshot:
        """Return the queue now: running jobs, then other unfinished ones, then those that ended last."""
        running = await self._call("ListJobs", self._messages.ListJobsRequest(page_size=_MOST_JOBS, running_only=True))
        active = await self._call("ListJobs", self._messages.ListJobsRequest(page_size=_MOST_JOBS, active_only=True))
        newest = await self._call("ListJobs", self._messages.ListJobsRequest(page_size=_MOST_ENDED))
        limits = (await self._call("GetLimits", self._messages.GetLimitsRequest())).limits
        ended = [job for job in newest.jobs if job.HasField("end_time")]
        jobs = {job.id: job for job in [*running.jobs, *active.jobs, *ended]}
        return Snapshot(
            jobs=list(map(_job, jobs.values())),
            elements=list(map(_element, limits.elements)),
            running=limits.running["files"],
            limits=_limits_text(limits),
            has_more=bool(active.next_page_token),
        )

    async def files(self, job: int) -> list[File]:
        """Return files of a job by state, the running ones first."""
        found: list[File] = []
        for state in _FILES_IN_ORDER:
            left = _MOST_FILES - len(found)
            if left <= 0:
                break
            request = self._messages.ListTransfersRequest(job_id=job, page_size=left, states=[state])
            found += map(_file, (await self._call("ListTransfers", request)).transfers)
        return found

    async def reasons(self, job: int) -> list[Reason]:
        """Return why files of a job wait."""
        answer = await self._call("ListWaitReasons", self._messages.ListWaitReasonsRequest(job_id=job))
        return [
            Reason(_WAIT_KINDS[one.kind], one.text, one.files, one.first_source, _clock(one.retry_time))
            for one in answer.reasons
        ]

    async def change(self, verb: str, job: int) -> None:
        """Pause, resume, cancel or retry a job."""
        method = f"{verb.capitalize()}Job"
        request = getattr(self._messages, f"{method}Request")(request_id=self._new_request_id(), id=job)
        await self._call(method, request)

    async def set_priority(self, job: int, priority: int) -> None:
        """Set the priority of a job."""
        request = self._messages.SetJobPriorityRequest(request_id=self._new_request_id(), id=job, priority=priority)
        await self._call("SetJobPriority", request)

    async def set_limits(self, limits: Sequence[str]) -> None:
        """Set limits, as in `files=8 rate=20M`."""
        changes = dict(word.split("=", 1) for word in limits if "=" in word)
        if len(changes) != len(limits):
            raise SourceError("write limits as NAME=VALUE, for example: files=8 rate=20M")
        await self._call(
            "SetLimits", self._messages.SetLimitsRequest(request_id=self._new_request_id(), changes=changes)
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    def _new_request_id(self) -> str:
        self._requests += 1
        return f"top-{id(self):x}-{datetime.now().astimezone().timestamp():.6f}-{self._requests}"

    async def _call(self, method: str, request: object) -> Any:  # noqa: ANN401 - a message of the contract
        try:
            services = await self._connection.services()
            return await getattr(services.transfers, method)(request, timeout=_TIMEOUT)
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                self._connection.forget(services)  # the next daemon may listen elsewhere
                raise SourceError("the daemon does not answer; trying again") from error
            raise SourceError(error.details() or str(error.code())) from error
        except api.GridError as error:
            raise SourceError(str(error)) from error


def _job(job: Any) -> Job:  # noqa: ANN401 - a message of the contract
    files = job.files
    return Job(
        id=job.id,
        state=_JOB_STATES[job.state],
        target=job.target,
        files_done=files.done,
        files_failed=files.failed,
        files_total=files.total,
        bytes_done=job.bytes_done,
        bytes_total=job.bytes_total,
        rate=job.bytes_per_second,
        seconds_left=job.time_left.seconds,
        priority=job.priority,
        label=job.label,
        message=job.message,
    )


def _file(file: Any) -> File:  # noqa: ANN401 - a message of the contract
    until = f"; next try at {_clock(file.retry_time)}" if file.HasField("retry_time") else ""
    return File(_FILE_STATES[file.state], file.source, file.size, file.bytes_done, file.message + until)


def _element(element: Any) -> Element:  # noqa: ANN401 - a message of the contract
    return Element(
        element.se,
        _ELEMENT_STATES[element.state],
        element.copies,
        element.limit,
        element.bytes_per_second,
        _clock(element.retry_time),
        element.reason,
    )


def _limits_text(limits: Any) -> str:  # noqa: ANN401 - a message of the contract
    files = [f"{name}={limits.files[name]}" for name in ("files", "down", "up") if limits.files.get(name)]
    rates = [f"{name}={rate.schedule}" for name, rate in sorted(limits.rates.items())]
    return "limits " + " ".join([*files, *rates])


def _clock(time: Any) -> str:  # noqa: ANN401 - a Timestamp
    """Return the local time of day; empty if it is unset."""
    return datetime.fromtimestamp(time.seconds).astimezone().strftime("%H:%M:%S") if time.seconds else ""
