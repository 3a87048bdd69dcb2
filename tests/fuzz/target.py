"""What a target of the fuzzer is, and the rules that several targets share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

CORPORA = Path(__file__).with_name("corpus")
LONGEST = 1 << 16
"""Bytes of an input."""


@dataclass(frozen=True)
class Target:
    """One reader of foreign bytes.

    `check` reads an input; it raises for every outcome that is neither a value nor an error of ours. `defects` are
    seeded ones, by name: each is a context in which `check` must fail for some input. `place` is entered before the
    first input, with the name of the seeded defect (empty: none). `examples` are those of the quick form. `is_remote`:
    another process reads the input, so that its coverage is not known. `change` returns a changed input that is
    well-formed as a whole, where random changes of bytes rarely are.
    """

    name: str
    check: Callable[[bytes], None]
    defects: dict[str, Callable[[], AbstractContextManager[object]]]
    place: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext()
    examples: int = 1500
    is_remote: bool = False
    change: Callable[[bytes, random.Random], bytes] | None = None

    @contextmanager
    def prepared(self, defect: str) -> Iterator[None]:
        """Make `check` usable, with a seeded defect if one is named."""
        with self.place(defect), self.defects[defect]() if defect else nullcontext():
            yield

    @property
    def corpus(self) -> list[bytes]:
        """Return the committed inputs."""
        return [file.read_bytes() for file in sorted((CORPORA / self.name).iterdir())]


def must_be(claim: bool, sentence: str) -> None:
    """Raise AssertionError unless the claim holds; `assert` would be rewritten by pytest only."""
    if not claim:
        raise AssertionError(sentence)
