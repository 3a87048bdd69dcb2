"""Parses job descriptions (JDL): `Name = value;` with a quoted text, a list in braces or an expression as value.

A value ends at the first `;` outside of quotes (wire specification, section 11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FIELD = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*", re.DOTALL)
_COMMENT = re.compile(r"^\s*(#|//).*$", re.MULTILINE)
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TEXT = re.compile(_QUOTED, re.DOTALL)
_VALUE = re.compile(rf'(?:[^";]|{_QUOTED})*', re.DOTALL)
_SEPARATORS = re.compile(r"[\s;]*")
_ARGUMENT = re.compile(r"\$(\d+)")


class BadDescriptionError(Exception):
    """An invalid job description; the text is the reason."""


class Expression(str):
    """An unquoted value in its original spelling: `member(other.GridPartitions,"x")`, `60`."""

    __slots__ = ()


@dataclass(slots=True)
class Description:
    """The fields of a job description in their order; values in braces are lists."""

    fields: dict[str, str | list[str]] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """Return the value of a field (the first element of a list), ignoring the case of its name."""
        value = self._find(name)
        if isinstance(value, list):
            return value[0] if value else default
        return default if value is None else value

    def items(self, name: str) -> list[str]:
        """Return the value of a field as a list."""
        value = self._find(name)
        return value if isinstance(value, list) else [value] if value else []

    def seconds(self, name: str, default: float) -> float:
        """Return the value of a field in seconds, not negative. Raises BadDescriptionError."""
        text = self.text(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError as error:
            raise BadDescriptionError(f"{name} is not a number: {text}") from error
        if not 0 <= value < 1e9:
            raise BadDescriptionError(f"{name} is not a number of seconds: {text}")
        return value

    def _find(self, name: str) -> str | list[str] | None:
        return next((value for key, value in self.fields.items() if key.lower() == name.lower()), None)

    def __str__(self) -> str:
        return "".join(f"    {name} = {_format_value(value)};\n" for name, value in self.fields.items())


def substitute(text: str, arguments: list[str]) -> str:
    """Replace `$1`, `$2`, ... by arguments. Raises BadDescriptionError if arguments are missing."""

    def value(found: re.Match[str]) -> str:
        number = int(found[1])
        if not 1 <= number <= len(arguments):
            raise BadDescriptionError(f"The JDL indicates argument ${number} but you haven't provided it")
        return arguments[number - 1]

    return _ARGUMENT.sub(value, text)


def parse(text: str) -> Description:
    """Read a job description. Raises BadDescriptionError."""
    text = _COMMENT.sub("", text).strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1].strip()
    description, position = Description(), _skip(text, 0)
    while position < len(text):
        field_match = _FIELD.match(text, position)
        if field_match is None:
            raise BadDescriptionError(f"Cannot parse the JDL near `{text[position : position + 40]}`")
        value_match = _VALUE.match(text, field_match.end())
        assert value_match is not None
        if text[value_match.end() : value_match.end() + 1] == '"':
            raise BadDescriptionError(
                f"Quotes are not closed near `{text[value_match.end() : value_match.end() + 40]}`"
            )
        description.fields[field_match[1]] = _parse_value(field_match[1], value_match[0].strip())
        position = _skip(text, value_match.end())
    return description


def _skip(text: str, position: int) -> int:
    separators = _SEPARATORS.match(text, position)
    assert separators is not None
    return separators.end()


def _parse_value(name: str, text: str) -> str | list[str]:
    if not text:
        raise BadDescriptionError(f"{name} has no value")
    if not text.startswith("{"):
        return _parse_item(text)
    if not text.endswith("}"):
        raise BadDescriptionError(f"The list {name} is not closed")
    return [_parse_item(item) for item in _split_list(name, text[1:-1])]


def _split_list(name: str, text: str) -> list[str]:
    """Split a list at commas outside of quotes and parentheses; omit empty items."""
    items, depth = [""], 0
    for part in re.findall(rf"{_QUOTED}|.", text, re.DOTALL):
        if part in "{}":
            raise BadDescriptionError(f"The list {name} has braces inside")
        depth = max(0, depth + (part == "(") - (part == ")"))
        if part == "," and not depth:
            items.append("")
        else:
            items[-1] += part
    return [item.strip() for item in items if item.strip()]


def _parse_item(text: str) -> str:
    if _TEXT.fullmatch(text):
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return Expression(text)


def _format_value(value: str | list[str]) -> str:
    if isinstance(value, list):
        return "{\n" + ",\n".join(f"        {_quote(item)}" for item in value) + "\n    }"
    return value if re.fullmatch(r"(0|[1-9]\d*)(\.\d+)?", value) else _quote(value)


def _quote(text: str) -> str:
    if isinstance(text, Expression):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
