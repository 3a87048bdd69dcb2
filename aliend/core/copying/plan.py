"""Plans transfer jobs from the arguments of `cp`. Pure: `exists` checks for local files.

Files with the same direction, pattern and storage specification form one job; usually there is only one.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from aliend.core.catalogue.paths import MISREAD, is_misread
from aliend.core.catalogue.selection import split_pattern
from aliend.core.cli.escaping import is_text, visible
from aliend.core.cli.executor import check_executor
from aliend.core.copying.arguments import STDIO, CopyArguments, InputLine
from aliend.core.copying.locations import (
    PathContext,
    ResolvedPath,
    direction_of,
    parse_storage_spec,
    require_explicit_target,
    resolve_path,
)
from aliend.core.copying.sync import overlap
from aliend.core.copying.target_paths import join, without_common_parents
from aliend.core.transfers.job import Direction, JobSpec
from aliend.errors import UsageError

_LONGEST_LABEL = 64

Exists = Callable[[str], bool]
"""Returns whether a local file or directory with an absolute name exists."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One source with its pattern (empty: none), its target, and its storage specification."""

    direction: Direction
    source: str
    pattern: str
    target: str
    storage: str

    @property
    def kind(self) -> tuple[Direction, str, str]:
        """Return the properties that all items of a job share."""
        return self.direction, self.pattern, self.storage


def plan_jobs(args: CopyArguments, context: PathContext, exists: Exists) -> list[JobSpec]:
    """Return the jobs for the arguments, without those of an input file. Raises UsageError."""
    sources = [_source(arg, args, context, exists) for arg in args.sources]
    if not sources:
        return []
    target = _target(args.target, args, context, [source for source, _ in sources])
    if not args.drops_common_parents:
        many = len(sources) > 1 and any(pattern != sources[0][1] for _, pattern in sources)
        ending = "/" if many or any(pattern for _, pattern in sources) else ""
        items = [_item(source, pattern, target, args.storage, ending=ending) for source, pattern in sources]
        direction_of([source for source, _ in sources], target)
        return [replace(spec, targets=()) for spec in _grouped(args.spec, items, items[0].target)]
    names = without_common_parents(tuple(source.name + pattern for source, pattern in sources))
    targets = [replace(target, name=join(target.name, _directory(name))) for name in names]
    items = [
        _item(source, pattern, file_target, args.storage)
        for (source, pattern), file_target in zip(sources, targets, strict=True)
    ]
    return _grouped(args.spec, items, target.name)


def plan_input_jobs(
    args: CopyArguments, lines: Sequence[InputLine], context: PathContext, exists: Exists
) -> tuple[list[JobSpec], list[str]]:
    """Return the jobs of an input file, and a message for each invalid line with its number."""
    items: list[_Item] = []
    without_target: list[tuple[int, ResolvedPath, str]] = []
    problems: list[str] = []
    for line in lines:
        try:
            source, pattern = _source(line.source, args, context, exists)
            if line.target:
                target = _target(line.target, args, context, [source])
                items.append(_item(source, pattern, target, args.storage))
            else:
                without_target.append((line.number, source, pattern))
        except UsageError as error:
            problems.append(f"line {line.number}: {error}")
    if without_target:
        target = _target(args.target, args, context, [source for _, source, _ in without_target])
        names = without_common_parents(tuple(source.name + pattern for _, source, pattern in without_target))
        for (number, source, pattern), name in zip(without_target, names, strict=True):
            try:
                file_target = replace(target, name=join(target.name, _directory(name)))
                items.append(_item(source, pattern, file_target, args.storage))
            except UsageError as error:
                problems.append(f"line {number}: {error}")
    return _grouped(args.spec, items, ""), problems


def plan_pairs(template: JobSpec, pairs: Sequence[tuple[ResolvedPath, ResolvedPath]]) -> JobSpec:
    """Return the one job in which each source has its own target. Raises UsageError if one job is not enough."""
    items = [_item(source, "", target, template.storage) for source, target in pairs]
    jobs = _grouped(template, items, "")
    if len(jobs) != 1:
        raise UsageError("all files of one job need the same direction and storage specification; submit several jobs")
    return jobs[0]


