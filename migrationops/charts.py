"""Bars for a small inline SVG: geometry only, colours are the stylesheet's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HEIGHT, WIDTH, GAP = 60, 12, 3  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One value, what it is, and the kind that colours it."""

    value: float
    label: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    x: int
    y: float
    width: int
    height: float
    label: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    width: int
    height: int
    rectangles: tuple[Rectangle, ...]


def bars(values: Iterable[Bar]) -> Chart:
    """Scale the bars to the highest; the smallest stays visible."""
    items = list(values)
    highest = max((b.value for b in items), default=0) or 1
    return Chart(
        width=len(items) * (WIDTH + GAP),
        height=HEIGHT,
        rectangles=tuple(
            _rectangle(n, bar, max(bar.value / highest * HEIGHT, 2))
            for n, bar in enumerate(items)
        ),
    )


def _rectangle(number: int, bar: Bar, height: float) -> Rectangle:
    return Rectangle(
        x=number * (WIDTH + GAP),
        y=round(HEIGHT - height, 1),
        width=WIDTH,
        height=round(height, 1),
        label=bar.label,
        kind=bar.kind,
    )
