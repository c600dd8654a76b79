"""What a long stage tells whoever watches; the stages never print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The stages of a run, in their order."""

    LOCK = "lock"
    PLAN = "plan"
    PREFLIGHT = "preflight"
    RESUME = "resume"
    LINT = "lint"
    REHEARSE = "rehearse"
    BACKUP = "backup"
    APPLY = "apply"
    VERIFY = "verify"
    RECORD = "record"
    RESTORE = "restore"
    SEED = "seed"


class State(StrEnum):
    STARTED = "started"
    ADVANCED = "advanced"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One event: `done` of `total` in `unit` (bytes, rows, blocks; blank: a step)."""

    stage: Stage
    state: State
    label: str
    done: int = 0
    total: int = 0
    unit: str = ""


ProgressCallback = Callable[[Progress], None]


def silent(event: Progress, /) -> None:
    """Tell nobody."""


@contextmanager
def step(report: ProgressCallback, stage: Stage, label: str) -> Iterator[None]:
    """Tell that a step of a stage begins, and how it ends."""
    report(Progress(stage=stage, state=State.STARTED, label=label))
    try:
        yield
    except BaseException:
        report(Progress(stage=stage, state=State.FAILED, label=label))
        raise
    report(Progress(stage=stage, state=State.DONE, label=label))
