"""The output of a command (wire specification, section 2.4), and its serialization as a reply."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from aliend.sandbox.errors import TEXTS

_RESULTS_PER_PART = 2_000
_ESCAPED = re.compile("[\x7f-\x9f\u2000-\u20ff]")


class Output:
    """The results, exit code and error text of one command.

    `mute_text` and `mute_keys` are the global options `-nomsg` and `-nokeys`.
    """

    def __init__(self, *, mute_text: bool = False, mute_keys: bool = False) -> None:
        self.mute_text = mute_text
        self.mute_keys = mute_keys
        self.code = 0
        self.error = ""
        self.results: list[dict[str, Any]] = []
        self._current: dict[str, Any] | None = None

    def text(self, text: str) -> None:
        """Add `text` to the message of the current result."""
        if self.mute_text:
            return
        current = self._open()
        current["message"] = current.get("message", "") + text

    def line(self, text: str) -> None:
        """Add a line to the message of the current result."""
        self.text(text + "\n")

    def key(self, name: str, value: object) -> None:
        """Set a key of the current result."""
        if not self.mute_keys:
            self._open()[name] = value

    def keys(self, **values: object) -> None:
        """Set several keys of the current result."""
        for name, value in values.items():
            self.key(name, value)

    def finish_result(self) -> None:
        """Close the current result, if one was begun."""
        if self._current is None:
            return
        if "message" in self._current:
            self._current["message"] = self._current["message"].rstrip("\n")
        self.results.append(self._current)
        self._current = None

    def fail(self, code: int, extra: str = "") -> None:
        """Set the exit code, its standard text and `extra`; a later call replaces them."""
        self.code = code
        self.error = f"{TEXTS[code]} : {extra}" if extra else TEXTS[code]

    def fail_with(self, code: int, text: str) -> None:
        """Set the exit code and the complete error text."""
        self.code, self.error = code, text

    def warn(self, text: str) -> None:
        """Set the error text without the exit code; with exit code 0 this is a warning."""
        self.error = text

    def _open(self) -> dict[str, Any]:
        if self._current is None:
            self._current = {}
        return self._current


def document(output: Output, **metadata: str) -> str:
    """Return the reply's text, escaped as the service does (wire specification, section 1.3)."""
    return "".join(parts(output, **metadata))


def parts(output: Output, **metadata: str) -> Iterator[str]:
    """Yield the reply's text in parts of at most 2,000 results."""
    output.finish_result()
    values = {"exitcode": str(output.code), "error": output.error, **metadata}
    yield f'{{"metadata":{_escaped(values)},"results":['
    for start in range(0, len(output.results), _RESULTS_PER_PART):
        part = _escaped(output.results[start : start + _RESULTS_PER_PART])
        yield part[1:-1] if start == 0 else f",{part[1:-1]}"
    yield "]}"


def _escaped(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    return _ESCAPED.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
