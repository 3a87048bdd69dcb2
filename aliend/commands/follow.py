"""Follows a transfer job for a caller: a progress display on a terminal, lines elsewhere, and what came of it."""

from __future__ import annotations

from typing import Any

from aliend.commands.call import Call, FileProgress, Progress
from aliend.engine.views import JobView, TransferView
from aliend.parts import Parts

ALL_ARRIVED, SOME_ARRIVED, NONE_ARRIVED = 0, 3, 4
MOST_FILES = 16
"""Files shown at a time."""


async def follow(parts: Parts, call: Call, job: int, *, until_held: bool = False) -> JobView:
    """Tell what happens to `job` until it has ended, and return it as it ended. Raises NoSuchJob.

    With `until_held` it also returns when the daemon holds the job for something that the user must mend here.
    """
    final = await parts.engine.job(job)
    live = call.terminal.stdout and not call.as_json
    async for changes in parts.engine.changes(job, ""):
        for view in changes.jobs:
            if view.message and view.message != final.message:
                await call.complain(f"job {view.id}: {view.message}")
            final = view
        if not call.as_json:
            for transfer in changes.transfers:
                await _tell_transfer(call, transfer, quiet=live)
        if live:
            await call.output.progress(_progress(parts, final))
        if until_held and final.state == "paused" and final.message:
            await call.complain(f"job {job} is held; mend that, then: alienctl transfers resume {job}")
            break
    if not call.as_json:
        await call.say(_closing(final))
    return final


async def _tell_transfer(call: Call, transfer: TransferView, *, quiet: bool) -> None:
    match transfer.state:
        case "done" if not quiet:
            note = f" ({transfer.message})" if transfer.message else ""
            await call.say(f"{transfer.source} -> {transfer.target} {human(transfer.size)}{note}")
        case "done":
            await call.complain(f"{transfer.target}: {transfer.message}" if transfer.message else "")
        case "failed" | "waiting":
            word = "failed" if transfer.state == "failed" else "will be tried again"
            await call.complain(f"{transfer.source}: {word}: {transfer.message}")


def _progress(parts: Parts, job: JobView) -> Progress:
    moving = parts.engine.progress(job.id)
    files = tuple(FileProgress(file.id, file.name, file.bytes_done, file.bytes_total) for file in moving[:MOST_FILES])
    return Progress(
        bytes_done=job.bytes_done + sum(file.bytes_done for file in moving),
        bytes_total=0 if job.state == "expanding" else job.bytes_total,
        files_done=job.files.done,
        files_failed=job.files.failed,
        files_total=job.files.total,
        files=files,
    )


def _closing(job: JobView) -> str:
    took = max(job.ended_ms - job.created_ms, 1) / 1000
    files = f"{job.files.done} of {job.files.total} files"
    text = f"job {job.id} {job.state}: {files}, {human(job.bytes_done)} in {took:.1f} s"
    return f"{text} ({human(int(job.bytes_done / took))}/s)" if job.bytes_done else text


def exit_code(job: JobView) -> int:
    """0: every file arrived, 3: some, 4: none (also when there was none)."""
    if job.state == "done":
        return ALL_ARRIVED
    return SOME_ARRIVED if job.files.done else NONE_ARRIVED


def summary(job: JobView) -> dict[str, Any]:
    """A job as JSON; sizes in bytes, times in POSIX milliseconds."""
    return {
        "job": job.id,
        "state": job.state,
        "direction": job.direction,
        "sources": list(job.sources),
        "target": job.target,
        "files": {
            name: getattr(job.files, name)
            for name in ("total", "queued", "running", "waiting", "done", "failed", "cancelled")
        },
        "bytes_done": job.bytes_done,
        "bytes_total": job.bytes_total,
        "created_ms": job.created_ms,
        "ended_ms": job.ended_ms,
        "message": job.message,
        "priority": job.priority,
    }


def human(size: int) -> str:
    """A size for people: 1536 -> 1.5 KiB."""
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
