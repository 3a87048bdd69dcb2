"""Selects files below a directory, in the catalogue or on this machine. Pure.

    pattern   `*` matches any text including slashes; the pattern starts at a component and extends to the end of the
              name. A pattern without `*` matches anywhere, as with `find`.
    regex     is searched anywhere in the name below the directory, with or without a leading slash
    name      begin_X_contain_Y_ends_Z_ext_E: criteria for the last component (E is its extension)

`Selection.service_pattern` restricts the listing of the service; `matches` decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aliend.core.catalogue.entries import Entry
from aliend.core.cli.numbers import parse_whole
from aliend.core.cli.options import Option, ParsedOptions
from aliend.core.cli.units import parse_size, parse_time
from aliend.errors import BadPattern, UsageError

UNBOUNDED = 2**63 - 1
"""An upper bound of size, time or depth that excludes nothing."""

OPTIONS: Mapping[str, Option] = {
    "-glob": Option("glob", "a pattern"),
    "-select": Option("select", "a regular expression"),
    "-name": Option("name", "conditions as in begin_X_ext_root"),
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
"""The options of a selection, see `selection_of`."""

_VERBS = re.compile(r"(?:^|_)(begin|contain|ends|ext)(?:_|$)")
_ACCOUNT = re.compile(r"[\w.@-]+")
_PLAIN_REGEX = re.compile(r"(?:[^\\^$.|?*+()\[\]{}]|\\[^\w\s]|\.[*+]?|\^|\$)*")
"""Regular expressions that can be converted to a pattern of the service."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to match: its `name` below the directory (no leading slash), and facts that a selection may test.

    `size` in bytes, `changed_ms` POSIX milliseconds, `job` the grid job that created it (empty: none).
    """

    name: str
    size: int = 0
    changed_ms: int = 0
    owner: str = ""
    group: str = ""
    job: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The criteria. Bounds are inclusive; empty texts match all. The depth is the number of directories between.

    `limit` (0: none) and `offset` count the matching files of one source in the order of the listing; with `site`, the
    service omits files without replicas and lists those near that site first. `literal` is a text that every match
    contains.
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

    def matches(self, candidate: Candidate) -> bool:
        """Return whether the file matches."""
        return (
            self._is_within(candidate)
            and (not self.glob or matches_pattern(self.glob, candidate.name))
            and (not self.regex or _search(self.regex, candidate.name))
            and not any(text in candidate.name for text in self.texts_out)
            and not any(matches_pattern(pattern, candidate.name) for pattern in self.patterns_out)
            and not any(_search(regex, candidate.name) for regex in self.regexes_out)
        )

    def _is_within(self, candidate: Candidate) -> bool:
        return (
            self.sizes[0] <= candidate.size <= self.sizes[1]
            and self.times_ms[0] <= candidate.changed_ms <= self.times_ms[1]
            and self.depths[0] <= candidate.name.count("/") <= self.depths[1]
            and self.user in ("", candidate.owner)
            and self.group in ("", candidate.group)
            and self.job in ("", candidate.job)
        )

    @property
    def service_pattern(self) -> str:
        """Return a pattern for the service's `find` that finds at least every matching file.

        It does not begin with `*`, `/` or `_`: with a slash, the service does not find files directly in the directory.
        """
        pattern = self.literal or self.glob or _pattern_of_regex(self.regex)
        return "*" if "\\" in pattern else pattern.lstrip("*/_") or "*"


class Window:
    """Counts the matching files of one source to apply `offset` and `limit`."""

    def __init__(self, selection: Selection) -> None:
        self._skip = selection.offset
        self._left = selection.limit or UNBOUNDED

    @property
    def is_full(self) -> bool:
        """Return whether the limit is reached."""
        return not self._left

    def accept(self) -> bool:
        """Count the next matching file and return whether it is selected."""
        if self._skip:
            self._skip -= 1
            return False
        if self._left:
            self._left -= 1
            return True
        return False


def candidate_of(entry: Entry, name: str) -> Candidate:
    """Return the candidate for a file of the catalogue."""
    return Candidate(name, entry.size, entry.changed_ms, entry.owner, entry.group, entry.job)


def matches_pattern(pattern: str, name: str) -> bool:
    """Return whether a pattern matches the name below a directory."""
    if "*" not in pattern:
        return pattern in f"/{name}"
    text = ".*".join(map(re.escape, pattern.removeprefix("/").split("*")))
    return re.search(f"(?:^|/){text}\\Z", name, re.DOTALL) is not None


def split_pattern(name: str) -> tuple[str, str]:
    """Split a name with `*` into the directory before the first such component (ends in `/`) and the pattern."""
    directory, slash, _ = name.partition("*")[0].rpartition("/")
    return directory + slash, name[len(directory) + len(slash) :]


def selection_of(options: ParsedOptions, now_ms: int) -> Selection:
    """Return the selection for options of `OPTIONS`. Raises UsageError, also for conflicting options."""
    kinds = [f"-{key}" for key in ("glob", "select", "name") if options.has(key)]
    if len(kinds) > 1:
        raise UsageError(f"{options.command}: {' and '.join(kinds)} cannot be combined; give only one of them")
    return Selection(
        glob=_not_empty(options, "glob"),
        regex=_regex(options, "select", options.last("select")) if options.has("select") else _name(options),
        literal=literal_of_name(options.last("name")) if options.has("name") else "",
        texts_out=tuple(filter(None, options.all("exclude"))),
        regexes_out=tuple(_regex(options, "exclude_re", text) for text in options.all("exclude_re")),
        user=_account(options, "user"),
        group=_account(options, "group"),
        job=str(options.number("jobid", 0)) if options.has("jobid") else "",
        sizes=_bounds(options, "minsize", "maxsize", parse_size),
        depths=_bounds(options, "mindepth", "maxdepth", _depth_of),
        times_ms=_bounds(options, "min-ctime", "max-ctime", lambda text, what: parse_time(text, now_ms, what)),
    )


def regex_of_name(text: str, what: str = "-name") -> str:
    """Return the regular expression for `begin_X_contain_Y_ends_Z_ext_E`. Raises UsageError, which begins with `what`.

    A value may contain `_`; it ends at the next keyword. Each `contain` must match, in any order.
    """
    values: dict[str, list[str]] = {}
    for verb, value in _parse_name(text, what):
        values.setdefault(verb, []).append(re.escape(value))
    begin, ends = "".join(values.get("begin", [])), "".join(values.get("ends", []))
    extension = "".join(f"\\.{value}" for value in values.get("ext", []))
    within = "".join(f"(?=[^/]*{value}[^/]*{extension}$)" for value in values.get("contain", []))
    return f"(?:^|/)(?={begin}){within}[^/]*{ends}{extension}$"


def literal_of_name(text: str) -> str:
    """Return the longest text that every matching name contains. Raises UsageError."""
    return max((value for _, value in _parse_name(text)), key=len)


def require_regex(text: str, what: str) -> str:
    """Return the text. Raises BadPattern, and UsageError for an empty text; `what` names it in the message."""
    try:
        re.compile(text)
    except re.error as error:
        raise BadPattern(f"{what}: invalid regular expression {text!r}: {error}") from None
    if not text:
        raise UsageError(f"{what} needs a non-empty regular expression")
    return text


def require_account(text: str, what: str) -> str:
    """Return the text if it is empty or a name of a user or group. Raises UsageError."""
    if text and not _ACCOUNT.fullmatch(text):
        raise UsageError(f"{what} needs a name, not {text!r}")
    return text


def _parse_name(text: str, what: str = "-name") -> list[tuple[str, str]]:
    """Return the keywords with their values."""
    parts = _VERBS.split(text)
    pairs = list(zip(parts[1::2], parts[2::2], strict=True))
    once = [verb for verb, _ in pairs if verb != "contain"]
    if not pairs or parts[0] or not all(value for _, value in pairs):
        raise UsageError(
            f"{what} takes begin, contain, ends and ext, each with a value, as in begin_Analysis_ext_root, not {text!r}"
        )
    if len(set(once)) < len(once):
        raise UsageError(f"{what} takes begin, ends and ext at most once each, not {text!r}")
    return pairs


def _bounds(options: ParsedOptions, least: str, most: str, read: Callable[[str, str], int]) -> tuple[int, int]:
    values = [
        read(options.last(key), f"{options.command}: -{key}") if options.has(key) else None for key in (least, most)
    ]
    low, high = values[0] or 0, UNBOUNDED if values[1] is None else values[1]
    if low > high:
        raise UsageError(f"{options.command}: -{least} is greater than -{most}, which excludes every file")
    return low, high


def _depth_of(text: str, what: str) -> int:
    number = parse_whole(text)
    if number is None:
        raise UsageError(f"{what} is a number of directories (0: directly in the source), not {text!r}")
    return number


def _not_empty(options: ParsedOptions, key: str) -> str:
    if options.has(key) and not options.last(key):
        raise UsageError(f"{options.command}: -{key} needs a non-empty text")
    return options.last(key)


def _name(options: ParsedOptions) -> str:
    return regex_of_name(options.last("name")) if options.has("name") else ""


def _account(options: ParsedOptions, key: str) -> str:
    return require_account(_not_empty(options, key), f"{options.command}: -{key}")


def _regex(options: ParsedOptions, key: str, text: str) -> str:
    return require_regex(text, f"{options.command}: -{key}")


def _search(regex: str, name: str) -> bool:
    return re.search(regex, name) is not None or re.search(regex, f"/{name}") is not None


def _pattern_of_regex(regex: str) -> str:
    """Return a pattern of the service that matches at least what the regular expression matches, else `*`."""
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
