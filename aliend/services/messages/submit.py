"""Converts a `SubmitJobRequest` to a job specification. Stores nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from aliend.core.catalogue import selection
from aliend.core.catalogue.selection import UNBOUNDED, Selection
from aliend.core.cli.executor import parse_executor
from aliend.core.cli.numbers import LARGEST
from aliend.core.cli.units import MAX_RATE
from aliend.core.connection.context import Context
from aliend.core.copying.locations import (
    PathContext,
    ResolvedPath,
    direction_of,
    is_relative_local,
    parse_storage_spec,
    resolve_path,
)
from aliend.core.copying.plan import plan_pairs
from aliend.core.copying.sync import sync_job
from aliend.core.transfers.job import JobSpec, Purpose
from aliend.core.transfers.overwrite import Overwrite
from aliend.errors import UsageError
from aliend.runtime import Runtime
from aliend.services.messages.limits import require_priority, require_rate
from aliend.services.messages.times import milliseconds_of, seconds_of
from aliend.v1 import transfers_pb2

_PURPOSES: dict[int, Purpose] = {
    transfers_pb2.PURPOSE_REPLICATE: "replicate",
    transfers_pb2.PURPOSE_MIRROR: "mirror",
    transfers_pb2.PURPOSE_SYNC: "sync",
}
OVERWRITES: dict[int, Overwrite] = {
    transfers_pb2.OVERWRITE_ALWAYS: "always",
    transfers_pb2.OVERWRITE_CHANGED: "changed",
}


MAX_SOURCES = 10_000
MAX_TIMEOUT = 30 * 86400.0
"""Seconds."""
MAX_VALUES = {
    "parallel": 1000,
    "umask": 0o777,
    "retries": 1000,
    "chunks": 64,
    "chunk_size": 64 << 20,
    "streams": 15,
    "parents": 100,
    "strip": 100,
    "min_rate": MAX_RATE,
}
"""The largest values of the numbers in a request."""
MAX_EXCLUDED, MAX_TEXT = 1000, 4096
"""The most texts, patterns or regular expressions that exclude files, and the most characters of a text."""
SELECTION_TEXTS = ("pattern", "regex", "name", "user", "group", "site")
SELECTION_LISTS = ("exclude_texts", "exclude_patterns", "exclude_regexes")
SELECTION_NUMBERS = ("grid_job_id", "min_size", "max_size", "min_depth", "max_depth", "limit", "offset")


async def job_spec(runtime: Runtime, request: transfers_pb2.SubmitJobRequest) -> JobSpec:
    """Return the job with absolute names, in the daemon's own context. Raises UsageError, and errors of the session."""
    purpose = _PURPOSES.get(request.purpose, "copy")
    if request.targets and purpose != "copy":
        raise UsageError("SubmitJob: `targets` is valid only for copies")
    if request.targets and len(request.targets) != len(request.sources):
        raise UsageError(
            f"SubmitJob: {len(request.sources)} sources need the same number of targets, not {len(request.targets)}"
        )
    if request.targets and request.target:
        raise UsageError("SubmitJob takes `target` or `targets`, not both")
    stays = purpose in ("replicate", "mirror")
    names = [*request.targets] or [request.sources[0] if stays and request.sources else request.target]
    if not request.sources or not all(names):
        raise UsageError("SubmitJob needs at least one source and a target")
    _require_short(request.exclude, "SubmitJob: exclude")
    if request.exclude and purpose != "sync":
        raise UsageError("SubmitJob: only SYNC takes `exclude`; a copy has `selection`")
    if not stays:
        _require_prefixes(names)
    _check_numbers(request)
    context = runtime.context(None)
    if not runtime.central_sessions.is_connected(context):
        await runtime.tokens.ensure(context)
    paths = await _path_context(runtime, request, context, [*request.sources, *names])
    sources, targets = ([resolve_path(name, paths) for name in some] for some in (request.sources, names))
    if stays:
        _check_replicas(sources, request.storage)
    template = replace(_template(request, runtime.umask), context=context, purpose=purpose)
    if purpose == "sync":
        return _sync_spec(template, request, sources, targets[0])
    if request.targets:
        return plan_pairs(template, list(zip(sources, targets, strict=True)))
    return replace(
        template,
        direction=direction_of(sources, targets[0]),
        sources=tuple(source.name for source in sources),
        target=targets[0].name,
        storage=template.storage or targets[0].storage,
    )


async def _path_context(
    runtime: Runtime, request: transfers_pb2.SubmitJobRequest, context: Context, names: Sequence[str]
) -> PathContext:
    """Return the base of relative names; the session is read only for relative LFNs."""
    if not os.path.isabs(request.cwd) and any(is_relative_local(name) for name in names):  # noqa: PTH117 - text
        raise UsageError("SubmitJob needs an absolute `cwd` for a relative local name")
    directory = home = "/"
    if any(not name.startswith(("file:", "/")) for name in names):
        state = await runtime.sessions.state(request.session or "default", context)
        directory, home = state.directory, state.home
    return PathContext(directory, home, request.cwd or "/")


