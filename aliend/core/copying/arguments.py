"""Parses the arguments of `cp` and the lines of its `-input` file. Pure: nothing is looked up.

Options of alien.py that have no meaning here are accepted with a note, so that scripts keep working.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast, get_args

from aliend.core.catalogue import selection
from aliend.core.cli.options import Option, ParsedOptions, parse_options
from aliend.core.cli.units import parse_rate, parse_size
from aliend.core.transfers.job import MAX_PRIORITY, JobSpec
from aliend.core.transfers.overwrite import Overwrite
from aliend.errors import UsageError

STDIO = "-"
"""Standard input as a source, standard output as a target."""
COMMENTS = ("#", ";", "//")
_PROGRESS = ("none", "line", "bars")
_DAY = 86400.0
IGNORED_OPTIONS = {
    **dict.fromkeys(("-cksum", "-fastcheck", "-skipmd5"), "size and md5 are always compared"),
    "-tpc": "storage elements copy directly to each other if they can",
    **dict.fromkeys(("-xrdcp", "-y", "-t", "-P", "-N", "-n", "-m", "-q", "-v"), "it has no effect here"),
    **dict.fromkeys(("-a", "-s", "-c", "-w", "-wh", "-d"), "it has no effect on copies"),
}
"""Options that are accepted without effect, and why."""
_WITH_VALUE = ("-y", "-t")
_WITH_NUMBER = ("-xrdcp", "-P", "-N", "-n", "-m", "-q")
"""Ignored options that old scripts give with a number, or without."""
_SYNC_OPTIONS = {
    "T": "-T",
    "priority": "--priority",
    "label": "--label",
    "executor": "--executor",
    "detach": "--detach",
    "dryrun": "--dry-run",
    "e": "--exclude",
}
"""Options that `sync` also has, with their names there."""
_RECURSIVE = ("-r", "-R", "--recursive")
"""Accepted silently: directories are always copied recursively."""


def _table() -> dict[str, Option]:
    flags = (
        *("f", "dryrun", "strictspec", "http", "noxrdzip", "norecovery", "verify"),
        *("detach", "touch-empty", "compat-exit", "sync"),
    )
    values = {
        "T": "a number of files",
        "S": "a number of connections",
        "chunks": "a number",
        "chunksz": "a size",
        "timeout": "seconds",
        "retry": "a number",
        "ratethreshold": "bytes a second",
        "parent": "a number",
        "rmprefix": "a number",
        "dst": "a directory",
        "input": "a file",
        "to": "a storage specification",
        "j": "a job's number",
        "l": "a number",
        "o": "a number",
        "site": "a site",
        "e": "a pattern",
        "priority": "a number",
        "limit": "a rate",
        "label": "a label",
        "executor": "local or dask:ADDRESS",
        "overwrite": "never, changed or always",
        "progress": "none, line or bars",
    }
    table = {f"-{name}": Option(name) for name in flags}
    table |= {f"-{name}": Option(name, value_name) for name, value_name in values.items()}
    table |= selection.OPTIONS
    table |= {f"-{name}": option for name, option in table.items() if len(name) > 2}
    table["-force"] = table["--force"] = Option("f")
    table["--dry-run"] = Option("dryrun")
    table["--strict"] = Option("strictspec")
    table |= {
        name: Option(name, "a value" if name in _WITH_VALUE else "", may_take_number=name in _WITH_NUMBER)
        for name in IGNORED_OPTIONS
    }
    return table | {name: Option("recursive") for name in _RECURSIVE}


OPTIONS: Mapping[str, Option] = _table()


@dataclass(frozen=True, slots=True)
class CopyArguments:
    """The parsed arguments of `cp`, not yet resolved. `spec` holds the copy settings; its paths are still empty.

    `target` is empty if each source has its own (with `input`); with `drops_common_parents` the sources' common parent
    directories are left out below `target`. `storage` is the storage specification given apart from the paths.
    `sync_args` are the arguments of `sync`, if that is meant. `notes` are for the user.
    """

    sources: tuple[str, ...]
    target: str
    spec: JobSpec
    input: str = ""
    drops_common_parents: bool = False
    storage: str = ""
    detach: bool = False
    dry_run: bool = False
    compat_exit: bool = False
    progress: str = ""
    sync_args: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InputLine:
    """A line of an input file; `target` is empty if it names a source only."""

    number: int
    source: str
    target: str


def parse_copy(args: Sequence[str], now_ms: int) -> CopyArguments:
    """Parse the arguments of `cp`. Raises UsageError, which names the argument; nothing is ignored silently."""
    options = parse_options("cp", args, OPTIONS)
    sources, target = _sources_and_target(options)
    return CopyArguments(
        sources=sources,
        target=target,
        spec=_spec(options, now_ms),
        input=options.last("input"),
        drops_common_parents=options.has("dst"),
        storage=options.last("to"),
        detach=options.has("detach"),
        dry_run=options.has("dryrun"),
        compat_exit=options.has("compat-exit"),
        progress=_one_of(options, "progress", _PROGRESS),
        sync_args=_sync_args(options) if options.has("sync") else (),
        notes=tuple(f"cp: {name} is ignored: {why}" for name, why in IGNORED_OPTIONS.items() if options.has(name)),
    )


def parse_input(text: str, *, with_target: bool) -> tuple[list[InputLine], list[str]]:
    """Return the lines of an input file, and what is wrong with the others, with their numbers.

    A line is `SOURCE TARGET`, quoted if they contain blanks; empty lines and comments are skipped. If `with_target`,
    the target may be missing.
    """
    lines: list[InputLine] = []
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith(COMMENTS):
            continue
        try:
            fields = shlex.split(line)
        except ValueError as error:
            problems.append(f"line {number}: {str(error).lower()}")
            continue
        if len(fields) == 2 or (len(fields) == 1 and with_target):
            lines.append(InputLine(number, fields[0], fields[1] if len(fields) == 2 else ""))
        else:
            expected = "a source, or a source and a target" if with_target else "a source and a target"
            problems.append(f"line {number}: expected {expected}, found {len(fields)} fields")
    return lines, problems


def _sync_args(options: ParsedOptions) -> tuple[str, ...]:
    """Return the arguments for `sync`. Raises UsageError for options that it does not have."""
    args = ["sync"]
    for key in options.values:
        if key in _SYNC_OPTIONS:
            args += [word for value in options.all(key) for word in (_SYNC_OPTIONS[key], value) if word]
        elif key not in ("sync", "recursive", *IGNORED_OPTIONS):
            raise UsageError(f"cp: --sync and -{key} cannot be combined; see `alienctl help sync`")
    return (*args, "--", *options.operands)


def _sources_and_target(options: ParsedOptions) -> tuple[tuple[str, ...], str]:
    names = options.operands
    if options.has("input"):
        if names:
            raise UsageError(f"cp: unexpected argument {names[0]}: -input reads all paths from the file")
        return (), options.last("dst")
    if options.has("dst"):
        if not names:
            raise UsageError("cp: -dst needs at least one source\nusage: cp [OPTIONS] -dst DIRECTORY SOURCE...")
        return names, options.last("dst")
    if len(names) < 2:
        raise UsageError("cp needs at least one source and a target\nusage: cp [OPTIONS] SOURCE... TARGET")
    if STDIO in names[:-1] and (len(names) > 2 or options.has("dryrun")):
        raise UsageError("cp: standard input (-) must be the only source, and cannot be combined with --dry-run")
    return names[:-1], names[-1]


def _spec(options: ParsedOptions, now_ms: int) -> JobSpec:
    chosen = selection.selection_of(options, now_ms)
    job = str(options.number("j", 0)) if options.has("j") else chosen.job
    if chosen.job and job != chosen.job:
        raise UsageError("cp: -j and -jobid name different jobs; use one of them")
    return JobSpec(
        direction="download",
        sources=(),
        target="",
        overwrite=_overwrite(options),
        parallel=options.number("T", 0, least=1),
        priority=options.number("priority", 0, least=-MAX_PRIORITY),
        rate=parse_rate(options.last("limit")) if options.has("limit") else 0,
        label=options.last("label"),
        executor=options.last("executor"),
        touch_empty=options.has("touch-empty"),
        strict=options.has("strictspec"),
        timeout=_seconds(options),
        retries=0 if options.has("norecovery") else options.number("retry", -1),
        min_rate=_size(options, "ratethreshold"),
        recovery=not options.has("norecovery"),
        verify=options.has("verify"),
        whole_archives=options.has("noxrdzip"),
        http=options.has("http"),
        chunks=options.number("chunks", 0, least=1),
        chunk_size=_size(options, "chunksz"),
        streams=min(options.number("S", 0), 15),
        parents=options.number("parent", 0),
        strip=options.number("rmprefix", 0),
        selection=replace(
            chosen,
            job=job,
            patterns_out=tuple(filter(None, options.all("e"))),
            limit=options.number("l", 0, least=1),
            offset=options.number("o", 0),
            site=options.last("site"),
        ),
    )


def _overwrite(options: ParsedOptions) -> Overwrite:
    if not options.has("overwrite"):
        return "changed" if options.has("f") else "never"
    policies: tuple[Overwrite, ...] = get_args(Overwrite)
    return policies[policies.index(cast(Overwrite, _one_of(options, "overwrite", policies)))]


def _one_of(options: ParsedOptions, key: str, choices: Sequence[str]) -> str:
    if options.has(key) and options.last(key) not in choices:
        raise UsageError(f"cp: --{key} must be one of {', '.join(choices)}, not {options.last(key)!r}")
    return options.last(key)


def _size(options: ParsedOptions, key: str) -> int:
    return parse_size(options.last(key), f"cp: -{key}") if options.has(key) else 0


def _seconds(options: ParsedOptions) -> float:
    if not options.has("timeout"):
        return 0.0
    text = options.last("timeout")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 365 * _DAY:
        raise UsageError(f"cp: -timeout must be a number of seconds (0: no limit), not {text!r}")
    return seconds
