"""Follows transfer jobs: shows progress bars on a terminal and lines elsewhere, and counts the results.

The lines are those of alien.py, which scripts parse: `jobID: i/n >>> ...`, `... --> TARGET VALID (...)`,
`Successful jobs (1st try): a/n`; n is the number of files found so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from aliend.commands.invocation.call import Call, FileProgress, Progress
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.units import format_size
from aliend.core.copying.target_paths import MISSING, NO_HTTP
from aliend.core.transfers.attempt_record import AttemptRecord
from aliend.engine.views import JobView, TransferView
from aliend.runtime import Runtime

ALL_ARRIVED, SOME_ARRIVED, NONE_ARRIVED = 0, 3, 4
MAX_FILES = 16
"""The most files shown at a time."""

Style = Literal["none", "line", "bars"]


class HasEndpoints(Protocol):
    """Has a source and a target."""

    @property
    def source(self) -> str:
        """Return a local path or an LFN."""

    @property
    def target(self) -> str:
        """Return a local path or an LFN; empty if not known."""


@dataclass(slots=True)
class Tally:
    """Counts of files by result over all followed jobs; `kept` files also count as `arrived`.

    `first` files arrived with their first attempt.
    """

    total: int = 0
    arrived: int = 0
    kept: int = 0
    missing: int = 0
    first: int = 0

    def summary(self) -> tuple[str, ...]:
        """Return the lines of alien.py that scripts read: files that arrived in the first and in later attempts."""
        moved, wanted = self.arrived - self.kept, self.total - self.kept
        if not wanted:
            return ()
        lines = (f"Successful jobs (1st try): {self.first}/{wanted}",)
        if moved == self.first:
            return lines
        later = f"Successful jobs (2nd try): {moved - self.first}/{wanted - self.first}"
        return (*lines, later, f"Successful jobs (total): {moved}/{wanted}")


class Follower:
    """Prints the progress and the results of jobs, one after the other."""

    def __init__(self, runtime: Runtime, call: Call, style: Style, *, is_copy: bool = False) -> None:
        """Create a follower; the standard output of a copy has only lines of alien.py where it is no terminal."""
        self._shows_end = not call.as_json and (call.terminal.stdout or not is_copy)
        self._runtime = runtime
        self._call = call
        self._style = style
        self._running: dict[int, int] = {}
        """The number printed for each transfer that is running."""
        self._announced = 0
        self._warned: set[str] = set()
        self.tally = Tally()

    async def follow(self, job: int, *, until_held: bool = False, later: Sequence[int] = ()) -> JobView:
        """Follow `job` until it ends, and return its final state. Raises NoSuchJob.

        With `until_held`, also return when the daemon holds the job because of a problem that the user must fix. The
        files of the jobs in `later` count in the numbers of the lines.
        """
        final = await self._runtime.engine.job(job)
        others = self.tally.total + sum([(await self._runtime.engine.job(one)).files.total for one in later])
        async for changes in self._runtime.engine.changes(job, ""):
            for view in changes.jobs:
                if view.message and view.message != final.message:
                    await self._call.print_error(f"job {view.id}: {view.message}")
                final = view
            await self._report(changes.transfers, others + final.files.total)
            if self._style == "bars":
                await self._call.output.progress(_progress(self._runtime, final))
            if until_held and final.state == "paused" and final.message:
                await self._call.print_error(
                    f"job {job} is held; it resumes automatically once this is fixed, "
                    f"or with `alienctl transfers resume {job}`"
                )
                break
        held = final.state == "paused"  # possibly before any file was found
        self.tally.total += final.files.total or int(held)
        self.tally.arrived += final.files.done
        return final

    async def _report(self, transfers: Iterable[TransferView], total: int) -> None:
        arrived = [transfer.id for transfer in transfers if transfer.state == "done"]
        records = await self._runtime.engine.attempts(arrived) if arrived else []
        last = {record.transfer: record for record in records}
        for transfer in transfers:
            match transfer.state:
                case "running":
                    await self._report_start(transfer, total)
                case "done":
                    await self._report_success(transfer, last.get(transfer.id), total)
                case "failed":
                    await self._report_failure(transfer, total)
                case "waiting":
                    self._running.pop(transfer.id, None)
                    await self._print_notice(f"{escape_newlines(transfer.source)}: retrying: {transfer.message}")

    async def _report_start(self, transfer: TransferView, total: int) -> int:
        """Print that a copy has started, once; return its number."""
        if transfer.id not in self._running:
            self._announced += 1
            self._running[transfer.id] = self._announced
            await self._print_line(f"jobID: {self._announced}/{max(total, self._announced)} >>> Start")
        return self._running[transfer.id]

    async def _report_success(self, transfer: TransferView, record: AttemptRecord | None, total: int) -> None:
        moved, seconds = (record.bytes, max(record.seconds, 0.001)) if record else (0, 0.001)
        if transfer.size and not moved:
            self.tally.kept += 1
            self._running.pop(transfer.id, None)
            await self._print_line(f"{escape_newlines(transfer.target)} --> TARGET VALID (size match, md5 match)")
            return
        self.tally.first += transfer.attempts <= 1
        number = await self._report_start(transfer, total)
        del self._running[transfer.id]
        rate = format_size(int(moved / seconds), 2)
        await self._print_line(f"jobID: {number}/{max(total, number)} >>> STATUS OK >>> SPEED {rate}/s")
        if transfer.message == NO_HTTP:
            await self._warn_once("warning: no storage element supports HTTP; files are read over XRootD")
        elif transfer.message:
            await self._print_notice(f"{escape_newlines(transfer.target)}: {transfer.message}")

    async def _report_failure(self, transfer: TransferView, total: int) -> None:
        self.tally.missing += transfer.message.endswith(MISSING)
        number = self._running.pop(transfer.id, 0)
        if not number:
            self._announced += 1
            number = self._announced
        name = (
            transfer.source
            if transfer.direction == "download" or not transfer.target
            else f"{transfer.source} to {transfer.target}"
        )
        await self._print_notice(
            f"jobID: {number}/{max(total, number)} >>> STATUS ERROR : {escape_newlines(name)}\n{transfer.message}"
        )

    async def report_end(self, jobs: Sequence[JobView]) -> None:
        """Print one summary of all jobs, and the end of each job: on standard error if standard output is parsed."""
        if any(job.files.total or not job.ended_ms for job in jobs):
            lines = self.tally.summary()
            if self._style == "line" and not lines and all(job.ended_ms for job in jobs):
                await self._print_line("No copy jobs to be done!")
            elif self._style == "line" and lines:
                moved = self.tally.arrived > self.tally.kept
                await (self._print_line("\n".join(lines)) if moved else self._print_notice("\n".join(lines)))
        for job in jobs:
            if job.files.total or not job.ended_ms:
                text = _end_line(job)
                await (self._call.print(text) if self._shows_end else self._print_notice(text))

    async def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            await self._print_notice(text)

    async def _print_line(self, text: str) -> None:
        if self._style == "line" and not self._call.as_json:
            await self._call.print(text)

    async def _print_notice(self, text: str) -> None:
        if not self._call.as_json:
            await self._call.print_error(text)


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
        bytes_done=job.bytes_done + sum(file.bytes_done for file in moving),
        bytes_total=0 if job.state == "expanding" else job.bytes_total,
        files_done=job.files.done,
        files_failed=job.files.failed,
        files_total=job.files.total,
        files=files,
    )


def _end_line(job: JobView) -> str:
    took = max(job.ended_ms - job.created_ms, 1) / 1000
    files = f"{job.files.done} of {job.files.total} files"
    text = f"job {job.id} {job.state}: {files}, {format_size(job.bytes_done)} in {took:.1f} s"
    return f"{text} ({format_size(int(job.bytes_done / took))}/s)" if job.bytes_done else text


def exit_code(job: JobView) -> int:
    """Return 0 if every file arrived, 3 if some did, 4 if none did (also for a job without files)."""
    if job.state == "done":
        return ALL_ARRIVED
    return SOME_ARRIVED if job.files.done else NONE_ARRIVED


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
    }


def kind_of(job: JobView) -> str:
    """Return the kind of a job: its direction, or its purpose if that is not a copy."""
    return job.direction if job.purpose == "copy" else job.purpose


def route_of(item: HasEndpoints) -> str:
    """Return `SOURCE -> TARGET`, or the source alone for a file that was refused because of its name."""
    return f"{item.source} -> {item.target}" if item.target else item.source