def _template(request: transfers_pb2.SubmitJobRequest, umask: int) -> JobSpec:
    """Return the job without its names; `umask` is for a request without one."""
    return JobSpec(
        direction="download",
        sources=(),
        target="",
        overwrite=OVERWRITES.get(request.overwrite, "never"),
        storage=parse_storage_spec(request.storage),
        parallel=request.parallel,
        priority=request.priority,
        umask=request.umask if request.HasField("umask") else umask,
        strict=request.strict,
        timeout=seconds_of(request.timeout, "timeout", MAX_TIMEOUT),
        retries=request.retries if request.HasField("retries") else -1,
        min_rate=request.min_rate,
        verify=request.verify,
        recovery=not request.no_recovery,
        whole_archives=request.whole_archives,
        http=request.http,
        chunks=request.chunks,
        chunk_size=request.chunk_size,
        streams=request.streams,
        touch_empty=request.touch_empty,
        rate=request.rate,
        selection=selection_of(request.selection),
        parents=request.parents,
        strip=request.strip,
        delete=request.delete,
        label=request.label,
        executor=parse_executor(request.executor, request.cwd),
    )


def _sync_spec(
    template: JobSpec, request: transfers_pb2.SubmitJobRequest, sources: Sequence[ResolvedPath], target: ResolvedPath
) -> JobSpec:
    if len(sources) != 1:
        raise UsageError("SubmitJob: SYNC takes one source, a directory")
    if request.HasField("selection"):
        raise UsageError("SubmitJob: SYNC takes `exclude` instead of `selection`")
    return sync_job(template, sources[0], target, delete=request.delete, exclude=request.exclude)


def selection_of(message: transfers_pb2.Selection) -> Selection:
    """Return the selection. Raises UsageError."""
    for name in SELECTION_NUMBERS:
        if getattr(message, name) > LARGEST:
            raise UsageError(f"selection: {name} must be less than 2^63")
    for name in SELECTION_TEXTS:
        _require_short([getattr(message, name)], f"selection: {name}")
    for name in SELECTION_LISTS:
        _require_short(getattr(message, name), f"selection: {name}")
    if sum(map(bool, (message.pattern, message.regex, message.name))) > 1:
        raise UsageError("selection: set only one of pattern, regex and name")
    regex = selection.require_regex(message.regex, "selection.regex") if message.regex else ""
    return Selection(
        glob=message.pattern,
        regex=selection.regex_of_name(message.name, "selection.name") if message.name else regex,
        literal=selection.literal_of_name(message.name) if message.name else "",
        texts_out=_require_not_empty(message.exclude_texts, "exclude_texts"),
        patterns_out=_require_not_empty(message.exclude_patterns, "exclude_patterns"),
        regexes_out=tuple(
            selection.require_regex(text, "selection.exclude_regexes") for text in message.exclude_regexes
        ),
        user=selection.require_account(message.user, "selection.user"),
        group=selection.require_account(message.group, "selection.group"),
        job=str(message.grid_job_id) if message.HasField("grid_job_id") else "",
        sizes=_bounds(message, "min_size", "max_size"),
        depths=_bounds(message, "min_depth", "max_depth"),
        times_ms=_times(message),
        limit=message.limit,
        offset=message.offset,
        site=message.site,
    )


def _bounds(message: transfers_pb2.Selection, least: str, most: str) -> tuple[int, int]:
    low, high = getattr(message, least), getattr(message, most) if message.HasField(most) else UNBOUNDED
    if low > high:
        raise UsageError(f"selection: {least} is greater than {most}, which excludes every file")
    return low, high


def _times(message: transfers_pb2.Selection) -> tuple[int, int]:
    least, most = milliseconds_of(message.min_change_time), UNBOUNDED
    if message.HasField("max_change_time"):
        most = milliseconds_of(message.max_change_time)
    if least > most:
        raise UsageError("selection: min_change_time is after max_change_time, which excludes every file")
    return least, most


def _require_prefixes(targets: Sequence[str]) -> None:
    """Raise UsageError for a target without `file:` or `alien:`: a local path would be copied within the grid."""
    for target in targets:
        if not target.startswith(("file:", "alien:")):
            raise UsageError(f"SubmitJob: the target {target!r} must begin with `file:` or `alien:`")


def _check_numbers(request: transfers_pb2.SubmitJobRequest) -> None:
    """Raise UsageError for a number beyond its limit."""
    for name, most in MAX_VALUES.items():
        if getattr(request, name) > most:
            raise UsageError(f"SubmitJob: {name} must be at most {most}, not {getattr(request, name)}")
    require_priority(request.priority)
    if len(request.sources) > MAX_SOURCES:
        raise UsageError(f"SubmitJob: a job has at most {MAX_SOURCES} sources, not {len(request.sources)}")
    require_rate(request.rate)


def _require_not_empty(texts: Sequence[str], what: str) -> tuple[str, ...]:
    if not all(texts):
        raise UsageError(f"selection: an empty text in {what} would exclude every file")
    return tuple(texts)


def _require_short(texts: Sequence[str], what: str) -> None:
    """Raise UsageError for too many texts, or a text that is too long: each is compared with each file."""
    if len(texts) > MAX_EXCLUDED:
        raise UsageError(f"{what} has at most {MAX_EXCLUDED} texts, not {len(texts)}")
    if (longest := max(map(len, texts), default=0)) > MAX_TEXT:
        raise UsageError(f"{what} has at most {MAX_TEXT} characters, not {longest}")


def _check_replicas(sources: Sequence[ResolvedPath], storage: str) -> None:
    if any(source.side == "local" for source in sources):
        raise UsageError("SubmitJob: only files of the catalogue have replicas")
    if not parse_storage_spec(storage):
        raise UsageError("SubmitJob: a replication requires `storage`, the storage of the new replicas")
