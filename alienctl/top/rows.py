"""What the view shows: jobs, files, reasons and storage elements, and their texts. Pure."""

from dataclasses import dataclass, field

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
JOB_COLUMNS = (("JOB", 6), ("STATE", 9), ("FILES", 12), ("BYTES", 17), ("RATE", 11), ("ETA", 7), ("TARGET", 12))
"""Heads and widths; with one blank between them they fit 80 columns."""
RIGHT_ALIGNED = frozenset({"JOB", "FILES", "BYTES", "RATE", "ETA", "SIZE", "COPIED", "COPIES"})
"""Heads of numbers."""
FILE_COLUMNS = (("STATE", 9), ("SIZE", 10), ("COPIED", 10), ("FILE", 46))
ELEMENT_COLUMNS = (("STORAGE ELEMENT", 28), ("STATE", 8), ("COPIES", 6), ("RATE", 11), ("NOTE", 22))


@dataclass(frozen=True, slots=True)
class Job:
    """A job; sizes in bytes, `rate` in bytes per second, `seconds_left` 0: unknown."""

    id: int
    state: str
    target: str
    files_done: int = 0
    files_failed: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    rate: int = 0
    seconds_left: int = 0
    priority: int = 0
    label: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a job."""

    state: str
    name: str
    size: int
    bytes_done: int
    message: str


@dataclass(frozen=True, slots=True)
class Element:
    """A storage element in use; `until` is the time of day of its next check (empty: it is not resting)."""

    name: str
    state: str
    copies: int
    limit: int
    rate: int
    until: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Files that wait for the same reason; `until` is the time of day of their next try (empty: unknown)."""

    kind: str
    text: str
    files: int
    first: str
    until: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The queue at one moment; `limits` is a text, `has_more`: not all unfinished jobs are listed."""

    jobs: list[Job] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)
    running: int = 0
    limits: str = ""
    has_more: bool = False


def head_text(head: str, width: int) -> str:
    """Return the head of a column, aligned like its cells."""
    return head.rjust(width) if head in RIGHT_ALIGNED else head


def size_text(size: int) -> str:
    """Return a size, as in `1.5 KiB`."""
    value, unit = float(size), "B"
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"


def duration_text(seconds: int) -> str:
    """Return a duration, as in `12:05`; `-` for an unknown one."""
    if not seconds:
        return "-"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24}d{hours % 24:02}h"
    if hours >= 10:
        return f"{hours}h{minutes:02}m"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def short(text: str, width: int) -> str:
    """Return the end of a name as it fits, without control characters."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= width else f"..{printable[2 - width :]}"


def job_cells(job: Job) -> tuple[str, ...]:
    """Return the cells of a job."""
    bytes_text = _share(job.bytes_done, job.bytes_total)
    failed = f" -{job.files_failed}" if job.files_failed else ""
    files = f"{job.files_done}/{job.files_total}{failed}"
    rate = f"{size_text(job.rate)}/s".replace(" ", "") if job.rate else "-"
    return (
        str(job.id).rjust(6),
        job.state,
        files.rjust(12),
        bytes_text.rjust(17),
        rate.rjust(11),
        duration_text(job.seconds_left).rjust(7),
        short(f"[{job.label}] {job.target}" if job.label else job.target, JOB_COLUMNS[-1][1]),
    )


def file_cells(file: File) -> tuple[str, ...]:
    """Return the cells of a file."""
    copied = size_text(file.bytes_done) if file.bytes_done else "-"
    return file.state, size_text(file.size).rjust(10), copied.rjust(10), short(file.name, FILE_COLUMNS[-1][1])


def element_cells(element: Element) -> tuple[str, ...]:
    """Return the cells of a storage element."""
    note = f"until {element.until}" if element.until else element.note
    rate = f"{size_text(element.rate)}/s".replace(" ", "") if element.rate else "-"
    return (
        short(element.name, 28),
        element.state,
        f"{element.copies}/{element.limit}".rjust(6),
        rate.rjust(11),
        note[: ELEMENT_COLUMNS[-1][1]],
    )


def job_line(job: Job) -> str:
    """Return what the table does not show of a job."""
    label = f", label {job.label}" if job.label else ""
    priority = f", priority {job.priority}" if job.priority else ""
    message = f"; {job.message}" if job.message else ""
    return short(f"job {job.id}{label}{priority} to {job.target}{message}", 400)


def reason_line(reason: Reason) -> str:
    """Return one reason as a line."""
    what = f"{reason.files} files" if reason.files > 1 else reason.first if reason.files else "the job"
    until = f" (until {reason.until})" if reason.until else ""
    return short(f"{what}: {reason.kind}: {reason.text}{until}", 2000)


def summary(snapshot: Snapshot, title: str) -> str:
    """Return the line above the jobs."""
    rate = sum(job.rate for job in snapshot.jobs)
    unfinished = sum(job.state in ("expanding", "active", "deleting", "paused") for job in snapshot.jobs)
    count = f"more than {unfinished}" if snapshot.has_more else str(unfinished)
    jobs = "job" if count == "1" else "jobs"
    files = "file" if snapshot.running == 1 else "files"
    running = f"{snapshot.running} {files} running, {size_text(rate)}/s"
    return f"{title}: {count} unfinished {jobs}, {running}; {snapshot.limits}"


def _share(done: int, total: int) -> str:
    """Return `17.5/57.2 MiB`: both in the unit of the total."""
    power = next((power for power in range(len(_UNITS)) if total < 1024 ** (power + 1)), len(_UNITS) - 1)
    if not power:
        return f"{done}/{total} B"
    return f"{done / 1024**power:.1f}/{total / 1024**power:.1f} {_UNITS[power]}"
