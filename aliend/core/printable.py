"""Text of others as a terminal may get it: anybody may choose names in the catalogue that mean something to it."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\udc80-\udcff]")
"""C0 and C1 controls but for tab and newline, DEL, what turns the direction of writing (Unicode TR 36), and bytes that
are no text."""


def printable(text: str) -> str:
    """The text with what a terminal would obey written out, as Python would: an escape becomes `\\x1b`."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
