"""What a text message asks for (wire specification, sections 1.2 and 1.7)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


class MalformedError(Exception):
    """The text is no JSON: it is answered with an error."""


class UnusableError(Exception):
    """Valid JSON of the wrong shape: the service drops the connection without a reply."""


@dataclass(frozen=True, slots=True)
class Request:
    """One command with its options, unsplit."""

    command: str
    options: tuple[str, ...]


def read(text: str) -> Request:
    """Return the request in a message. Raises MalformedError and UnusableError."""
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
