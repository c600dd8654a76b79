"""Collects what one statement does while the rules work it out."""

from __future__ import annotations

from typing import Any, NoReturn

from migrationops.lint.simulation.effects import Effect, Event, Failure, Touch, Work
from migrationops.lint.simulation.syntax import Parsed
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock

Noted = tuple[
    dict[str, Lock],
    dict[tuple[str, Work, str], bool],
    list[Event],
    list[str],
    list[str],
]


class WillFailError(Exception):
    """PostgreSQL will refuse this statement."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(code=code, message=message)


class Recorder:
    """Collects one statement's locks, work and events over a World."""

    def __init__(self, world: World, index: int, statement: Parsed) -> None:
        self.world = world
        self.index = index
        self.statement = statement
        self.locks: dict[str, Lock] = {}
        self.events: list[Event] = []
        self.unknown: list[str] = []
        self.maybe = False  # what is noted now is done perhaps
        self.emptied: list[str] = []  # tables without rows once it is done
        self._held = dict(world.held)
        self._created = set(world.created)
        self._work: dict[tuple[str, Work, str], bool] = {}
        self._released = False
        self._in_transaction = world.in_transaction

    def lock(self, name: str, mode: Lock) -> None:
        """Take a lock; a table of this transaction's own is seen by nobody."""
        if name in self.world.created:
            return
        self.locks[name] = max(mode, self.locks.get(name, mode))
        if self.world.in_transaction:
            self.world.held[name] = max(mode, self.world.held.get(name, mode))

    def release(self) -> None:
        """The locks are given up in steps, as CONCURRENTLY does: none blocks work."""
        self._released = True

    def rewrite(self, name: str, cause: str) -> None:
        self._note(name, Work.REWRITE, cause, certain=True)
        self.world.fresh_files.add(name)

    def scan(self, name: str, cause: str, *, certain: bool = True) -> None:
        self._note(name, Work.SCAN, cause, certain=certain)

    def build_index(self, name: str, cause: str, *, certain: bool = True) -> None:
        self._note(name, Work.INDEX, cause, certain=certain)

    def maybe_rewrite(self, name: str, cause: str) -> None:
        """Rewriting cannot be known."""
        self._note(name, Work.REWRITE, cause, certain=False)

    def _note(self, name: str, work: Work, cause: str, *, certain: bool) -> None:
        key = (name, work, cause)
        certain = certain and not self.maybe
        self._work[key] = certain or self._work.get(key, False)

    def event(self, kind: str, table: str = "", name: str = "", **detail: Any) -> None:
        self.events.append(Event(kind=kind, table=table, name=name, detail=detail))

    def mark(self) -> Noted:
        """Return what is noted so far, for `undo`."""
        unknown, emptied = list(self.unknown), list(self.emptied)
        return dict(self.locks), dict(self._work), list(self.events), unknown, emptied

    def undo(self, noted: Noted) -> None:
        """Forget what was noted since: it is rolled back."""
        self.locks, self._work, self.events, self.unknown, self.emptied = noted

    def cannot_know(self, reason: str) -> None:
        self.unknown.append(reason)

    def fail(self, code: str, message: str) -> NoReturn:
        raise WillFailError(code, message)

    def effect(self, failure: Failure | None = None) -> Effect:
        """Return what was collected, frozen."""
        world = self.world
        return Effect(
            index=self.index,
            sql=self.statement.sql,
            kind=self.statement.kind,
            in_transaction=self._in_transaction,
            locks=dict(self.locks),
            held=self._held,
            touches=tuple(self._touch(*key) for key in self._work),
            events=tuple(self.events),
            unknown=tuple(self.unknown),
            failure=failure,
            lock_timeout=world.setting("lock_timeout"),
            statement_timeout=world.setting("statement_timeout"),
            new_tables=frozenset(world.created),
            made_tables=frozenset(world.made),
            rows={name: world.row_count(name) for name in self.locks},
        )

    def _touch(self, table: str, work: Work, cause: str) -> Touch:
        modes = [m for m in (self._held.get(table), self._own(table)) if m]
        return Touch(
            table=table,
            work=work,
            cause=cause,
            lock=max(modes) if modes else None,
            rows=self.world.row_count(table),
            new=table in self._created or table.startswith("pg_temp."),
            made=table in self.world.made,
            certain=self._work[table, work, cause],
        )

    def _own(self, table: str) -> Lock | None:
        mode = self.locks.get(table)
        if self._released and mode:
            return min(mode, Lock.SUX)
        return mode
