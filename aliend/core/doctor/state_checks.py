"""Checks of the state directory, the database, the log, and what transfers left on disks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aliend.core.cli.units import format_size
from aliend.core.doctor.finding import Finding, ok, problem, unchecked, warning

_LEAST_STATE = 64 << 20
"""Bytes that database and log should have free."""
_FEW_INODES = 1000
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of `path`: free bytes, bytes to keep free, and inodes (`inodes_total` 0: it counts none)."""

    path: str
    free: int
    reserved: int = 0
    inodes: int = 0
    inodes_total: int = 0


@dataclass(frozen=True, slots=True)
class SpaceHold:
    """A job on hold until `need` bytes are free at its target, which is on `disk`."""

    job: int
    target: str
    need: int
    disk: Disk


def configuration(problems: Sequence[str], file: str, *, exists: bool) -> Finding:
    """Check the configuration."""
    if problems:
        remedy = f"correct {file} or the variable that the message names; check it with `alienctl daemon check`"
        return problem("configuration", "\n".join(problems), remedy)
    return ok("configuration", f"{file} is valid" if exists else f"{file} does not exist; the defaults apply")


def configuration_mode(file: str, mode: int | None) -> Finding:
    """Check that nobody else can change the configuration (None: no file)."""
    if mode is not None and mode & 0o022:
        text = f"other users can change {file} (mode {mode & 0o777:o})"
        return problem("configuration-mode", text, f"run `chmod go-w {file}`")
    return ok("configuration-mode", "only you can change it" if mode is not None else "no file")


def state_directory(directory: str, error: str, *, exists: bool, is_writable: bool) -> Finding:
    """Check the state directory: it must be private and writable."""
    check = "state-directory"
    if error:
        return problem(check, error, "correct its owner or mode, or set XDG_STATE_HOME to a directory of your own")
    if exists and not is_writable:
        return problem(check, f"no file can be written in {directory}", f"run `chmod u+rwx {directory}`")
    return ok(check, directory if exists else f"{directory} will be created")


def state_file_system(note: str) -> Finding:
    """Check that the state directory is the usual one; `note` explains another directory."""
    if note:
        return warning(
            "state-file-system", note, "to use this host alone, set XDG_STATE_HOME to a directory on a local disk"
        )
    return ok("state-file-system", "a file system of this host")


def space(check: str, disks: Sequence[Disk]) -> Finding:
    """Check the free bytes of disks (`state-space`: of the state, `target-space`: of targets)."""
    least = _LEAST_STATE if check == "state-space" else 0
    full = [disk for disk in disks if disk.free <= disk.reserved + least]
    if full:
        lines = [f"{disk.path}: {format_size(disk.free)} free, {_kept(disk, least)}" for disk in full[:_SHOWN]]
        return problem(check, "\n".join(lines), "free some space; jobs on hold resume automatically")
    return ok(
        check, "; ".join(f"{disk.path}: {format_size(disk.free)} free" for disk in disks[:_SHOWN]) or "no disk in use"
    )


def target_space(disks: Sequence[Disk], holds: Sequence[SpaceHold]) -> Finding:
    """Check the free bytes of the disks of targets, also of the jobs that are on hold for space."""
    check = "target-space"
    lacking = [hold for hold in holds if hold.disk.free < hold.need]
    if lacking:
        lines = [
            f"job {hold.job} is on hold: {hold.target} needs {format_size(hold.need)} free on {hold.disk.path}, "
            f"{format_size(hold.disk.free)} are free"
            for hold in lacking[:_SHOWN]
        ]
        return problem(check, "\n".join(lines), "free some space; jobs on hold resume automatically")
    found = space(check, [*disks, *(hold.disk for hold in holds if hold.disk not in disks)])
    if holds and found.state == "ok":
        numbers = ", ".join(str(hold.job) for hold in holds[:_SHOWN])
        text = f"{found.text}; job {numbers} is still on hold for space"
        return warning(
            check,
            text,
            f"wait a minute; if it stays on hold, check your quota with `quota`, or run "
            f"`alienctl transfers resume {holds[0].job}`",
        )
    return found


def inodes(check: str, disks: Sequence[Disk]) -> Finding:
    """Check the free inodes of disks."""
    full = [disk for disk in disks if disk.inodes_total and disk.inodes < _FEW_INODES]
    if full:
        lines = [f"{disk.path}: {disk.inodes} of {disk.inodes_total} inodes are free" for disk in full[:_SHOWN]]
        return problem(check, "\n".join(lines), "remove files that are not needed, however small")
    return ok(check, "enough" if disks else "no disk in use")


def database(error: str, *, exists: bool, is_newer: bool = False) -> Finding:
    """Check the database; `error` says what is wrong with it, `is_newer` that a newer aliend wrote it."""
    if is_newer:
        remedy = "upgrade aliend, or move the state directory away: its unfinished jobs are then lost"
        return problem("database", error, remedy)
    if error:
        remedy = "run `alienctl daemon restart`: a damaged database is kept beside a new one; or restore a backup"
        return problem("database", error, remedy)
    return ok("database", "SQLite's check found nothing wrong" if exists else "not created yet")


def damaged_databases(files: Sequence[str]) -> Finding:
    """Check for damaged databases that were set aside."""
    if files:
        text = f"a damaged database was set aside: {files[-1]}; its jobs are not in the queue"
        return warning("damaged-databases", text, "submit what is missing again, then remove that file")
    return ok("damaged-databases", "none")


def log(file: str, error: str) -> Finding:
    """Check that the log can be written."""
    if error:
        return problem("log", f"the log {file} cannot be written: {error}", f"run `mv {file} {file}.old`")
    return ok("log", file)


def jobs(held_jobs: Sequence[tuple[int, str]] | None, unfinished: int) -> Finding:
    """Check for jobs that something on this machine holds, with their messages (None: the database is unreadable)."""
    if held_jobs is None:
        return unchecked("jobs", "the database cannot be read")
    if held_jobs:
        lines = [f"job {number} is on hold: {message}" for number, message in held_jobs[:_SHOWN]]
        return problem(
            "jobs",
            "\n".join(lines),
            "remove the obstacle; the job resumes automatically, or `alienctl transfers resume JOB`",
        )
    return ok("jobs", f"{unfinished} have not ended" if unfinished else "none waits")


def partial_files(files: Sequence[tuple[str, int]] | None) -> Finding:
    """Check for partial files of downloads that ended (None: unknown), with their sizes in bytes."""
    check = "partial-files"
    if files is None:
        return unchecked(check, "the database cannot be read")
    if files:
        size = format_size(sum(size for _, size in files))
        names = "\n".join(name for name, _ in files[:_SHOWN])
        text = f"{len(files)} partial files of ended downloads use {size}:\n{names}"
        return warning(check, text, "remove them, or finish them with `alienctl transfers retry JOB`")
    return ok(check, "none left over")


def _kept(disk: Disk, least: int) -> str:
    return f"{format_size(disk.reserved + least)} must stay free"
