"""What the statements of a migration will lock, as far as lint can tell."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.executor.footprint import Footprint
from migrationops.lint import python
from migrationops.lint.simulation.effects import Effect
from migrationops.lint.units import MigrationUnit


def footprints(unit: MigrationUnit) -> Iterator[Footprint]:
    """Yield one for each statement, in the order in which they will run.

    The last is that of an operation that runs code, or whose SQL is not known. None
    where no two tables are locked: to find out what each does takes time.
    """
    effects = [step.effect for o in unit.operations for step in o.steps]
    if len({name for e in effects for name in e.locks.keys() - e.new_tables}) < 2:
        return
    deferred = []
    for operation in unit.operations:
        # Of one with statements around its code: in front of all of them.
        if python.works_by_itself(operation.operation):
            yield Footprint(works=True)
            return
        yield from (_footprint(s.effect) for s in operation.steps if not s.deferred)
        if operation.problem:
            yield Footprint(works=True)
            return
        deferred += [s.effect for s in operation.steps if s.deferred]
    yield from map(_footprint, sorted(deferred, key=lambda effect: effect.index))


def _footprint(effect: Effect) -> Footprint:
    if effect.unknown or effect.failure:
        return Footprint(works=True)
    locks = {
        name: mode
        for name, mode in effect.locks.items()
        if name not in effect.new_tables
    }
    works = any(touch.rows != 0 and not touch.new for touch in effect.touches)
    return Footprint.of(effect.sql, locks, works=works)
