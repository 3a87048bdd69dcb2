"""Parses job descriptions (JDL): `Name = value;` with a quoted text, a list in braces or an expression as value.

A value ends at the first `;` outside of quotes (wire specification, section 11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TEXT = re.compile(_QUOTED, re.DOTALL)
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
        value = self.find(name)
        if isinstance(value, list):
            return value[0] if value else default
        return default if value is None else value

    def items(self, name: str) -> list[str]:
        """Return the value of a field as a list."""
        value = self.find(name)
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

    def find(self, name: str) -> str | list[str] | None:
        """Return the value of a field, ignoring the case of its name, or None."""
        return next((value for key, value in self.fields.items() if key.lower() == name.lower()), None)

    def set(self, name: str, value: str) -> None:
        """Set a field, ignoring the case of its name."""
        self.fields[next((key for key in self.fields if key.lower() == name.lower()), name)] = value

    def __str__(self) -> str:
        return "".join(f"    {name} = {_format_value(value)};\n" for name, value in self.fields.items())


def substitute(text: str, arguments: list[str]) -> str:
    """Replace `$1`, `$2`, ... by arguments. Raises BadDescriptionError if arguments are missing."""

    def value(found: re.Match[str]) -> str:
        number = int(found[1])
        if not 1 <= number <= len(arguments):
            raise BadDescriptionError(f"The JDL indicates argument ${number} but you haven't provided it")
        return arguments[number - 1]

    return _ARGUMENT.sub(value, without_comments(text))


def parse(text: str) -> Description:
    """Read a job description. Raises BadDescriptionError."""
    if not text:
        raise BadDescriptionError("Content is empty")
    text = without_comments(text)
    description, position = Description(), 0
    while (equals := text.find("=", position + 1)) > 0:
        name = text[position:equals].strip()
        _check_name(name)
        end = _end_of_value(name, text, equals + 1)
        description.fields[name] = _parse_value(name, text[equals + 1 : end].strip())
        position = end + 1
    return description


def without_comments(text: str) -> str:
    """Return a description without empty lines and lines that begin with `#`."""
    return "".join(f"{line}\n" for line in text.splitlines() if line and not line.strip().startswith("#"))


def _check_name(name: str) -> None:
    if not name:
        raise BadDescriptionError("Key cannot be the empty string")
    for letter in name:
        if not letter.isalnum() and letter != "_":
            raise BadDescriptionError(f"Illegal character '{letter}' in key '{name}'")


def _end_of_value(name: str, text: str, start: int) -> int:
    """Return the position of the first `;` outside of quotes, or of the end."""
    escaped = quoted = False
    for position in range(start, len(text)):
        letter = text[position]
        if letter == ";" and not escaped and not quoted:
            return position
        if letter == '"' and not escaped:
            quoted = not quoted
        escaped = letter == "\\" and not escaped
    if escaped or quoted:
        what = "quotes" if quoted else "escape"
        raise BadDescriptionError(f"JDL syntax error: unfinished {what} in the value of tag {name}")
    return len(text)


def _parse_value(name: str, text: str) -> str | list[str]:
    if text.startswith('"'):
        if not text.endswith('"') or text == '"':
            raise BadDescriptionError(f"JDL syntax error: quotes do not close at the end of string for tag {name}")
        return _parse_item(text)
    if not text.startswith("{"):
        return Expression(text)
    if not text.endswith("}"):
        raise BadDescriptionError(f"JDL syntax error: unclosed brackets in the value of tag {name}")
    return [_parse_item(item) for item in _split_list(text[1:-1])]


def _split_list(text: str) -> list[str]:
    """Split a list at commas outside of quotes and parentheses; omit empty items."""
    items, depth = [""], 0
    for part in re.findall(rf"{_QUOTED}|.", text, re.DOTALL):
        depth = max(0, depth + (part == "(") - (part == ")"))
        if part == "," and not depth:
            items.append("")
        else:
            items[-1] += part
    return [item.strip() for item in items if item.strip()]


def _parse_item(text: str) -> str:
    if _TEXT.fullmatch(text):
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text[1:-1] if text.startswith('"') and text.endswith('"') else Expression(text)


def _format_value(value: str | list[str]) -> str:
    if isinstance(value, list):
        return "{\n" + ",\n".join(f"        {_quote(item)}" for item in value) + "\n    }"
    return value if re.fullmatch(r"(0|[1-9]\d*)(\.\d+)?", value) else _quote(value)


def _quote(text: str) -> str:
    if isinstance(text, Expression):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
