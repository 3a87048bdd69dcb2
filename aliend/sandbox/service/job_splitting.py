"""Plans the jobs of a job description: one job, or a master job with its subjobs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aliend.sandbox.service.jdl import BadDescriptionError, Description, Expression
from aliend.sandbox.state import paths
from aliend.sandbox.state.job_queue import TERMINAL, PlannedJob

_PRODUCTION = re.compile(r"production:(\d+)-(\d+)", re.IGNORECASE)
_COUNTER = re.compile(r"#alien_counter(?:_(\d+)i)?#", re.IGNORECASE)
_MAX_PARTS = 1500
_WAIT, _RUN = 1.0, 2.0


def plan_jobs(description: Description, owner: str) -> tuple[PlannedJob, list[Description]]:
    """Return the job of a description, and the descriptions of its subjobs if it is to be split.

    Raises BadDescriptionError, whose text is the reason for the rejection.
    """
    executable = description.text("Executable")
    if not executable:
        raise BadDescriptionError("The JDL has to indicate an Executable")
    fate = description.text("SandboxError", "DONE").upper()
    if fate not in TERMINAL:
        raise BadDescriptionError(f"SandboxError is not a state in which a job ends: {fate}")
    parts = _parts(description)
    wait, run = description.seconds("SandboxWait", _WAIT), description.seconds("SandboxRun", _RUN)
    name = paths.name(executable)
    return PlannedJob(owner, name, str(description), wait=wait, run=run, final_state="SPLIT" if parts else fate), parts


def plan_part(description: Description, owner: str, master: int) -> PlannedJob:
    """Return the plan of a subjob of a master job."""
    whole, _ = plan_jobs(description, owner)
    return PlannedJob(owner, whole.name, whole.jdl, master, whole.wait, whole.run, whole.final_state)


def _parts(description: Description) -> list[Description]:
    split = description.text("Split")
    if not split:
        return []
    production = _PRODUCTION.fullmatch(split)
    if production:
        first, last = int(production[1]), int(production[2])
        if not 0 <= last - first < _MAX_PARTS:
            raise BadDescriptionError(f"Cannot split into {last - first + 1} jobs")
        return [_part(description, number, []) for number in range(first, last + 1)]
    files = [item.partition(",")[0].removeprefix("LF:") for item in description.items("InputData")]
    groups = _groups(files, split.lower(), int(description.seconds("SplitMaxInputFileNumber", 0)))
    if not groups or len(groups) > _MAX_PARTS:
        raise BadDescriptionError(f"Cannot split by {split} into {len(groups)} jobs")
    return [_part(description, number, group) for number, group in enumerate(groups, 1)]


def _groups(files: Sequence[str], split: str, most: int) -> list[list[str]]:
    by_key: dict[str, list[str]] = {}
    for number, file in enumerate(files):
        key = str(number) if split == "file" else paths.parent(file) if split == "directory" else ""
        by_key.setdefault(key, []).append(file)
    groups = []
    for group in by_key.values():
        size = most or len(group)
        groups += [group[start : start + size] for start in range(0, len(group), size)]
    return groups


def _part(description: Description, counter: int, files: Sequence[str]) -> Description:
    fields = {name: value for name, value in description.fields.items() if not name.lower().startswith("split")}
    part = Description({name: _with_counter(value, counter) for name, value in fields.items()})
    if files:
        part.fields["InputData"] = [f"LF:{file}" for file in files]
    return part


def _with_counter(value: str | list[str], counter: int) -> str | list[str]:
    if isinstance(value, list):
        return [_substitute_counter(item, counter) for item in value]
    return _substitute_counter(value, counter)


def _substitute_counter(text: str, counter: int) -> str:
    filled = _COUNTER.sub(lambda found: f"{counter:0{int(found[1] or 0)}d}", text)
    return Expression(filled) if isinstance(text, Expression) else filled
