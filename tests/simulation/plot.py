"""Draws the throughput and the copies of a run as an SVG."""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulation.scenario import (
    ELEMENT_LEAVES,
    ELEMENT_RETURNS,
    URGENT_BEGINS,
    WORKERS_LEAVE,
    WORKERS_RETURN,
)
from tests.simulation.simulation import Sample

_WIDTH, _HEIGHT, _LEFT, _TOP = 760, 240, 60, 30
_STYLE = "<style>text{font:12px sans-serif}.l{fill:none;stroke-width:1.5}.g{stroke:#ddd}</style>"


def svg(samples: Sequence[Sample], workers: int) -> str:
    """Return the drawing: GB/s above, running copies below, both over virtual seconds."""
    end = samples[-1].at
    rates = [(one.at / end, one.rate / 1e9) for one in samples]
    copies = [(one.at / end, float(one.copies)) for one in samples]
    spans = (
        (WORKERS_LEAVE, WORKERS_RETURN, "a third of the workers away"),
        (ELEMENT_LEAVES, ELEMENT_RETURNS, "the busiest storage element away"),
    )
    marks = "".join(
        f'<rect x="{_x(a / end):.0f}" y="{_TOP}" width="{_x(b / end) - _x(a / end):.0f}" height="{2 * _HEIGHT + 30}"'
        f' fill="#f4ead5"/><text x="{_x(a / end) + 4:.0f}" y="{_TOP - 8}">{text}</text>'
        for a, b, text in spans
    )
    urgent = _x(URGENT_BEGINS / end)
    marks += f'<line class="g" x1="{urgent:.0f}" x2="{urgent:.0f}" y1="{_TOP}" y2="{_TOP + 2 * _HEIGHT + 30}"/>'
    marks += f'<text x="{urgent - 60:.0f}" y="{_TOP - 8}">urgent job</text>'
    ticks = "".join(
        f'<text x="{_x(second / end):.0f}" y="{_TOP + 2 * _HEIGHT + 48}" text-anchor="middle">{second}</text>'
        for second in range(0, int(end) + 1, 200)
    )
    height = _TOP + 2 * _HEIGHT + 75
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 20} {height}">{_STYLE}'
        f'<rect width="100%" height="100%" fill="white"/>{marks}'
        + _panel(rates, 150.0, "GB/s", _TOP, "#1f5fa8")
        + _panel(copies, workers * 1.1, "copies", _TOP + _HEIGHT + 30, "#a8471f")
        + f'{ticks}<text x="{_LEFT + _WIDTH // 2}" y="{height - 8}" text-anchor="middle">virtual seconds</text></svg>\n'
    )


def _x(part: float) -> float:
    return _LEFT + _WIDTH * part


def _panel(points: Sequence[tuple[float, float]], most: float, title: str, top: int, colour: str) -> str:
    def y(value: float) -> float:
        return top + _HEIGHT * (1 - value / most)

    grid = "".join(
        f'<line class="g" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y(most * n / 5):.0f}" y2="{y(most * n / 5):.0f}"/>'
        f'<text x="{_LEFT - 6}" y="{y(most * n / 5) + 4:.0f}" text-anchor="end">{most * n / 5:.0f}</text>'
        for n in range(6)
    )
    line = " ".join(f"{_x(part):.1f},{y(value):.1f}" for part, value in points)
    label = f'<text x="{_LEFT + 6}" y="{top + 16}">{title}</text>'
    return f'{grid}{label}<polyline class="l" stroke="{colour}" points="{line}"/>'
