"""Parses the arguments of a command by a table of its options, which may be anywhere among the operands. Pure.

--name VALUE, --name=VALUE, -name VALUE    by the table; `--` ends the options; `-` alone is an operand

A long option may be written with one dash, as in alien.py, or with two, whatever the table says.

Also suggests similar names for a mistyped one.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from aliend.core.cli.numbers import parse_whole
from aliend.errors import UsageError

_SHORTEST_LONG_NAME = 2


@dataclass(frozen=True, slots=True)
class Option:
    """One option. Spellings with the same `key` are one option; `value_name` describes its value (empty: none).

    With `may_take_number` a whole number behind the option is its value, and any other word is not.
    """

    key: str
    value_name: str = ""
    may_take_number: bool = False


@dataclass(frozen=True, slots=True)
class ParsedOptions:
    """The parsed arguments: the operands in order, and the values of each option (`""` for one without value)."""

    command: str
    operands: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def has(self, key: str) -> bool:
        """Return whether the option was given."""
        return key in self.values

    def all(self, key: str) -> tuple[str, ...]:
        """Return all values of a repeatable option."""
        return self.values.get(key, ())

    def last(self, key: str, default: str = "") -> str:
        """Return the value of an option; the last one counts."""
        return self.values.get(key, (default,))[-1]

    def number(self, key: str, default: int, *, least: int = 0) -> int:
        """Return a whole number of at least `least`. Raises UsageError."""
        if not self.has(key):
            return default
        text = self.last(key)
        number = parse_whole(text, least)
        if number is None:
            name = f"-{key}" if len(key) < _SHORTEST_LONG_NAME else f"--{key}"
            raise UsageError(f"{self.command}: {name} needs a whole number of at least {least}, not {text!r}")
        return number


def parse_options(command: str, args: Sequence[str], table: Mapping[str, Option]) -> ParsedOptions:
    """Return the options and operands of `args`, which do not include the command's name.

    Raises UsageError for an option that is not in the table (with the most similar one) and for a missing value.
    """
    operands: list[str] = []
    values: dict[str, list[str]] = {}
    rest = list(reversed(args))
    while rest:
        word = rest.pop()
        if word == "--":
            operands += reversed(rest)
            break
        if not word.startswith("-") or word == "-":
            operands.append(word)
            continue
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        option = table.get(name) or table.get(other_spelling(name))
        if option is None:
            raise UsageError(unknown_option(command, name, table))
        if option.value_name and not equals:
            if not rest:
                raise UsageError(f"{command}: {name} must be followed by {option.value_name}")
            value = rest.pop()
        elif option.may_take_number and not equals and rest and rest[-1].isdecimal():
            value = rest.pop()
        elif equals and not option.value_name:
            raise UsageError(f"{command}: {name} takes no value")
        values.setdefault(option.key, []).append(value)
    return ParsedOptions(command, tuple(operands), {key: tuple(given) for key, given in values.items()})


def other_spelling(name: str) -> str:
    """Return a long option with two dashes instead of one, or the other way round; a short one unchanged."""
    word = name.lstrip("-")
    if len(word) < _SHORTEST_LONG_NAME:
        return name
    return f"-{word}" if name.startswith("--") else f"--{word}"


_BEFORE_THE_COMMAND = ("--profile", "--session")


def unknown_option(command: str, name: str, table: Mapping[str, Option]) -> str:
    """Return the message for an unknown option."""
    near = difflib.get_close_matches(name, [*table, *_BEFORE_THE_COMMAND], n=1, cutoff=0.5)
    if not near:
        hint = f"see `alienctl help {command}`"
    elif near[0] in _BEFORE_THE_COMMAND:
        hint = f"{near[0]} goes before the command: `alienctl {near[0]} NAME {command} ...`"
    else:
        hint = f"did you mean {near[0]}?"
    return f"{command}: unknown option {name}; {hint}"


_MAX_SUGGESTIONS = 3
_MIN_SIMILARITY = 0.6


def suggestions(word: str, names: Collection[str]) -> list[str]:
    """Return up to three names similar to `word`, most similar first."""
    lower = {name.lower(): name for name in sorted(names, reverse=True)}
    return [lower[near] for near in difflib.get_close_matches(word.lower(), lower, _MAX_SUGGESTIONS, _MIN_SIMILARITY)]
