"""Walk a migration's operations, and work out the SQL of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.operations import CreateExtension
from django.db.migrations import Migration
from django.db.migrations.operations import RunPython, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from migrationops.exceptions import describe
from migrationops.lint import offline
from migrationops.lint.simulation.effects import Effect
from migrationops.lint.simulation.simulate import run, statements
from migrationops.lint.simulation.world import World
from migrationops.lint.units import MigrationUnit, OperationUnit, Step
from migrationops.operations import Backfill
from migrationops.plan import phase_of


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One migration on its way through a world."""

    alias: str
    world: World
    migration: Migration
    units: list[OperationUnit] = field(default_factory=list)
    previous: list[Effect] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)  # of the current operation
    by: str = ""
    deferred: bool = False

    def collect(self, sql: str) -> None:
        """Work a statement out as soon as the editor writes it."""
        for statement in statements(sql):
            effect = run(statement, self.world, len(self.previous))
            step = Step(
                effect=effect,
                world=self.world,
                previous=tuple(self.previous),
                phase=phase_of(self.migration.name),
                app=self.migration.app_label,
                by=self.by,
                deferred=self.deferred,
            )
            self.steps.append(step)
            self.previous.append(effect)


def collect(
    migration: Migration, state: ProjectState, *, alias: str, world: World
) -> tuple[MigrationUnit, ProjectState]:
    """Return what a migration does, and the project's state after it.

    The world moves along. No operation's own work on rows is executed.
    """
    walk = _Walk(alias=alias, world=world, migration=migration)
    world.atomic = migration.atomic
    editor = offline.schema_editor(alias, world, walk.collect)
    owners: dict[int, int] = {}
    for index, operation in enumerate(migration.operations):
        before = state
        state = state.clone()
        operation.state_forwards(migration.app_label, state)
        problem = _run(walk, editor, operation, before, state)
        for statement in editor.deferred_sql:
            owners.setdefault(id(statement), index)
        walk.units.append(_unit(walk, index, operation, before, state, problem))
    _deferred(walk, editor, owners)
    world.end()
    unit = MigrationUnit(
        migration=migration,
        operations=tuple(walk.units),
        phase=phase_of(migration.name),
    )
    return unit, state


def _unit(
    walk: _Walk,
    index: int,
    operation: Operation,
    before: ProjectState,
    after: ProjectState,
    problem: str,
) -> OperationUnit:
    unit = OperationUnit(
        migration=walk.migration,
        index=index,
        operation=operation,
        before=before,
        after=after,
        steps=tuple(walk.steps),
        problem=problem,
    )
    walk.steps = []
    return unit


def _run(
    walk: _Walk,
    editor: Any,
    operation: Operation,
    before: ProjectState,
    after: ProjectState,
) -> str:
    """Let the operation write its SQL; return why it could not."""
    label = walk.migration.app_label
    for part, old, new in leaves(operation, label, before, after):
        walk.by = type(part).__name__
        if isinstance(part, RunPython | Backfill):
            continue  # changes data, by code that only a database can answer
        if isinstance(part, CreateExtension):
            walk.collect(f'CREATE EXTENSION IF NOT EXISTS "{part.name}"')
            continue
        if not part.reduces_to_sql:
            return "it runs code of its own, which lint does not execute."
        try:
            with offline.cut_off():
                part.database_forwards(label, editor, old, new)
        except offline.NoDatabaseError:
            return "it speaks to a database by itself, which lint does not let it."
        except Exception as exc:  # an operation of the project's may raise anything
            return f"its SQL cannot be written without a database: {describe(exc)}"
    return ""


def leaves(
    operation: Operation, label: str, before: ProjectState, after: ProjectState
) -> Iterator[tuple[Operation, ProjectState, ProjectState]]:
    """Yield an operation, or those inside of a SeparateDatabaseAndState.

    Django's own way would execute a RunPython in there.
    """
    if not isinstance(operation, SeparateDatabaseAndState):
        yield operation, before, after
        return
    state = before
    for part in operation.database_operations:
        following = state.clone()
        part.state_forwards(label, following)
        yield from leaves(part, label, state, following)
        state = following


def _deferred(walk: _Walk, editor: Any, owners: dict[int, int]) -> None:
    """Run what waits for the end; each statement belongs to who deferred it."""
    walk.deferred = True
    for statement in editor.deferred_sql:
        index = owners.get(id(statement), len(walk.units) - 1)
        walk.collect(str(statement))
        unit = walk.units[index]
        walk.units[index] = OperationUnit(
            migration=unit.migration,
            index=unit.index,
            operation=unit.operation,
            before=unit.before,
            after=unit.after,
            steps=(*unit.steps, *walk.steps),
            problem=unit.problem,
        )
        walk.steps = []