def check_spec(spec: JobSpec) -> None:
    """Raise UsageError if the job is impossible."""
    if len(spec.label) > _LONGEST_LABEL or not spec.label.isprintable():
        raise UsageError(f"a label has at most {_LONGEST_LABEL} printable characters, not {spec.label!r}")
    check_executor(spec.executor)
    if spec.purpose == "sync" and len(spec.sources) != 1:
        raise UsageError("a synchronisation needs exactly one source, a directory")
    if spec.purpose == "sync" and spec.direction == "copy" and overlap(spec.sources[0], spec.target):
        raise UsageError(f"cannot synchronise {spec.sources[0]} with {spec.target}: one contains the other")
    if spec.delete and spec.purpose != "sync":
        raise UsageError("only a synchronisation can delete files at its target")
    if not spec.sources or not spec.target:
        raise UsageError("a transfer needs at least one source and a target")
    local = {"upload": spec.sources, "download": (spec.target, *spec.targets)}.get(spec.direction, ())
    for name in (*spec.sources, spec.target, *spec.targets):
        if not name.startswith("/") or "\0" in name:
            raise UsageError(f"{name!r} is not an absolute path")
        if name not in local and not is_text(name):
            raise UsageError(f"'{visible(name)}' is not valid UTF-8, which the catalogue requires")
    for name in () if spec.direction == "download" else (spec.target, *spec.targets):
        if is_misread(name):
            raise UsageError(f"{name}: {MISREAD}")


def _target(arg: str, args: CopyArguments, context: PathContext, sources: Sequence[ResolvedPath]) -> ResolvedPath:
    """Resolve a target. If the sources are in the catalogue, a catalogue target must be explicit (`alien:`)."""
    target = resolve_path(arg, context, no_storage=bool(args.storage))
    if target.side == "catalogue" and any(source.side == "catalogue" for source in sources):
        require_explicit_target(arg)
    return target


def _source(arg: str, args: CopyArguments, context: PathContext, exists: Exists) -> tuple[ResolvedPath, str]:
    """Return a source and its pattern. An existing local file whose name contains `*` is that file."""
    if arg == STDIO:
        return ResolvedPath("local", "/dev/stdin"), ""
    source = resolve_path(arg, context, no_storage=bool(args.storage))
    if "*" not in source.name or (source.side == "local" and exists(source.name)):
        return source, ""
    if args.spec.selection.glob or args.spec.selection.regex:
        raise UsageError(f"{arg}: a path with * cannot be combined with -glob, -select or -name")
    directory, pattern = split_pattern(source.name)
    return replace(source, name=directory), pattern


def _item(source: ResolvedPath, pattern: str, target: ResolvedPath, storage: str, *, ending: str = "") -> _Item:
    direction = direction_of([source], target)
    if direction == "copy" and source.storage:
        raise UsageError(f"{source.name}: @{source.storage} must follow the target, not the source")
    own = source.storage if direction == "download" else target.storage
    end = ending or ("/" if pattern or source.name.endswith("/") else "")
    return _Item(
        direction,
        source.name,
        pattern,
        target.name.rstrip("/") + "/" if end else target.name,
        parse_storage_spec(storage) or own,
    )


def _directory(name: str) -> str:
    """Return the target up to its first component with a pattern; that directory is then the target."""
    return split_pattern(name)[0] if "*" in name else name


def _grouped(template: JobSpec, items: Sequence[_Item], whole: str) -> list[JobSpec]:
    """Return a job for each kind of items; `whole` is the target that stands for all (empty: their common parent)."""
    groups: dict[tuple[Direction, str, str], list[_Item]] = {}
    for item in items:
        groups.setdefault(item.kind, []).append(item)
    return [_job(template, group, whole or _common([item.target for item in group])) for group in groups.values()]


def _job(template: JobSpec, group: Sequence[_Item], whole: str) -> JobSpec:
    first = group[0]
    selection = replace(template.selection, glob=first.pattern) if first.pattern else template.selection
    return replace(
        template,
        direction=first.direction,
        sources=tuple(item.source for item in group),
        target=whole,
        targets=tuple(item.target for item in group),
        storage=first.storage,
        selection=selection,
    )


def _common(targets: Sequence[str]) -> str:
    if len(targets) == 1:
        return targets[0]
    return posixpath.commonpath(targets).rstrip("/") + "/"
