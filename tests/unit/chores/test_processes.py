"""What another process makes: the same, one ahead, and never without its reader."""

from __future__ import annotations

import datetime
import multiprocessing
from collections.abc import Iterator

import pytest

from chores.processes import ProducerError, produced
from chores.scenarios.batch import COLUMNS
from chores.scenarios.load import households

TODAY = datetime.date(2026, 6, 15)


def fails() -> Iterator[int]:
    yield 1
    raise ValueError("on purpose")


def endless() -> Iterator[bytes]:
    while True:
        yield bytes(2**20)


def test_another_process_makes_the_same_households() -> None:
    numbers, ids = range(1, 3), dict.fromkeys(COLUMNS, 7)
    elsewhere = produced("chores.scenarios.load.households", numbers, 3, TODAY, ids)
    assert list(elsewhere) == list(households(numbers, 3, TODAY, ids))


@pytest.mark.faults
def test_a_process_that_fails_is_no_end_of_the_values() -> None:
    values = produced(f"{__name__}.fails")
    assert next(values) == 1
    with pytest.raises(ProducerError, match="fails ended with 1"):
        next(values)


@pytest.mark.faults
def test_the_process_ends_with_its_reader() -> None:
    values = produced(f"{__name__}.endless")
    next(values)
    (process,) = multiprocessing.active_children()
    values.close()
    assert process.exitcode == 0
