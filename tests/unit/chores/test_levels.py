from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chores.rewards.levels import level


@pytest.mark.parametrize(
    ("earned", "number"),
    [(0, 1), (49, 1), (50, 2), (149, 2), (150, 3), (299, 3), (300, 4), (500, 5)],
)
def test_levels_begin_where_they_should(earned: int, number: int) -> None:
    assert level(earned).number == number


@given(st.integers(0, 10_000_000))
def test_a_level_lies_between_its_thresholds(earned: int) -> None:
    found = level(earned)
    assert found.begins_at <= earned < found.next_at
    assert found.number == math.floor((1 + math.sqrt(1 + 8 * earned / 50)) / 2)
