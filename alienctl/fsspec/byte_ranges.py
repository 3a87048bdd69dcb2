"""Plans reads: merges ranges that are near each other, and shares large amounts among several calls. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_GAP = 32 << 10
"""Bytes between two ranges that are read with them: cheaper than another request to a storage element."""
_MAX_RANGES = 500
_CALL_SIZE = 4 << 20
"""Bytes from which another call shares the work."""
_MAX_CALLS = 4

Range = tuple[int, int]
"""The offset of the first byte, and the one behind the last byte."""


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes that are read together, and the numbers of the ranges that lie in them."""

    start: int
    end: int
    members: tuple[int, ...]


def merge(ranges: Sequence[Range], max_gap: int = MAX_GAP) -> list[Block]:
    """Return blocks that cover all ranges, in ascending order; at most `max_gap` bytes lie between merged ranges.

    Empty ranges are in no block.
    """
    blocks: list[Block] = []
    members: list[int] = []
    for number in sorted((n for n, (start, end) in enumerate(ranges) if start < end), key=lambda n: ranges[n]):
        start, end = ranges[number]
        if blocks and start <= blocks[-1].end + max_gap:
            members.append(number)
            blocks[-1] = Block(blocks[-1].start, max(end, blocks[-1].end), tuple(members))
        else:
            members = [number]
            blocks.append(Block(start, end, (number,)))
    return blocks


def share(blocks: Sequence[Block]) -> list[list[Block]]:
    """Return the blocks of each call: a few calls of similar size, each with at most 500 blocks."""
    total = sum(block.end - block.start for block in blocks)
    limit = max(_CALL_SIZE, -(-total // _MAX_CALLS))
    calls: list[list[Block]] = []
    size = 0
    for block in blocks:
        if not calls or size >= limit or len(calls[-1]) >= _MAX_RANGES:
            calls.append([])
            size = 0
        calls[-1].append(block)
        size += block.end - block.start
    return calls
