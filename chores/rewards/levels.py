"""Levels: derived from what was earned, never stored."""

from __future__ import annotations

import math
from dataclasses import dataclass

UNIT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A level, and the points earned at which it and the next one begin."""

    number: int
    begins_at: int
    next_at: int


def level(earned: int) -> Level:
    """Return the level of so many points: 1 below 50, 2 below 150, 3 below 300."""
    number = (1 + math.isqrt(1 + 8 * max(earned, 0) // UNIT)) // 2
    return Level(
        number=number, begins_at=threshold(number), next_at=threshold(number + 1)
    )


def threshold(number: int) -> int:
    """Return the points at which a level begins."""
    return UNIT * number * (number - 1) // 2
