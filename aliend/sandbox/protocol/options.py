"""The option parser of the central service's commands (jopt-simple's rules; wire specification, section 2.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from aliend.sandbox.errors import BadOptionsError


@dataclass(frozen=True, slots=True)
class OptionSet:
    """The options of one command: flags, options with a value, and which of these may be repeated.

    An `optional` one takes the next argument as its value, unless that is an option; one of `optional_numbers` takes a
    negative number too.
    """

    flags: frozenset[str] = frozenset()
    valued: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    optional_numbers: frozenset[str] = frozenset()

    def recognise(self, text: str) -> str | None:
        """Return the option that `text` names, in full or as an unambiguous abbreviation; None if none matches."""
        names = self.flags | self.valued | self.optional
        if text in names:
            return text
        candidates = [name for name in names if text and name.startswith(text)]
        return candidates[0] if len(candidates) == 1 else None


@dataclass(slots=True)
class ParsedOptions:
    """The given options with their values in order, and the operands."""

    values: dict[str, list[str]] = field(default_factory=dict)
    operands: list[str] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        """Return whether one of these options was given."""
        return any(name in self.values for name in names)

    def value(self, name: str) -> str | None:
        """Return the value of an option (the last one if it was repeated), or None."""
        values = self.values.get(name)
        return values[-1] if values else None

    def integer(self, name: str, bits: int = 64) -> int | None:
        """Return the value of an option as a number. Raises BadOptionsError with the parser's text."""
        text = self.value(name)
        if text is None:
            return None
        number = integer(text, bits)
        if number is None:
            raise BadOptionsError(f"Cannot parse argument '{text}' of option {name}")
        return number


def integer(text: str, bits: int = 64) -> int | None:
    """Return the signed number of at most `bits` bits that a text is for the service, or None."""
    if re.fullmatch(r"[+-]?[0-9]{1,20}", text) is None:
        return None
    number = int(text)
    return number if -(1 << bits - 1) <= number < 1 << bits - 1 else None


def yes_or_no(text: str) -> bool | None:
    """Return what a text means as a switch for the service, which looks at the first letter, or None."""
    first = text[:1].lower()
    if first in ("t", "y", "1") or text.lower() == "on":
        return True
    return False if first in ("f", "n", "0") or text.lower() == "off" else None


def option_set(
    flags: str = "", valued: str = "", repeated: str = "", optional: str = "", optional_numbers: str = ""
) -> OptionSet:
    """Return an option set from names separated by spaces; `repeated` options take a value, `optional` ones may."""
    several, numbers = frozenset(repeated.split()), frozenset(optional_numbers.split())
    return OptionSet(
        frozenset(flags.split()),
        frozenset(valued.split()) | several,
        several,
        frozenset(optional.split()) | numbers,
        numbers,
    )


def parse(tokens: Sequence[str], options: OptionSet) -> ParsedOptions:
    """Parse `tokens` into options and operands. Raises BadOptionsError with the parser's text."""
    return _Parser(options, list(tokens)).run()


class _Parser:
    def __init__(self, options: OptionSet, tokens: list[str]) -> None:
        self._options = options
        self._tokens = tokens
        self._parsed = ParsedOptions()

    def run(self) -> ParsedOptions:
        while self._tokens:
            token = self._tokens.pop(0)
            if token == "--":
                self._parsed.operands += self._tokens
                break
            if not token.startswith("-") or token == "-":
                self._parsed.operands.append(token)
            elif token.startswith("--"):
                self._named(token[2:])
            elif self._options.recognise(token[1:].partition("=")[0]):
                self._named(token[1:])
            else:
                self._cluster(token[1:])
        for name, values in self._parsed.values.items():
            if len(values) > 1 and name in self._options.valued - self._options.repeated:
                raise BadOptionsError(f"Found multiple arguments for option {name}, but you asked for only one")
        return self._parsed

    def _named(self, text: str) -> None:
        given, equals, value = text.partition("=")
        name = self._options.recognise(given)
        if name is None:
            raise BadOptionsError(f"{given} is not a recognized option")
        self._take(name, value if equals else None)

    def _cluster(self, letters: str) -> None:
        for letter in letters:
            name = self._options.recognise(letter)
            if name is None:
                raise BadOptionsError(f"{letter} is not a recognized option")
            if name in self._options.valued | self._options.optional:
                break
        for position, letter in enumerate(letters):
            name = self._options.recognise(letter)
            assert name is not None
            rest = letters[position + 1 :]
            if name in self._options.valued | self._options.optional:
                self._take(name, rest.removeprefix("=") or None)
                return
            self._take(name, None)

    def _take(self, name: str, value: str | None) -> None:
        values = self._parsed.values.setdefault(name, [])
        if name in self._options.optional:
            if value is None and self._tokens and self._is_value(name, self._tokens[0]):
                value = self._tokens.pop(0)
            values += [] if value is None else [value]
            return
        if name not in self._options.valued:
            return
        if value is None:
            if not self._tokens:
                raise BadOptionsError(f"Option {name} requires an argument")
            value = self._tokens.pop(0)
        values.append(value)

    def _is_value(self, name: str, token: str) -> bool:
        if name in self._options.optional_numbers and integer(token) is not None:
            return True
        return token == "-" or not token.startswith("-")
