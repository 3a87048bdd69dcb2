"""Which files below a directory are wanted: one value, for files of the catalogue and of this machine alike. Pure.

    pattern   `*` is any text, slashes included; it begins at a component's begin and reaches to the end of the name.
              One without `*` may stand anywhere, as with `find`.
    regex     is searched anywhere in the name below the directory, with or without a slash before it
    name      begin_X_contain_Y_ends_Z_ext_E: the file's own name (extension E) begins, contains, ends so

What is read of the service is narrowed by `Selection.service_pattern`; `matches` decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aliend.core.catalogue.entries import Entry
from aliend.core.cli.options import Option, ParsedOptions
from aliend.core.cli.units import parse_size, parse_time
from aliend.errors import BadPattern, UsageError

UNBOUNDED = 2**63 - 1
"""A largest size, time or depth that excludes nothing."""

OPTIONS: Mapping[str, Option] = {
    "-glob": Option("glob", "a pattern"),
    "-select": Option("select", "a regular expression"),
    "-name": Option("name", "words as in begin_X_ext_root"),
    "-exclude": Option("exclude", "a text"),
    "-exclude_re": Option("exclude_re", "a regular expression"),
    "-user": Option("user", "a user's name"),
    "-group": Option("group", "a group's name"),
    "-jobid": Option("jobid", "a job's number"),
    "-minsize": Option("minsize", "a size"),
    "-maxsize": Option("maxsize", "a size"),
    "-mindepth": Option("mindepth", "a number"),
    "-maxdepth": Option("maxdepth", "a number"),
    "-min-ctime": Option("min-ctime", "a time"),
    "-max-ctime": Option("max-ctime", "a time"),
}
"""The options that `selection_of` reads."""

_VERBS = re.compile(r"(?:^|_)(begin|contain|ends|ext)(?:_|$)")
_ACCOUNT = re.compile(r"[\w.@-]+")
_PLAIN_REGEX = re.compile(r"(?:[^\\^$.|?*+()\[\]{}]|\\[^\w\s]|\.[*+]?|\^|\$)*")
"""Regular expressions that the service's patterns can express."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of one file: its name `below` the directory (no leading slash), and what a selection may ask for.

    `size` in bytes, `changed_ms` POSIX milliseconds, `job` the number of the job that made it (empty: none).
    """

    name: str
    size: int = 0
    changed_ms: int = 0
    owner: str = ""
    group: str = ""
    job: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Bounds are inclusive; empty texts ask for nothing. A depth is the number of directories between.

    `limit` (0: none) and `offset` count the files of one source that match, in the order in which they are found;
    `site` wants the service to leave out files without replicas and to begin with those near that site. `literal` is a
    text that every match is known to contain.
    """

    glob: str = ""
    regex: str = ""
    patterns_out: tuple[str, ...] = ()
    texts_out: tuple[str, ...] = ()
    regexes_out: tuple[str, ...] = ()
    user: str = ""
    group: str = ""
    job: str = ""
    sizes: tuple[int, int] = (0, UNBOUNDED)
    depths: tuple[int, int] = (0, UNBOUNDED)
    times_ms: tuple[int, int] = (0, UNBOUNDED)
    limit: int = 0
    offset: int = 0
    site: str = ""
    literal: str = ""

    def matches(self, facts: Candidate) -> bool:
        """Whether the file is wanted."""
        return (
            self._is_within(facts)
            and (not self.glob or matches_pattern(self.glob, facts.name))
            and (not self.regex or _search(self.regex, facts.name))
            and not any(text in facts.name for text in self.texts_out)
            and not any(matches_pattern(pattern, facts.name) for pattern in self.patterns_out)
            and not any(_search(regex, facts.name) for regex in self.regexes_out)
        )

    def _is_within(self, facts: Candidate) -> bool:
        return (
            self.sizes[0] <= facts.size <= self.sizes[1]
            and self.times_ms[0] <= facts.changed_ms <= self.times_ms[1]
            and self.depths[0] <= facts.name.count("/") <= self.depths[1]
            and self.user in ("", facts.owner)
            and self.group in ("", facts.group)
            and self.job in ("", facts.job)
        )

    @property
    def service_pattern(self) -> str:
        """A pattern for the service's `find` that finds at least every file that matches.

        It begins with none of `*/_`: the service would not find with a slash what lies directly in the directory.
        """
        pattern = self.literal or self.glob or _pattern_of_regex(self.regex)
        return "*" if "\\" in pattern else pattern.lstrip("*/_") or "*"


class Window:
    """Counts the files of one source that match, so that `offset` are left out and `limit` taken."""

    def __init__(self, selection: Selection) -> None:
        self._skip = selection.offset
        self._left = selection.limit or UNBOUNDED

    @property
    def is_full(self) -> bool:
        """Whether no more files are wanted."""
        return not self._left

    def accept(self) -> bool:
        """Whether the next file that matches is taken."""
        if self._skip:
            self._skip -= 1
            return False
        if self._left:
            self._left -= 1
            return True
        return False


def candidate_of(entry: Entry, name: str) -> Candidate:
    """What is known of a file of the catalogue."""
    return Candidate(name, entry.size, entry.changed_ms, entry.owner, entry.group, entry.job)


def matches_pattern(pattern: str, name: str) -> bool:
    """Whether a pattern fits the name below a directory."""
    if "*" not in pattern:
        return pattern in f"/{name}"
    text = ".*".join(map(re.escape, pattern.removeprefix("/").split("*")))
    return re.search(f"(?:^|/){text}\\Z", name, re.DOTALL) is not None


