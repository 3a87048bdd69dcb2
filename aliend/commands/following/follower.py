"""Follows transfer jobs: shows progress bars on a terminal and lines elsewhere, and counts the results.

The lines are those of alien.py, which scripts parse: `jobID: i/n >>> ...`, `... --> TARGET VALID (...)`,
`Successful jobs (1st try): a/n`; i numbers the files as they start, n is the number of files found so far. Why files
wait is summarised in one line for each cause.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from aliend.commands.following.wait_notices import WaitNotices
from aliend.commands.invocation.call import Call, FileProgress, Progress
from aliend.core.catalogue.storage_spec import is_incomplete
from aliend.core.cli.escaping import escape_names, escape_newlines
from aliend.core.cli.units import format_size
from aliend.core.copying.sync import PlannedFile
from aliend.core.copying.target_paths import MISSING, NO_HTTP
from aliend.core.transfers.attempt_record import AttemptRecord, EventRecord
from aliend.engine.expansion.dry_run import DryRunResult
from aliend.engine.views import JobView, TransferView
from aliend.runtime import Runtime

ALL_ARRIVED, SOME_ARRIVED, NONE_ARRIVED = 0, 3, 4
_WAIT_CHECK, _SILENCE = 1.0, 5.0
"""Seconds between two checks for files that wait; seconds without a change after which the reason is printed."""
MAX_FILES = 16
"""The most files shown at a time."""

Style = Literal["none", "line", "bars"]


@dataclass(slots=True)
class Tally:
    """Counts of files by result over all followed jobs.

    `kept` files were at their target before; `arrived` includes them. `incomplete` files were kept with fewer replicas
    than requested.
    `tries` counts copied files by the number of their last attempt.
    """

    total: int = 0
    arrived: int = 0
    kept: int = 0
    missing: int = 0
    incomplete: int = 0
    tries: Counter[int] = field(default_factory=Counter)

    def summary(self) -> tuple[str, ...]:
        """Return the lines of alien.py: how many files arrived at the first try, at the second, and in total."""
        wanted = self.total - self.kept
        if not wanted:
            return ()
        first, second, total = self.tries[1], self.tries[2], self.tries.total()
        lines = (f"Successful jobs (1st try): {first}/{wanted}",)
        if total == first:
            return lines
        later = f"Successful jobs (2nd try): {second}/{wanted - first}"
        return (*lines, later, f"Successful jobs (total): {total}/{wanted}")


class OutputLines:
    """Lines for standard output and standard error that are printed together: each message to the client costs time."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._pending: list[tuple[bool, str]] = []
        """Whether a text is for standard error, and the text; in the order of printing."""

    def add(self, text: str) -> None:
        """Add a text of one or more lines for standard output; nothing for an empty text."""
        if text:
            self._pending.append((False, text))

    def add_notice(self, text: str) -> None:
        """Add a text of one or more lines for standard error; nothing for an empty text."""
        if text:
            self._pending.append((True, text.rstrip("\n")))

    async def flush(self) -> None:
        """Print everything that was added, in its order; texts for the same stream in a row are printed together."""
        pending, self._pending = self._pending, []
        for is_notice, group in groupby(pending, lambda one: one[0]):
            text = "\n".join(text for _, text in group)
            await (self._call.print_error(text) if is_notice else self._call.print(text))


