"""Changes one place of a JSON document to a value that its reader does not expect."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

ESCAPE = "/tmp/aliend-hostile-escape"
"""A file that nothing may create."""
VALUES: tuple[object, ...] = (
    *(None, True, 0, -1, 5, 2**31, 2**63, 10**400, 1.5, float("inf"), float("nan"), [], {}, [[]], {"a": []}),
    *("", " ", "0", "-1", "1e999", "NaN", "9" * 5000, "x" * 100_000, "\0", "a\nb", "\ud800", "../" * 40 + ESCAPE[1:]),
    *("\x1b]0;owned\x07", "\x1b[35;5mred", "\x9b31m", "txt.\u202eexe", "back\rward", "%s%n", "'; touch " + ESCAPE),
    *(f"file://{ESCAPE}", ESCAPE, "root://", "root://localhost:1//x", "http://localhost:1/x", "root://[::1", "/", "."),
    *("-f", "--json", "*", "{", '"', "<a>&b;", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
)


def change(document: Any, chance: random.Random) -> str:  # noqa: ANN401 - any JSON
    """Change one place of a document, one of its lists and objects as likely as the other; describe the change."""
    places = [place for place in _places(document) if place[0]]
    parent, key = chance.choice(places) if places else (document, None)
    if key is None:
        return ""
    match chance.randrange(8):
        case 0:
            del parent[key]
            return f"without {key}"
        case 1 if isinstance(parent, list):
            parent.extend(copy.deepcopy(parent[key]) for _ in range(3))
            return f"{key} repeated"
        case 2 if isinstance(parent, dict):
            parent[key] = {"x": parent[key]}
            return f"{key} nested"
        case _:
            parent[key] = chance.choice(VALUES)
            return f"{key}={str(parent[key])[:60]!r}"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - any JSON
    children: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield value, key
        yield from _places(child)
