"""The three phases of a change that no release notices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.migrations.operations.base import Operation

from migrationops.plan import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An operation in the phase in which it belongs."""

    phase: Phase
    operation: Operation


Steps = Iterator[Step]


def expand(operation: Operation) -> Step:
    return Step(phase=Phase.EXPAND, operation=operation)


def backfill(operation: Operation) -> Step:
    return Step(phase=Phase.BACKFILL, operation=operation)


def contract(operation: Operation) -> Step:
    return Step(phase=Phase.CONTRACT, operation=operation)
