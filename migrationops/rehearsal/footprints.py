"""What the statements of a migration took, as its rehearsal saw it."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.executor.footprint import Footprint
from migrationops.executor.recorded import StepKind
from migrationops.rehearsal.record import RehearsedMigration, RehearsedStep


def footprints(migration: RehearsedMigration) -> Iterator[Footprint]:
    """Yield one for each step."""
    for step in migration.steps:
        yield _footprint(step)


def _footprint(step: RehearsedStep) -> Footprint:
    facts = step.facts
    if step.kind is StepKind.DATA or facts is None:
        return Footprint(works=True)
    rows = {*facts.visited, *facts.scanned, *facts.rewritten, *facts.written}
    locks = {name: lock for name, lock in facts.locks.items() if name not in facts.new}
    return Footprint.of(step.sql, locks, works=bool(rows - set(facts.new)))
