"""Dry run: what a job would do with each of its files. Nothing is stored, booked or changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from aliend.core.catalogue.entries import Entry
from aliend.core.catalogue.paths import ancestors, without_slash
from aliend.core.transfers.job import ExpansionAdvanced, Job, JobSpec, JobState
from aliend.core.transfers.overwrite import action_for_existing
from aliend.engine.expansion.expansion import Expansion
from aliend.engine.ports import CataloguePort
from aliend.errors import AliendError
from aliend.storage.errors import disk_error
from aliend.storage.io.local_files import checksum
from aliend.storage.tasks import Checksum
from aliend.store import NewTransfer

DryRunAction = Literal["copy", "keep", "refuse", "fail"]


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """A file of a job and what would happen to it; `reason` says why it would not be copied. `size` in bytes.

    `error_number` is the errno of a file that cannot be found or listed (0: none).
    """

    source: str
    target: str
    size: int
    action: DryRunAction
    reason: str = ""
    error_number: int = 0


async def dry_run(
    spec: JobSpec, catalogue: CataloguePort, on_result: Callable[[DryRunResult], Awaitable[None]]
) -> None:
    """Call `on_result` for each file of the job. Raises AliendError if its files cannot be listed."""
    job = Job(id=0, spec=spec, state=JobState.EXPANDING, created_ms=0)

    async def add(files: Sequence[NewTransfer], event: ExpansionAdvanced | None) -> Job:
        entries: dict[str, Entry] = {}
        if spec.direction != "download" and files:
            targets = [file.target for file in files if file.target]
            above = (name for target in targets for name in ancestors(target))
            existing, _ = await catalogue.stat(list(dict.fromkeys([*targets, *above])))
            entries = {without_slash(entry.lfn): entry for entry in existing}
        for file in files:
            action, reason = await _action(spec, file, entries)
            await on_result(DryRunResult(file.source, file.target, file.size, action, reason, file.error_number))
        return replace(job, checkpoint=event.checkpoint) if event else job

    await Expansion(job, catalogue, add).run()


async def _action(spec: JobSpec, file: NewTransfer, entries: Mapping[str, Entry]) -> tuple[DryRunAction, str]:
    if file.problem:
        return "fail", file.problem
    try:
        if spec.direction == "download":
            return await asyncio.to_thread(_download_action, spec, file)
        for name in ancestors(file.target) if file.target else ():
            if (found := entries.get(name)) and not found.is_directory:
                return "refuse", f"{name} is a file in the catalogue, not a directory"
        return await asyncio.to_thread(_registration_action, spec, file, entries.get(file.target))
    except AliendError as error:
        return "fail", str(error)
    except OSError as error:
        return "fail", str(disk_error(error, file.target))


def _download_action(spec: JobSpec, file: NewTransfer) -> tuple[DryRunAction, str]:
    target = Path(file.target)
    if not target.exists() and not target.is_symlink():
        nearest = next(above for above in target.parents if above.exists())
        return ("copy", "") if nearest.is_dir() else ("refuse", f"{nearest} is not a directory")
    if target.is_symlink() or not target.is_file():
        return "refuse", f"{target} exists and is not a regular file; choose another name"
    is_same = bool(file.md5) and target.stat().st_size == file.size and _md5(target) == file.md5
    return _by_policy(spec, file, is_same=is_same)


def _registration_action(spec: JobSpec, file: NewTransfer, entry: Entry | None) -> tuple[DryRunAction, str]:
    """Return the action for an upload, or for a copy within the catalogue; `entry` is the existing target."""
    if spec.direction == "upload" and not file.size and not spec.touch_empty:
        return "refuse", "it is empty, and the central service cannot register empty files; use --touch-empty"
    if file.source == file.target and spec.direction == "copy":
        return "refuse", f"{file.source} is both source and target"
    if entry is None:
        return "copy", ""
    if entry.is_directory:
        return "refuse", f"{file.target} is a directory in the catalogue"
    if not file.size:
        return ("refuse", f"{file.target} exists and is not empty") if entry.size else ("keep", "")
    md5 = file.md5
    if spec.direction == "upload" and entry.md5 and entry.size == file.size:
        md5 = _md5(Path(file.source))
    return _by_policy(spec, file, is_same=bool(md5) and (entry.size, entry.md5) == (file.size, md5))


def _by_policy(spec: JobSpec, file: NewTransfer, *, is_same: bool) -> tuple[DryRunAction, str]:
    in_catalogue = spec.direction != "download"
    action, reason = action_for_existing(spec.overwrite, file.target, is_same=is_same, in_catalogue=in_catalogue)
    return "copy" if action == "replace" else action, reason


def _md5(path: Path) -> str:
    return checksum(Checksum(0, str(path)), lambda: None, lambda _: None).md5
