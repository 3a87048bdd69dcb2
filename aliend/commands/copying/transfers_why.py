"""`transfers why`: prints why files wait, and until when."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from aliend.commands.invocation.call import Call
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.numbers import parse_whole
from aliend.core.transfers.wait_reason import Reason
from aliend.engine.views import WaitingFile
from aliend.errors import UsageError
from aliend.runtime import Runtime


async def why(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Print why files wait and until when, grouped by job and reason."""
    if len(args) > 1 or any(parse_whole(word) is None for word in args):
        raise UsageError("usage: transfers why [JOB]; list jobs with `alienctl transfers`")
    groups: dict[tuple[int, Reason], tuple[str, int]] = {}
    listed: list[dict[str, Any]] = []
    async for group in runtime.engine.wait_reasons(int(args[0]) if args else 0):
        if call.as_json:
            listed += map(_waits, group)
        for one in group:
            first, count = groups.get((one.job, one.reason), (one.source, 0))
            groups[one.job, one.reason] = (first, count + 1)
    if call.as_json:
        await call.print_json({"waiting": listed})
    elif groups:
        await call.print("\n".join(_line(*key, *names) for key, names in groups.items()))
    else:
        await call.print_error("no file is waiting")
    return 0


def _line(job: int, reason: Reason, first: str, count: int) -> str:
    files = "" if not first else f" {first}" if count == 1 else f" {first} and {count - 1} more"
    until = (
        f" (until {datetime.fromtimestamp(reason.until).astimezone():%Y-%m-%d %H:%M:%S})"
        if reason.kind in ("retry", "credential", "se resting")
        else ""
    )
    return escape_newlines(f"job {job}{files}: {reason.kind}: {reason.text}{until}")


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
