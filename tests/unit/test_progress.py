"""Where there is no terminal, a long step says how far it is, in lines."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from migrationops.management.rendering import ProgressLines
from migrationops.progress import Progress, Stage, State


def step(done: int, total: int, unit: str) -> Progress:
    return Progress(
        stage=Stage.APPLY,
        state=State.ADVANCED,
        label="a long step",
        done=done,
        total=total,
        unit=unit,
    )


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (step(1200, 4000, "rows"), "· a long step: 1,200 of 4,000 rows (30%)"),
        (step(5_000_000, 0, "bytes"), "· a long step: 5.0 MB"),
        (step(10, 20, "blocks"), "· a long step: 10 of 20 blocks (50%)"),
    ],
)
def test_a_line_says_how_far_it_is(event: Progress, line: str) -> None:
    out = StringIO()

    ProgressLines(OutputWrapper(out), quiet=False, every=0.0)(event)

    assert out.getvalue().splitlines() == [line]


def test_not_every_advance_is_a_line() -> None:
    out = StringIO()
    lines = ProgressLines(OutputWrapper(out), quiet=False, every=3600.0)

    for done in range(100):
        lines(step(done, 100, "rows"))

    assert out.getvalue() == ""