class Follower:
    """Prints the progress and the results of jobs, one after the other."""

    def __init__(self, runtime: Runtime, call: Call, style: Style, *, is_copy: bool = False) -> None:
        """Create a follower; the standard output of a copy has only lines of alien.py where it is no terminal."""
        self._shows_end = not call.as_json and (call.terminal.stdout or not is_copy)
        self._runtime = runtime
        self._call = call
        self._lines = OutputLines(call)
        self._style = style
        self._numbers: dict[int, int] = {}
        """The number printed for each transfer that has started and not ended."""
        self._announced = 0
        self._warned = False
        self._ends: dict[int, str] = {}
        """The last line of each job."""
        self._bytes = 0
        """Bytes copied for the current job."""
        self._changed_at = time.monotonic()
        self._has_new_waits = False
        self.tally = Tally()

    async def follow(self, job: int, *, until_held: bool = False, later: Sequence[int] = ()) -> JobView:
        """Follow `job` until it ends, and return its final state. Raises NoSuchJob.

        With `until_held`, also return when the daemon holds the job because of a problem that the user must fix. The
        files of the jobs in `later` count in the numbers of the lines.
        """
        explaining = asyncio.create_task(self._explain_waits(job))
        try:
            return await self._follow(job, until_held=until_held, later=later)
        finally:
            explaining.cancel()
            await asyncio.wait({explaining})

    async def _follow(self, job: int, *, until_held: bool, later: Sequence[int]) -> JobView:
        final = await self._runtime.engine.job(job)
        others = self.tally.total + sum([(await self._runtime.engine.job(one)).files.total for one in later])
        kept = self.tally.kept
        self._bytes = 0
        async for changes in self._runtime.engine.changes(job, ""):
            self._changed_at = time.monotonic()
            for view in changes.jobs:
                if view.message and view.message != final.message:
                    await self._call.print_error(f"job {view.id}: {view.message}")
                final = view
            await self._report(changes.transfers, others + final.files.total)
            if self._style == "bars":
                await self._call.output.progress(_progress(self._runtime, final))
            if until_held and final.state == "paused" and final.message:
                await self._call.print_error(
                    f"job {job} stays queued: it is on hold and resumes automatically once this is fixed\n"
                    f"resume it now with `alienctl transfers resume {job}`, or "
                    f"cancel it with `alienctl transfers cancel {job}`"
                )
                break
        held = final.state == "paused"  # possibly before any file was found
        self.tally.total += final.files.total or int(held)
        self.tally.arrived += final.files.done
        if final.files.total or not final.ended_ms:
            self._ends[job] = _end_line(final, self.tally.kept - kept, self._bytes)
        return final

    async def _explain_waits(self, job: int) -> None:
        """Print why files wait: soon after a failure, and when nothing has changed for seconds."""
        notices, asked_at = WaitNotices(), 0.0
        while True:
            await asyncio.sleep(_WAIT_CHECK)
            now = time.monotonic()
            is_silent = now - self._changed_at >= _SILENCE
            if (self._has_new_waits or is_silent) and (not asked_at or now - asked_at >= _SILENCE):
                asked_at, self._has_new_waits = now, False
                groups = await self._runtime.engine.wait_summary(job)
                self._print_notice("\n".join(notices.lines(groups, time.time())))
                await self._lines.flush()

    async def _report(self, transfers: Iterable[TransferView], total: int) -> None:
        arrived = [transfer.id for transfer in transfers if transfer.state == "done"]
        records = await self._runtime.engine.attempts(arrived) if arrived else []
        last = {record.transfer: record for record in records}
        for transfer in transfers:
            match transfer.state:
                case "running" if transfer.bytes_done:
                    self._report_start(transfer, total)
                case "done":
                    self._report_success(transfer, last.get(transfer.id), total)
                case "failed":
                    self._report_failure(transfer, total)
                case "cancelled":
                    self._numbers.pop(transfer.id, None)
                case "waiting":
                    self._has_new_waits = True
        await self._lines.flush()

    def _report_start(self, transfer: TransferView, total: int) -> int:
        """Print that bytes of a file move, once; return its number."""
        if transfer.id not in self._numbers:
            self._announced += 1
            self._numbers[transfer.id] = self._announced
            self._print_line(f"jobID: {self._announced}/{max(total, self._announced)} >>> Start")
        return self._numbers[transfer.id]

    def _report_success(self, transfer: TransferView, record: AttemptRecord | None, total: int) -> None:
        moved, seconds = (record.bytes, max(record.seconds, 0.001)) if record else (0, 0.001)
        if transfer.size and not moved:
            self.tally.kept += 1
            self._numbers.pop(transfer.id, None)
            self._print_line(f"{escape_newlines(transfer.target)} --> TARGET VALID (size match, md5 match)")
            return
        self.tally.tries[transfer.attempts] += 1
        self._bytes += moved
        number = self._report_start(transfer, total)
        del self._numbers[transfer.id]
        rate = format_size(int(moved / seconds), 2)
        self._print_line(f"jobID: {number}/{max(total, number)} >>> STATUS OK >>> SPEED {rate}/s")
        if transfer.message == NO_HTTP:
            if not self._warned:
                self._print_notice("warning: no storage element supports HTTP; files are read over XRootD")
            self._warned = True
        elif transfer.message:
            self._print_notice(f"{escape_newlines(transfer.target)}: {_message_of(transfer)}")

    def _report_failure(self, transfer: TransferView, total: int) -> None:
        self.tally.missing += transfer.message.endswith(MISSING)
        self.tally.incomplete += is_incomplete(transfer.message)
        number = self._numbers.pop(transfer.id, 0)
        if not number:
            self._announced += 1
            number = self._announced
        name = (
            transfer.source
            if transfer.direction == "download" or not transfer.target
            else f"{transfer.source} to {transfer.target}"
        )
        self._print_notice(
            f"jobID: {number}/{max(total, number)} >>> STATUS ERROR : {escape_newlines(name)}\n{_message_of(transfer)}"
        )

    async def report_end(self, jobs: Sequence[JobView]) -> None:
        """Print one summary of all jobs, and the end of each job: on standard error if standard output is parsed."""
        lines = "\n".join(self.tally.summary())
        if self._ends and self._style == "line" and not lines and all(job.ended_ms for job in jobs):
            self._print_line("No copy jobs to be done!")
        elif self._ends and self._style == "line" and self.tally.arrived > self.tally.kept:
            self._print_line(lines)
        elif self._ends and self._style == "line":
            self._print_notice(lines)
        show_end = self._lines.add if self._shows_end else self._print_notice
        for text in self._ends.values():
            show_end(text)
        await self._lines.flush()

    def _print_line(self, text: str) -> None:
        if self._style == "line" and not self._call.as_json:
            self._lines.add(text)

    def _print_notice(self, text: str) -> None:
        if not self._call.as_json:
            self._lines.add_notice(text)


