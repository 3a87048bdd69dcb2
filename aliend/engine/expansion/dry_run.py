"""What would become of the files of a job: found out without storing, booking or changing anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from aliend.core.catalogue.entries import Entry
from aliend.core.catalogue.paths import without_slash
from aliend.core.transfers.job import ExpansionAdvanced, Job, JobSpec, JobState
from aliend.engine.expansion.expansion import Expansion
from aliend.engine.ports import CataloguePort
from aliend.errors import AliendError
from aliend.storage.io.local_files import checksum
from aliend.storage.tasks import Checksum
from aliend.store import NewTransfer

DryRunAction = Literal["copy", "keep", "refuse", "fail"]


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """A file of a job and what would become of it; `reason` says why it would not be copied."""

    source: str
    target: str
    size: int
    action: DryRunAction
    reason: str = ""


async def dry_run(
    spec: JobSpec, catalogue: CataloguePort, on_result: Callable[[DryRunResult], Awaitable[None]]
) -> None:
    """Tell of each file of the job. Raises AliendError where its files cannot be found out."""
    job = Job(id=0, spec=spec, state=JobState.EXPANDING, created_ms=0)

    async def add(found: Sequence[NewTransfer], event: ExpansionAdvanced | None) -> Job:
        entries: dict[str, Entry] = {}
        if spec.direction != "download" and found:
            there, _ = await catalogue.stat([one.target for one in found if one.target])
            entries = {without_slash(entry.lfn): entry for entry in there}
        for one in found:
            fate, reason = await _fate(spec, one, entries)
            await on_result(DryRunResult(one.source, one.target, one.size, fate, reason))
        return replace(job, checkpoint=event.checkpoint) if event else job

    await Expansion(job, catalogue, add).run()


async def _fate(spec: JobSpec, one: NewTransfer, entries: Mapping[str, Entry]) -> tuple[DryRunAction, str]:
    if one.problem:
        return "fail", one.problem
    try:
        if spec.direction == "download":
            return await asyncio.to_thread(_fate_of_download, spec, one)
        if spec.direction == "copy":
            return _fate_of_copy(spec, one, entries.get(one.target))
        return await asyncio.to_thread(_fate_of_upload, spec, one, entries.get(one.target))
    except AliendError as error:
        return "fail", str(error)


def _fate_of_download(spec: JobSpec, one: NewTransfer) -> tuple[DryRunAction, str]:
    target = Path(one.target)
    if not target.exists() and not target.is_symlink():
        return "copy", ""
    if target.is_symlink() or not target.is_file():
        return "refuse", f"{target} is in the way and is no file"
    same = bool(one.md5) and target.stat().st_size == one.size and _md5(target) == one.md5
    return _by_policy(spec, one.target, same=same)


def _fate_of_upload(spec: JobSpec, one: NewTransfer, entry: Entry | None) -> tuple[DryRunAction, str]:
    if not one.size and not spec.touch_empty:
        return "refuse", "it is empty; the central service cannot register empty files (see: --touch-empty)"
    if entry is None:
        return "copy", ""
    if entry.is_directory:
        return "refuse", f"{one.target} is a directory in the catalogue"
    same = bool(entry.md5) and entry.size == one.size and _md5(Path(one.source)) == entry.md5
    return _by_policy(spec, one.target, same=same)


def _fate_of_copy(spec: JobSpec, one: NewTransfer, entry: Entry | None) -> tuple[DryRunAction, str]:
    if one.source == one.target:
        return "refuse", f"{one.source} is source and target at once"
    if entry is None:
        return "copy", ""
    if entry.is_directory:
        return "refuse", f"{one.target} is a directory in the catalogue"
    return _by_policy(spec, one.target, same=bool(one.md5) and (entry.size, entry.md5) == (one.size, one.md5))


def _by_policy(spec: JobSpec, target: str, *, same: bool) -> tuple[DryRunAction, str]:
    if same and spec.overwrite != "always":
        return "keep", ""
    if spec.overwrite == "never":
        return "refuse", f"{target} exists and differs; it would be left alone (-f replaces it)"
    return "copy", ""


def _md5(path: Path) -> str:
    return checksum(Checksum(0, str(path)), lambda: None, lambda _: None).md5
