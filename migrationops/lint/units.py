"""What a rule sees: a statement, an operation or a migration, with the facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from migrationops.lint.simulation.effects import Effect, Event
from migrationops.lint.simulation.world import World
from migrationops.plan import Phase
from migrationops.postgres.table_locks import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One statement: its effect, what came before it, and the world after it."""

    effect: Effect
    world: World
    previous: tuple[Effect, ...] = ()  # of the same migration or script
    phase: Phase | None = None
    script: bool = False  # a raw script: nobody sets time limits for it
    app: str = ""  # of the migration
    by: str = ""  # the operation's class, such as RunSQL
    deferred: bool = False  # behind all operations

    def events(self, *kinds: str) -> Iterator[Event]:
        yield from self.effect.of_kind(*kinds)

    def earlier(self, *kinds: str) -> Iterator[Event]:
        """Yield what earlier statements of the migration did."""
        for effect in self.previous:
            yield from effect.of_kind(*kinds)

    def fills_nothing_old(self, table: str, columns: Iterable[str]) -> bool:
        """Were the columns added by this migration, so that no old row has a value?"""
        added = {
            event.name
            for event in self.earlier("add_column")
            if event.table == table and not event["has_value"]
        }
        return bool(added) and set(columns) <= added

    def is_new(self, table: str) -> bool:
        """Was the table made in this very transaction, so that nobody else sees it?"""
        return table in self.effect.new_tables

    def rows(self, table: str) -> int | None:
        """Return how many rows the table has; None when that is not known."""
        if table in self.effect.rows:
            return self.effect.rows[table]
        return self.world.row_count(table)

    def locked(self, mode: Lock) -> set[str]:
        """Return the existing tables that this statement locks so hard or harder."""
        return {name for name, m in self.effect.locks.items() if m >= mode}

    def held(self, mode: Lock) -> set[str]:
        """Return those that were so locked before the statement."""
        return {name for name, m in self.effect.held.items() if m >= mode}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationUnit:
    """One operation with the project's state around it and what its SQL does."""

    migration: Migration
    index: int  # of the migration's operations, from 0
    operation: Operation
    before: ProjectState
    after: ProjectState
    steps: tuple[Step, ...] = ()
    problem: str = ""  # why its SQL could not be worked out


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationUnit:
    """One migration with all of its operations."""

    migration: Migration
    operations: tuple[OperationUnit, ...] = ()
    phase: Phase | None = None
