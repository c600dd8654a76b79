"""On a terminal a long step has a bar, with its share, rate and time left."""

from __future__ import annotations

import io

from django.core.management.base import OutputWrapper

from migrationops.management.rendering import ProgressLines
from migrationops.progress import Progress, Stage, State


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def event(state: State, label: str = "dump", done: int = 0, total: int = 0) -> Progress:
    return Progress(
        stage=Stage.BACKUP,
        state=state,
        label=label,
        done=done,
        total=total,
        unit="bytes",
    )


def tell(out: io.StringIO, *events: Progress) -> str:
    lines = ProgressLines(OutputWrapper(out), quiet=False)
    for each in events:
        lines(each)
        if lines._bar is not None:
            lines._bar.refresh()
    return out.getvalue()


def test_a_terminal_shows_percent_and_amounts() -> None:
    seen = tell(
        Terminal(),
        event(State.ADVANCED, done=30_000_000, total=120_000_000),
        event(State.ADVANCED, done=90_000_000, total=120_000_000),
    )

    assert "dump:  25%" in seen
    assert "dump:  75%" in seen
    assert "90.0M/120M" in seen


def test_a_bar_stays_on_its_line_and_is_gone_at_the_end() -> None:
    out = Terminal()
    wrapper = OutputWrapper(out)
    wrapper.style_func = str.upper
    lines = ProgressLines(wrapper, quiet=False)

    lines(event(State.STARTED))
    lines(event(State.ADVANCED, done=30, total=120))
    lines(event(State.DONE))

    shown = out.getvalue()
    assert shown.count("\n") == 1
    assert "DUMP" not in shown
    assert "✓ dump" in shown.splitlines()[-1].rpartition("\r")[2]


def test_another_label_is_another_bar() -> None:
    seen = tell(
        Terminal(),
        event(State.ADVANCED, done=120, total=120),
        event(State.ADVANCED, label="restore", done=10, total=100),
    )

    assert "dump: 100%" in seen
    assert "restore:  10%" in seen


def test_more_than_was_expected_is_no_more_than_all() -> None:
    seen = tell(
        Terminal(),
        event(State.ADVANCED, done=90, total=100),
        event(State.ADVANCED, done=150, total=150),
    )

    assert "dump: 100%" in seen