def split_pattern(name: str) -> tuple[str, str]:
    """A name with `*` as the directory before the first component with `*` (ends in `/`), and the pattern."""
    directory, slash, _ = name.partition("*")[0].rpartition("/")
    return directory + slash, name[len(directory) + len(slash) :]


def selection_of(given: ParsedOptions, now_ms: int) -> Selection:
    """The selection that the options of `OPTIONS` ask for. Raises UsageError, also for more than one kind of names."""
    kinds = [f"-{key}" for key in ("glob", "select", "name") if given.has(key)]
    if len(kinds) > 1:
        raise UsageError(f"{given.command}: {' and '.join(kinds)} exclude each other; give one of them")
    return Selection(
        glob=_not_empty(given, "glob"),
        regex=_regex(given, "select", given.last("select")) if given.has("select") else _name(given),
        literal=literal_of_name(given.last("name")) if given.has("name") else "",
        texts_out=tuple(filter(None, given.all("exclude"))),
        regexes_out=tuple(_regex(given, "exclude_re", text) for text in given.all("exclude_re")),
        user=_account(given, "user"),
        group=_account(given, "group"),
        job=str(given.number("jobid", 0)) if given.has("jobid") else "",
        sizes=_bounds(given, "minsize", "maxsize", parse_size),
        depths=_bounds(given, "mindepth", "maxdepth", _depth_of),
        times_ms=_bounds(given, "min-ctime", "max-ctime", lambda text, what: parse_time(text, now_ms, what)),
    )


def regex_of_name(text: str) -> str:
    """The regular expression of the words `begin_X_contain_Y_ends_Z_ext_E`. Raises UsageError.

    A value may contain `_`; it ends where the next verb begins. Each `contain` must be met, in any order.
    """
    values: dict[str, list[str]] = {}
    for verb, value in _parse_name(text):
        values.setdefault(verb, []).append(re.escape(value))
    begin, ends = "".join(values.get("begin", [])), "".join(values.get("ends", []))
    extension = "".join(f"\\.{value}" for value in values.get("ext", []))
    within = "".join(f"(?=[^/]*{value}[^/]*{extension}$)" for value in values.get("contain", []))
    return f"(?:^|/)(?={begin}){within}[^/]*{ends}{extension}$"


def literal_of_name(text: str) -> str:
    """The longest text that every name which these words describe contains. Raises UsageError."""
    return max((value for _, value in _parse_name(text)), key=len)


def require_regex(text: str, what: str) -> str:
    """The same text; `what` names it. Raises BadPattern, UsageError for an empty one."""
    try:
        re.compile(text)
    except re.error as error:
        raise BadPattern(f"{what} {text!r} is no regular expression: {error}") from None
    if not text:
        raise UsageError(f"{what} needs a regular expression that is not empty")
    return text


def require_account(text: str, what: str) -> str:
    """The same text, empty or a name of a user or group. Raises UsageError."""
    if text and not _ACCOUNT.fullmatch(text):
        raise UsageError(f"{what} needs a name, not {text!r}")
    return text


def _parse_name(text: str) -> list[tuple[str, str]]:
    """Verbs with their values."""
    parts = _VERBS.split(text)
    pairs = list(zip(parts[1::2], parts[2::2], strict=True))
    once = [verb for verb, _ in pairs if verb != "contain"]
    if not pairs or parts[0] or not all(value for _, value in pairs):
        raise UsageError(
            "-name takes the words begin, contain, ends and ext, each with a value, as in "
            f"begin_Analysis_ext_root, not {text!r}"
        )
    if len(set(once)) < len(once):
        raise UsageError(f"-name takes begin, ends and ext once each, not {text!r}")
    return pairs


def _bounds(given: ParsedOptions, least: str, most: str, read: Callable[[str, str], int]) -> tuple[int, int]:
    values = [read(given.last(key), f"{given.command}: -{key}") if given.has(key) else None for key in (least, most)]
    low, high = values[0] or 0, UNBOUNDED if values[1] is None else values[1]
    if low > high:
        raise UsageError(f"{given.command}: -{least} is above -{most}; no file can be both")
    return low, high


def _depth_of(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{what} is a number of directories (0: directly inside), not {text!r}")
    return int(text)


def _not_empty(given: ParsedOptions, key: str) -> str:
    if given.has(key) and not given.last(key):
        raise UsageError(f"{given.command}: -{key} needs a text that is not empty")
    return given.last(key)


def _name(given: ParsedOptions) -> str:
    return regex_of_name(given.last("name")) if given.has("name") else ""


def _account(given: ParsedOptions, key: str) -> str:
    return require_account(_not_empty(given, key), f"{given.command}: -{key}")


def _regex(given: ParsedOptions, key: str, text: str) -> str:
    return require_regex(text, f"{given.command}: -{key}")


def _search(regex: str, name: str) -> bool:
    return re.search(regex, name) is not None or re.search(regex, f"/{name}") is not None


def _pattern_of_regex(regex: str) -> str:
    """A pattern of the service that finds at least what the regular expression finds; `*` where it is not simple."""
    if not regex or not _PLAIN_REGEX.fullmatch(regex):
        return "*"
    pieces = re.findall(r"\\.|\.[*+]|.", regex)
    return "".join(map(_piece, pieces)) or "*"


def _piece(piece: str) -> str:
    match piece:
        case ".*" | ".+":
            return "*"
        case "." | "\\\\":
            return "_"
        case "^" | "$":
            return ""
        case _:
            return piece[-1]
