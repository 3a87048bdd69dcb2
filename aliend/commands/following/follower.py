"""Follows transfer jobs for a caller: a progress display on a terminal, lines elsewhere, and what came of them.

The lines are those of the incumbent client, on which scripts rely: `jobID: i/n >>> ...`, `... --> TARGET VALID (...)`,
`Successful jobs (1st try): a/n`; n are the files known so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from aliend.commands.invocation.call import Call, FileProgress, Progress
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.units import format_size
from aliend.core.copying.target_paths import MISSING
from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.engine.views import JobView, TransferView
from aliend.runtime import Runtime

ALL_ARRIVED, SOME_ARRIVED, NONE_ARRIVED = 0, 3, 4
MOST_FILES = 16
"""Files shown at a time."""

Style = Literal["none", "line", "bars"]


class HasWay(Protocol):
    """What goes from somewhere to somewhere."""

    @property
    def source(self) -> str:
        """A local name or an LFN."""

    @property
    def target(self) -> str:
        """The same; empty where there is none."""


@dataclass(slots=True)
class Tally:
    """Files by what came of them, over all jobs that were followed; those kept have arrived too."""

    total: int = 0
    arrived: int = 0
    kept: int = 0
    missing: int = 0


class Follower:
    """Tells the caller what happens to jobs, one after the other."""

    def __init__(self, parts: Runtime, call: Call, style: Style) -> None:
        self._parts = parts
        self._call = call
        self._style = style
        self._running: dict[int, int] = {}
        """Files that are copied now, with the numbers under which they are told."""
        self._told = 0
        self.tally = Tally()

    async def follow(self, job: int, *, until_held: bool = False) -> JobView:
        """Tell what happens to `job` until it has ended, and return it as it ended. Raises NoSuchJob.

        With `until_held` it also returns when the daemon holds the job for something that the user must mend here.
        """
        final = await self._parts.engine.job(job)
        kept = self.tally.kept
        async for changes in self._parts.engine.changes(job, ""):
            for view in changes.jobs:
                if view.message and view.message != final.message:
                    await self._call.complain(f"job {view.id}: {view.message}")
                final = view
            await self._tell(changes.transfers, final.files.total)
            if self._style == "bars":
                await self._call.output.progress(_progress(self._parts, final))
            if until_held and final.state == "paused" and final.message:
                await self._call.complain(
                    f"job {job} is held; it goes on by itself when that is mended (or: alienctl transfers resume {job})"
                )
                break
        held = final.state == "paused"  # perhaps before any of its files was known
        self.tally.total += final.files.total or int(held)
        self.tally.arrived += final.files.done
        await self._close(final, self.tally.kept - kept)
        return final

    async def _tell(self, transfers: Iterable[TransferView], total: int) -> None:
        arrived = [one.id for one in transfers if one.state == "done"]
        records = await self._parts.engine.attempts(arrived) if arrived else []
        last = {record.transfer: record for record in records}
        for one in transfers:
            match one.state:
                case "running":
                    await self._begin(one, total)
                case "done":
                    await self._arrived(one, last.get(one.id), total)
                case "failed":
                    await self._failed(one, total)
                case "waiting":
                    self._running.pop(one.id, None)
                    await self._aside(f"{escape_newlines(one.source)}: will be tried again: {one.message}")

    async def _begin(self, one: TransferView, total: int) -> int:
        """Tell that a copy has begun, unless that was told; its number."""
        if one.id not in self._running:
            self._told += 1
            self._running[one.id] = self._told
            await self._line(f"jobID: {self._told}/{max(total, self._told)} >>> Start")
        return self._running[one.id]

    async def _arrived(self, one: TransferView, record: AttemptRecord | None, total: int) -> None:
        moved, seconds = (record.bytes, max(record.seconds, 0.001)) if record else (0, 0.001)
        if one.size and not moved:
            self.tally.kept += 1
            self._running.pop(one.id, None)
            await self._line(f"{escape_newlines(one.target)} --> TARGET VALID (size match, md5 match)")
            return
        number = await self._begin(one, total)
        del self._running[one.id]
        rate = format_size(int(moved / seconds), 2)
        await self._line(f"jobID: {number}/{max(total, number)} >>> STATUS OK >>> SPEED {rate}/s")
        await self._aside(f"{escape_newlines(one.target)}: {one.message}" if one.message else "")

    async def _failed(self, one: TransferView, total: int) -> None:
        self.tally.missing += one.message.endswith(MISSING)
        number = self._running.pop(one.id, 0)
        if not number:
            self._told += 1
            number = self._told
        name = one.source if one.direction == "download" or not one.target else f"{one.source} to {one.target}"
        await self._aside(
            f"jobID: {number}/{max(total, number)} >>> STATUS ERROR : {escape_newlines(name)}\n{one.message}"
        )

    async def _close(self, job: JobView, kept: int) -> None:
        moved, wanted = job.files.done - kept, job.files.total - kept
        if not job.files.total and job.ended_ms:
            return
        if self._style == "line" and not wanted and job.ended_ms:
            await self._line("No copy jobs to be done!")
        elif self._style == "line" and wanted:
            text = f"Successful jobs (1st try): {moved}/{wanted}"
            await (self._line(text) if moved else self._aside(text))
        if not self._call.as_json:
            await self._call.say(_closing(job))

    async def _line(self, text: str) -> None:
        if self._style == "line" and not self._call.as_json:
            await self._call.say(text)

    async def _aside(self, text: str) -> None:
        if not self._call.as_json:
            await self._call.complain(text)


async def follow(parts: Runtime, call: Call, job: int) -> JobView:
    """Follow one job as the terminal is best served."""
    return await Follower(parts, call, style_of(call)).follow(job)


def style_of(call: Call, wish: str = "") -> Style:
    """How progress is told: as wished, else in bars where the terminal can show them, else in lines."""
    for known in ("none", "line", "bars"):
        if wish == known:
            return "line" if known == "bars" and not call.terminal.stdout else known
    return "bars" if call.shows_colours else "line"


def _progress(parts: Runtime, job: JobView) -> Progress:
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
    text = f"job {job.id} {job.state}: {files}, {format_size(job.bytes_done)} in {took:.1f} s"
    return f"{text} ({format_size(int(job.bytes_done / took))}/s)" if job.bytes_done else text


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
        "purpose": job.purpose,
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
        "rate": job.rate,
    }


def kind_of(job: JobView) -> str:
    """What kind of job it is, in a word."""
    return job.direction if job.purpose == "copy" else job.purpose


def way_of(one: HasWay) -> str:
    """From where to where; a file that was refused for its name has no target."""
    return f"{one.source} -> {one.target}" if one.target else one.source
