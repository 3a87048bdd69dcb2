"""Parses request messages (wire specification, sections 1.2 and 1.7)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


class MalformedError(Exception):
    """The text is not JSON; the service replies with an error."""


class UnusableError(Exception):
    """The JSON has the wrong structure; the service closes the connection without a reply."""


@dataclass(frozen=True, slots=True)
class Request:
    """One command with its unparsed options."""

    command: str
    options: tuple[str, ...]


def read(text: str) -> Request:
    """Parse a message. Raises MalformedError and UnusableError."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MalformedError from error
    if not isinstance(document, dict) or document.get("command") is None:
        raise UnusableError
    options = document.get("options")
    if options is None:
        options = []
    if not isinstance(options, list) or None in options:
        raise UnusableError
    return Request(_text(document["command"]), tuple(_text(option) for option in options))


def _text(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else json.dumps(value)
