"""Which tables a plan takes rows or columns from, or changes them in.

Not those that only get an index or a constraint: nothing in them becomes another.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from django.db.migrations.loader import MigrationLoader

from migrationops.graph import Key
from migrationops.lint import collecting, linter
from migrationops.lint.simulation.effects import Effect, Work
from migrationops.lint.simulation.world import World
from migrationops.lint.units import MigrationUnit, OperationUnit
from migrationops.operations import Backfill

_CHANGING = {
    "add_column",
    "alter_type",
    "dml",
    "drop_column",
    "drop_expression",
    "drop_table",
    "rename_column",
    "rename_table",
    "set_expression",
    "truncate",
}
_RENAMING = {"rename_schema", "set_schema"}  # what is named afterwards is not followed
_PASSED_ON = re.compile(r"ON (DELETE|UPDATE) (CASCADE|SET)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Qualified names, as they are before the plan; what could not be read, and why.

    Names of views and of tables that are not there may be among them. What a
    trigger writes elsewhere is not.
    """

    tables: frozenset[str]
    unknown: tuple[str, ...] = ()


def touched(
    wanted: Collection[Key],
    loader: MigrationLoader,
    world: World,
    *,
    alias: str,
    applied: Collection[Key],
) -> Touched:
    """Read the wanted migrations, as one plan upon the applied ones; run nothing."""
    tally = _Tally(world=world)
    for key, unit in linter.walk(loader, world, alias=alias, applied=applied):
        if key in wanted:
            tally.add(".".join(key), unit)
        else:
            tally.follow(unit)
    return Touched(
        tables=frozenset(tally.tables), unknown=tuple(dict.fromkeys(tally.unknown))
    )


@dataclass(slots=True, kw_only=True)
class _Tally:
    world: World
    tables: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    first: dict[str, str] = field(default_factory=dict)  # names before a rename

    def add(self, label: str, unit: MigrationUnit) -> None:
        for operation in unit.operations:
            self.unknown += [f"{label}: {why}" for why in self._code(operation)]
        for effect in _effects(unit):
            self.unknown += [f"{label}: {why}" for why in _unknown(effect)]
            for name in [*_changed(effect), *self._passed_on(effect)]:
                self._add(name)
            self._follow(effect)

    def follow(self, unit: MigrationUnit) -> None:
        """Keep account of the names that a migration gives which is not wanted."""
        for effect in _effects(unit):
            self._follow(effect)

    def _add(self, name: str) -> None:
        self.tables.add(self.first.get(name, name))

    def _follow(self, effect: Effect) -> None:
        for event in effect.of_kind("rename_table"):
            schema = event.table.rpartition(".")[0]
            before = self.first.pop(event.table, event.table)
            self.first[f"{schema}.{event.name}"] = before

    def _code(self, unit: OperationUnit) -> Iterator[str]:
        """Name what is not written as SQL; of a backfill the table is known."""
        if unit.problem:
            yield f"{unit.operation.describe()}: {unit.problem}"
            return
        label = unit.migration.app_label
        leaves = collecting.leaves(unit.operation, label, unit.before, unit.after)
        for part, _before, after in leaves:
            if isinstance(part, Backfill):
                model = after.apps.get_model(label, part.model_name)
                self._add(self.world.qualify((model._meta.db_table,)))
            elif not part.reduces_to_sql:
                yield f"{part.describe()} is code"

    def _passed_on(self, effect: Effect) -> Iterator[str]:
        """Name the tables to which a foreign key passes a DELETE or UPDATE on."""
        waiting = [e.table for e in effect.of_kind("dml") if e.name != "insert"]
        seen = set(waiting)
        while waiting:
            for child, name in self.world.referencing(waiting.pop()):
                keys = (c.definition for c in child.constraints if c.name == name)
                if child.qualified_name not in seen and any(
                    map(_PASSED_ON.search, keys)
                ):
                    seen.add(child.qualified_name)
                    waiting.append(child.qualified_name)
                    yield child.qualified_name


def _effects(unit: MigrationUnit) -> list[Effect]:
    found = [step.effect for o in unit.operations for step in o.steps]
    return sorted(found, key=lambda effect: effect.index)


def _changed(effect: Effect) -> Iterator[str]:
    names = [e.table for e in effect.events if e.kind in _CHANGING]
    names += [t.table for t in effect.touches if t.work is Work.REWRITE]
    yield from (n for n in names if n not in effect.made_tables | effect.new_tables)


def _unknown(effect: Effect) -> Iterator[str]:
    yield from effect.unknown
    if effect.failure:
        yield f"a statement that will fail ({effect.failure.message})"
    yield from (e.kind.replace("_", " ") for e in effect.events if e.kind in _RENAMING)