async def follow(runtime: Runtime, call: Call, job: int) -> JobView:
    """Follow one job in the style that suits the terminal."""
    follower = Follower(runtime, call, style_of(call))
    final = await follower.follow(job)
    await follower.report_end([final])
    return final


def style_of(call: Call, preferred: str = "") -> Style:
    """Return the progress style: `preferred` if possible, otherwise bars on a terminal that shows them, or lines."""
    for known in ("none", "line", "bars"):
        if preferred == known:
            return "line" if known == "bars" and not call.terminal.stdout else known
    return "bars" if call.uses_colours else "line"


def _progress(runtime: Runtime, job: JobView) -> Progress:
    moving = runtime.engine.progress(job.id)
    files = tuple(FileProgress(file.id, file.name, file.bytes_done, file.bytes_total) for file in moving[:MAX_FILES])
    return Progress(
        bytes_done=job.bytes_done,
        bytes_total=0 if job.state == "expanding" else job.bytes_total,
        files_done=job.files.done,
        files_failed=job.files.failed,
        files_total=job.files.total,
        files=files,
        bytes_per_second=job.bytes_per_second,
        seconds_left=job.seconds_left,
    )


def _end_line(job: JobView, kept: int, moved: int) -> str:
    """Return the last line; the rate is that of the bytes that were copied, not of kept files."""
    took = max(job.ended_ms - job.created_ms, 1) / 1000
    unchanged = f" ({kept} already there)" if kept else ""
    files = f"{job.files.done} of {job.files.total} files{unchanged}"
    text = f"job {job.id} {job.state}: {files}, {format_size(moved)} in {took:.1f} s"
    return f"{text} ({format_size(int(moved / took))}/s)" if moved else text


def exit_code(job: JobView) -> int:
    """Return 0 if everything was done, 3 if only a part (a file is missing, or was not deleted), 4 if nothing."""
    if job.state == "done":
        return ALL_ARRIVED
    return SOME_ARRIVED if job.files.done or job.state == "partial" else NONE_ARRIVED


def job_to_json(job: JobView) -> dict[str, Any]:
    """Return a job as JSON; sizes in bytes, times in POSIX milliseconds."""
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
        "label": job.label,
        "executor": job.executor,
        "bytes_per_second": job.bytes_per_second,
        "files_per_second": job.files_per_second,
        "seconds_left": job.seconds_left,
    }


def kind_of(job: JobView) -> str:
    """Return the kind of a job: its direction, or its purpose if that is not a copy."""
    return job.direction if job.purpose == "copy" else job.purpose


def route_of(item: DryRunResult | EventRecord | PlannedFile | TransferView) -> str:
    """Return `SOURCE -> TARGET`, or the source alone for a file that was refused because of its name."""
    return f"{item.source} -> {item.target}" if item.target else item.source


def _message_of(transfer: TransferView) -> str:
    return escape_names(transfer.message, (transfer.source, transfer.target))
