"""Changes a few places of an input, repeatably: for the quick form of fuzzing, and in half of the inputs of atheris."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.fuzz.target import LONGEST, Target

_NUMBERS = (b"0", b"-1", b"65536", b"2147483648", b"9223372036854775808", b"1e999", b"Infinity", b"9" * 5000)
_SIGNS = (b"\0", b"\n", b"\r", b"\x1b[31m", b"\x07", b"\xff", b"\xc2\x9b", b"'", b'"', b"\\", b"<", b"&", b"[" * 3000)


def mutations(target: Target, seed: int) -> Iterator[bytes]:
    """Yield the inputs of a target's corpus, then endless mutations of them."""
    chance, corpus = random.Random(seed), target.corpus
    yield from corpus
    while True:
        yield mutated(chance.choice(corpus), target, corpus, chance)


def mutated(data: bytes, target: Target, corpus: list[bytes], chance: random.Random) -> bytes:
    """Return a changed input, of at most `LONGEST` bytes: well-formed if the target can change inputs so."""
    if target.change and chance.random() < 0.7:
        return target.change(data, chance)[:LONGEST]
    content = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        _mutate(content, corpus, chance)
    return bytes(content[:LONGEST])


def _mutate(content: bytearray, corpus: list[bytes], chance: random.Random) -> None:
    start = chance.randint(0, len(content))
    end = min(len(content), start + chance.choice((0, 1, 1, 2, 4, 16, 64)))
    match chance.randrange(7):
        case 0:
            content[start:end] = b""
        case 1:
            content[start:end] = chance.randbytes(max(1, end - start))
        case 2:
            content[start:end] = bytes(content[start:end]) * chance.choice((2, 3, 200))
        case 3:
            content[start:end] = chance.choice(_SIGNS)
        case 4:
            content[start:end] = chance.choice(_NUMBERS)
        case 5 if start < len(content):
            content[start] ^= 1 << chance.randrange(8)
        case _:
            other = chance.choice(corpus)
            place = chance.randint(0, len(other))
            content[start:end] = other[place : place + chance.choice((1, 8, 64, 512))]
