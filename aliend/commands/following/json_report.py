"""Writes the report of a copy as one JSON document, page by page: jobs, every file, the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aliend.commands.following.follower import job_to_json
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.result_stream import JsonArray
from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.engine.expansion.dry_run import DryRunResult
from aliend.engine.views import JobView, TransferView
from aliend.errors import AliendError
from aliend.runtime import Runtime

_PAGE = 500


def report_document(
    code: int,
    problems: Sequence[str] = (),
    jobs: Sequence[JobView] = (),
    files: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the report of a copy: its exit code, its problems, its jobs and its files."""
    return {
        "job": jobs[0].id if len(jobs) == 1 else None,
        "exitcode": code,
        "problems": list(problems),
        "jobs": list(map(job_to_json, jobs)),
        "files": list(files),
    }


async def print_report(
    runtime: Runtime, call: Call, jobs: Sequence[JobView], code: int, problems: Sequence[str]
) -> None:
    """Print the report page by page; `problems` are invalid lines of an input file. With --jsonl: one file a line."""
    head = report_document(code, problems, jobs)
    array = JsonArray(call, "files", {name: value for name, value in head.items() if name != "files"})
    for job in jobs:
        last = 0
        while page := await runtime.engine.transfers(job.id, _PAGE, last):
            last = page[-1].id
            attempts = await runtime.engine.attempts([file.id for file in page])
            last_attempt = {attempt.transfer: attempt for attempt in attempts}
            await array.add([_file_entry(file, last_attempt.get(file.id)) for file in page])
    await array.end()


def error_report(error: AliendError) -> dict[str, Any]:
    """Return the report of a copy that did not start: the error is its only problem."""
    return report_document(error.exit_code, [str(error)])


def dry_run_entry(file: DryRunResult) -> dict[str, Any]:
    """Return a file of a dry run as report entry; `state` is the expected action: copy, keep or fail."""
    return {
        "job": None,
        "source": file.source,
        "target": file.target,
        "state": file.action,
        "reason": file.reason,
        "size": file.size,
        "bytes": 0,
        "seconds": 0.0,
        "attempts": 0,
    }


def _file_entry(file: TransferView, tried: AttemptRecord | None) -> dict[str, Any]:
    """Return one file as report entry; `bytes` and `seconds` are those of its last attempt."""
    return {
        "job": file.job,
        "source": file.source,
        "target": file.target,
        "state": file.state,
        "reason": file.message,
        "size": file.size,
        "bytes": tried.bytes if tried else 0,
        "seconds": tried.seconds if tried else 0.0,
        "attempts": file.attempts,
    }
