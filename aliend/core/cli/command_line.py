"""Parses command lines: steps separated by `;` and newlines, quotes, comments, pipes to the shell, `!` and aliases.

The language is that of alien.py, with quotes respected everywhere: a step is a command of ours or of the service,
optionally followed by ` | ` and a pipeline for the user's shell, or `!` and a command for that shell. A line that
begins with `#` is a comment. The language has no variables and no patterns.

The aliases are lines `name=value` of `~/.alienpy_aliases`; `#` begins a comment, double quotes are optional.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aliend.errors import UsageError

NO_ALIASES: Mapping[str, str] = {}

_TOKEN = re.compile(
    r"""(?P<bar>(?<=[ \t])\|(?=[ \t]))"""
    r"""|(?P<kept>\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\\'"\n;|]+|\|)"""
    r"""|(?P<end>[;\n])"""
    r"""|(?P<open>['"\\])""",
    re.DOTALL,
)
_JOINED_LINES = re.compile(r"""('[^']*'|"(?:\\.|[^"\\])*"|\\[^\n])|\\\n""", re.DOTALL)
_BLANK = re.compile(r"[ \t\r]*")
_TWO_OPERANDS = frozenset({"find", "find2"})


@dataclass(frozen=True, slots=True)
class Command:
    """A command and its arguments; `pipeline` is a shell command for its output (empty: none)."""

    words: tuple[str, ...]
    pipeline: str = ""


@dataclass(frozen=True, slots=True)
class Shell:
    """A command for the user's shell."""

    text: str


Step = Command | Shell


@dataclass(frozen=True, slots=True)
class _Piece:
    """A step as text: the offset of its first ` | ` (-1: none), its end, and whether a newline ends it."""

    text: str
    bar: int
    end: int
    ends_line: bool


class _OpenQuoteError(Exception):
    """A quote is not closed, or a backslash is last; `args[0]` is its position."""


def parse(text: str, aliases: Mapping[str, str] = NO_ALIASES) -> tuple[Step, ...]:
    """Return the steps of `text`. An alias is expanded only as the name of a command, and not within itself.

    Raises UsageError with the line number if a quote is not closed.
    """
    try:
        return tuple(step for piece in _pieces(text) for step in _steps(piece, aliases))
    except _OpenQuoteError as error:
        line = text.count("\n", 0, error.args[0]) + 1
        where = f"line {line}: " if "\n" in text.strip() else ""
        raise UsageError(f"{where}unclosed quote: {_excerpt(text, error.args[0])}; nothing was done") from None


def parse_args(args: tuple[str, ...], aliases: Mapping[str, str] = NO_ALIASES) -> tuple[Step, ...]:
    """Return the steps of separate arguments: a single one is parsed as text, several are one command."""
    if len(args) == 1:
        return parse(_without_outer_quotes(args[0]), aliases)
    if args and args[0].startswith("!"):
        return (Shell(f"{args[0][1:]} {shlex.join(args[1:])}".strip()),)
    if args and args[0] in aliases:
        return _expand_alias(args[0], f" {shlex.join(args[1:])}", aliases)
    return (Command(_split_find_operand(args)),) if args else ()


def _without_outer_quotes(text: str) -> str:
    """Return the text without one pair of quotes around all of it, which scripts add to a whole command line."""
    line = text.strip()
    quote = line[:1]
    is_quoted = quote in ("'", '"') and len(line) > 2 and line.endswith(quote) and quote not in line[1:-1]
    return line[1:-1] if is_quoted else text


def complete_length(text: str) -> int:
    """Return the length of a partial text that can be executed: up to its last newline outside of quotes."""
    done = 0
    try:
        for piece in _pieces(text):
            if piece.ends_line:
                done = piece.end
    except _OpenQuoteError:
        return done
    return done


def _pieces(text: str) -> Iterator[_Piece]:
    position = 0
    while position < len(text):
        start = position = _BLANK.match(text, position).end()  # type: ignore[union-attr]  # it also matches the empty text
        if text.startswith("#", start):
            newline = text.find("\n", start)
            position = len(text) if newline < 0 else newline + 1
            yield _Piece("", -1, position, newline >= 0)
            continue
        bar, end = -1, ""
        while position < len(text) and not end:
            token = _TOKEN.match(text, position)
            if token is None or token["open"]:
                raise _OpenQuoteError(position)
            if token["bar"] and bar < 0 and position > start:
                bar = position - start
            end = token["end"] or ""
            position = token.end()
        yield _Piece(text[start : position - len(end)], bar, position, end == "\n")


def _steps(piece: _Piece, aliases: Mapping[str, str]) -> tuple[Step, ...]:
    text = piece.text
    if not text.strip():
        return ()
    if text.startswith("!"):
        return (Shell(text[1:].strip()),)
    command, pipeline = text, ""
    if piece.bar >= 0:
        command, pipeline = text[: piece.bar], text[piece.bar + 1 :].strip()
    if command.startswith("{"):
        return (Command((command.strip(),), pipeline),)
    first = command.split(None, 1)[0]
    if first in aliases:
        return _expand_alias(first, text[len(first) :], aliases)
    words = tuple(shlex.split(_JOINED_LINES.sub(r"\1", command)))
    return (Command(_split_find_operand(words), pipeline),)


def _expand_alias(name: str, rest: str, aliases: Mapping[str, str]) -> tuple[Step, ...]:
    others = {other: value for other, value in aliases.items() if other != name}
    return parse(aliases[name] + rest, others)


def _split_find_operand(args: tuple[str, ...]) -> tuple[str, ...]:
    """Split the operand of `find 'DIRECTORY PATTERN'`, which many scripts use; other names may contain blanks."""
    if len(args) == 2 and args[0] in _TWO_OPERANDS and " " in args[1].strip():
        return (args[0], *args[1].split())
    return args


def _excerpt(text: str, position: int) -> str:
    line = text[text.rfind("\n", 0, position) + 1 :].partition("\n")[0].strip()
    return line if len(line) <= 60 else line[:57] + "..."


def parse_aliases(text: str) -> dict[str, str]:
    """Return the aliases in the text of a file; skips lines without a name; the last one of a name counts."""
    aliases = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        name = name.strip()
        if equals and name and not name.startswith("#") and not name.split()[1:]:
            aliases[name] = _unquote(value.strip())
    return aliases


def _unquote(value: str) -> str:
    return value.removeprefix('"').removesuffix('"')
