"""`transfers why`: prints why files wait, and until when."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from aliend.commands.invocation.call import Call
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.numbers import parse_whole
from aliend.core.transfers.wait_reason import AFTER_FAILURE
from aliend.engine.views import WaitGroup, WaitingFile
from aliend.errors import UsageError
from aliend.runtime import Runtime


async def why(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Print why files wait and until when, grouped by job and reason."""
    if len(args) > 1 or any(parse_whole(word) is None for word in args):
        raise UsageError("usage: transfers why [JOB]; list jobs with `alienctl transfers`")
    job = int(args[0]) if args else 0
    if call.as_json:
        waiting = [_waits(file) async for page in runtime.engine.wait_reasons(job) for file in page]
        await call.print_json({"waiting": waiting})
    elif groups := await runtime.engine.grouped_reasons(job):
        await call.print("\n".join(map(_line, groups)))
    else:
        await call.print_error("no file is waiting")
    return 0


def _line(group: WaitGroup) -> str:
    reason, first = group.reason, group.first
    files = "" if not first else f" {first}" if group.files == 1 else f" {first} and {group.files - 1} more"
    until = (
        f" (until {datetime.fromtimestamp(reason.until).astimezone():%Y-%m-%d %H:%M:%S})"
        if reason.kind in AFTER_FAILURE
        else ""
    )
    return escape_newlines(f"job {group.job}{files}: {reason.kind}: {reason.text}{until}")


def _waits(file: WaitingFile) -> dict[str, Any]:
    reason = asdict(file.reason)
    until_ms = int(reason.pop("until") * 1000)
    behind = reason.pop("job")
    return {
        "job": file.job,
        "transfer": file.transfer,
        "source": file.source,
        **reason,
        "until_ms": until_ms,
        "for": behind,
    }
