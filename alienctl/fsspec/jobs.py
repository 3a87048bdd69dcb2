"""Copies files as transfer jobs of the daemon. Copies that are requested at the same time become one job."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Literal

from alienctl.api.errors import ErrorFacts, GridError, InvalidRequestError, kind_of, split_advice
from alienctl.api.results import Transfer, transfer_of
from alienctl.fsspec.calls import Calls
from aliend.v1 import transfers_pb2 as pb

_MAX_FILES = 10_000
_PAGE = 1000
_COLLECT = 0.005
"""Seconds in which copies are collected for one job."""
_REASONS_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Kind:
    """What the copies of one job have in common."""

    direction: Literal["upload", "download", "copy"]
    overwrite: bool
    storage: str = ""


class Jobs:
    """The transfer jobs of one event loop; `session` is the one whose role is used (empty: `default`)."""

    def __init__(self, calls: Calls, session: str) -> None:
        self._calls = calls
        self._session = session
        self._waiting: defaultdict[Kind, list[tuple[str, str, asyncio.Future[None]]]] = defaultdict(list)
        self._running: set[asyncio.Task[None]] = set()

    async def copy(self, kind: Kind, source: str, target: str) -> None:
        """Copy one file; local names are absolute. Raises GridError if it did not arrive."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[kind]
        waiting.append((source, target, ended))
        if len(waiting) == 1:
            task = asyncio.create_task(self._collect(kind))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await ended

    async def _collect(self, kind: Kind) -> None:
        """Run one job for all copies that are requested within a moment."""
        await asyncio.sleep(_COLLECT)
        copies = self._waiting.pop(kind)
        for start in range(0, len(copies), _MAX_FILES):
            part = copies[start : start + _MAX_FILES]
            try:
                failures = await self._run(kind, [source for source, _, _ in part], [target for _, target, _ in part])
            except GridError as error:
                failures = {target: error for _, target, _ in part}
            for source, target, ended in part:
                if ended.done():
                    continue
                if error_of_file := failures.get(target) or failures.get(source):
                    ended.set_exception(error_of_file)
                else:
                    ended.set_result(None)

    async def _run(self, kind: Kind, sources: list[str], targets: list[str]) -> dict[str, GridError]:
        """Run a job to its end; return the failures by target, those of refused names by source."""
        request = pb.SubmitJobRequest(
            request_id=str(uuid.uuid4()),
            sources=[_location(name, is_local=kind.direction == "upload") for name in sources],
            targets=[_location(name, is_local=kind.direction == "download") for name in targets],
            overwrite=pb.OVERWRITE_ALWAYS if kind.overwrite else pb.OVERWRITE_NEVER,
            storage=kind.storage,
            session=self._session,
            umask=_umask(),
            touch_empty=True,
        )
        answer = await self._calls.unary(lambda services: services.transfers.SubmitJob, request)
        wait = pb.WaitJobRequest(id=answer.job.id)
        job = (await self._calls.unary(lambda services: services.transfers.WaitJob, wait)).job
        if job.state == pb.JOB_STATE_DONE:
            return {}
        failures = await self._failures(job.id)
        if not failures:
            reason = job.message or f"the job ended as {pb.JobState.Name(job.state).removeprefix('JOB_STATE_')}"
            facts = ErrorFacts(reason="COPY_FAILED", advice=f"see `alienctl transfers show {job.id}`")
            failures = {
                target: GridError(f"{source} was not copied: {reason}", replace(facts, lfn=source))
                for source, target in zip(sources, targets, strict=True)
            }
        return failures

    async def _failures(self, job: int) -> dict[str, GridError]:
        found: dict[str, GridError] = {}
        token = ""
        while True:
            states = [pb.TRANSFER_STATE_FAILED, pb.TRANSFER_STATE_CANCELLED]
            request = pb.ListTransfersRequest(job_id=job, page_size=_PAGE, page_token=token, states=states)
            page = await self._calls.unary(lambda services: services.transfers.ListTransfers, request)
            for one in page.transfers:
                found[one.target or one.source] = _failure(job, transfer_of(one))
            token = page.next_page_token
            if not token:
                return found


def _failure(job: int, one: Transfer) -> GridError:
    kind, number = kind_of(one.reason)
    happened, remedy = split_advice(one.message or "the transfer was cancelled")
    advice = "; ".join(filter(None, (remedy, f"see `alienctl transfers show {job}`")))
    facts = ErrorFacts(one.error_number or number, one.source, one.reason or "COPY_FAILED", advice, one.se)
    return kind(f"{one.source} was not copied: {happened[:_REASONS_LIMIT]}", facts)


def _location(name: str, *, is_local: bool) -> str:
    if is_local and not os.path.isabs(name):
        raise InvalidRequestError(f"{name} is not an absolute path")
    return f"file:{name}" if is_local else f"alien:{name}"


def _umask() -> int:
    """Return the umask of this process without changing it; other threads may create files meanwhile."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        return next((int(line.split()[1], 8) for line in status if line.startswith("Umask:")), 0o077)
