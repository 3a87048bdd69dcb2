"""The report of a copy as one JSON document, written page by page: jobs, every file, the exit code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aliend.commands.following.follower import summary
from aliend.commands.invocation.call import Call, encoded
from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.engine.views import JobView, TransferView
from aliend.runtime import Runtime

_PAGE = 500


async def report(parts: Runtime, call: Call, jobs: Sequence[JobView], code: int, problems: Sequence[str]) -> None:
    """Write the report; `problems` are lines of an input file that made no sense."""
    head = {"job": jobs[0].id if len(jobs) == 1 else None, "exitcode": code, "problems": list(problems)}
    opening = json.dumps({**head, "jobs": [summary(job) for job in jobs]}, ensure_ascii=False)
    await call.output.stdout(encoded(f'{opening[:-1]}, "files": ['))
    separator = "\n"
    for job in jobs:
        last = 0
        while page := await parts.engine.transfers(job.id, _PAGE, last):
            last = page[-1].id
            tried = {one.transfer: one for one in await parts.engine.attempts([file.id for file in page])}
            texts = [json.dumps(_file(file, tried.get(file.id)), ensure_ascii=False) for file in page]
            await call.output.stdout(encoded(separator + ",\n".join(texts)))
            separator = ",\n"
    await call.output.stdout(b"\n]}\n")


def _file(file: TransferView, tried: AttemptRecord | None) -> dict[str, Any]:
    """One file: `bytes` were moved in `seconds` by its last attempt."""
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
