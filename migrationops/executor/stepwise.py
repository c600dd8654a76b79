"""A non-atomic migration: each statement committed, journaled and tried by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.db import transaction
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from migrationops.executor.atomic import record
from migrationops.executor.early_locks import locked_first
from migrationops.executor.lookout import look_ahead
from migrationops.executor.recorded import (
    RecordedStep,
    Script,
    StepKind,
    locate,
)
from migrationops.executor.session import Session
from migrationops.executor.writes import noting
from migrationops.journal import Journal, OpenStep
from migrationops.models import Step
from migrationops.operations import Backfill
from migrationops.postgres import timeouts
from migrationops.postgres.retry import Attempt, retrying
from migrationops.postgres.statements import StatementClass, classify
from migrationops.postgres.table_locks import Lock
from migrationops.progress import Progress, Stage, State

_NONE: Mapping[str, Lock] = {}


def run_stepwise(
    session: Session, journal: Journal, migration: Migration, state: ProjectState
) -> ProjectState:
    """Run the operations through Django, then the deferred SQL, then the record.

    For a migration that was not rehearsed: where it stops is known, but it cannot be
    continued.
    """
    session.make_ready()
    state = state.clone()
    journaled = StatementRunner(session, journal, migration)
    with (
        session.wrapper.execute_wrapper(journaled),
        session.wrapper.schema_editor(atomic=False) as editor,
    ):
        for operation in migration.operations:
            before = state.clone()
            operation.state_forwards(migration.app_label, state)
            _let_tell(session, operation)
            with _own_transaction(session, operation, {}):
                operation.database_forwards(migration.app_label, editor, before, state)
        deferred, editor.deferred_sql = list(editor.deferred_sql), []
        for statement in deferred:
            editor.execute(statement, None)
    _record(session, migration)
    return state


def run_recorded(
    session: Session,
    journal: Journal,
    migration: Migration,
    state: ProjectState,
    script: Script,
    *,
    start: int = 1,
) -> ProjectState:
    """Execute the steps that the rehearsal recorded, from position `start`, and record.

    What an earlier step set for the session is set again.
    """
    session.make_ready()
    runner = StatementRunner(session, journal, migration)
    for step in script.steps:
        if step.position >= start or step.kind is StepKind.SESSION:
            runner.run(step, state)
    _record(session, migration)
    state = state.clone()
    for operation in migration.operations:
        operation.state_forwards(migration.app_label, state)
    return state


class StatementRunner:
    """Give every schema statement its limits, its step and its retries.

    Rows that a data operation writes are not steps: the operation is one.
    """

    def __init__(
        self, session: Session, journal: Journal, migration: Migration
    ) -> None:
        self._session = session
        self._journal = journal
        self._migration = migration
        self._position = 0

    def run(self, step: RecordedStep, state: ProjectState) -> None:
        """Run one recorded step."""
        self._position = step.position - 1
        match step.kind:
            case StepKind.SCHEMA:
                statement = classify(step.sql)
                self._step(
                    statement,
                    step.sql,
                    lambda: self._execute(step.sql),
                    locks=step.locks,
                )
            case StepKind.SESSION:
                self._execute(step.sql)
            case StepKind.DATA:
                self._data(step, state)

    def __call__(
        self, execute: Any, sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """Wrap Django's cursor, for a migration that runs through Django."""
        statement = classify(str(sql))
        if statement in (StatementClass.DATA, StatementClass.SESSION):
            return execute(sql, params, many, context)
        return self._step(
            statement, str(sql), lambda: execute(sql, params, many, context)
        )

    def _execute(self, sql: str) -> None:
        self._session.connection.execute(sql.encode())

    def _data(self, step: RecordedStep, state: ProjectState) -> None:
        """Run an operation that writes by itself; it is a step of its own."""
        session, label = self._session, self._migration.app_label
        located = locate(self._migration, state, step.operation)
        _let_tell(session, located.operation)
        session.lock.check()
        with (
            self._open(Step.Kind.DATA, located.operation.describe(), step.sql) as row,
            session.wrapper.schema_editor(atomic=False) as editor,
            _own_transaction(session, located.operation, row.detail),
        ):
            located.operation.database_forwards(
                label, editor, located.before, located.after
            )

    def _open(
        self, kind: Step.Kind, label: str, sql: str
    ) -> AbstractContextManager[OpenStep]:
        self._position += 1
        return self._journal.step(
            kind,
            label.strip().splitlines()[0],
            app=self._migration.app_label,
            migration=self._migration.name,
            position=self._position,
            sql=sql,
        )

    def _step(
        self,
        statement: StatementClass,
        text: str,
        execute: Callable[[], Any],
        *,
        locks: Mapping[str, Lock] = _NONE,
    ) -> Any:
        session = self._session
        session.lock.check()
        limits, label = session.limits(statement), text.strip().splitlines()[0]
        waits = statement is StatementClass.CONCURRENT
        patience = None if waits else session.policy.patience
        inside = session.wrapper.in_atomic_block
        # In an operation's own transaction a retry could not work: 25P02.
        budget = 0.0 if inside else session.policy.outage_budget
        until = time.monotonic() + budget
        with self._open(Step.Kind.STATEMENT, label, text) as step:

            def attempt() -> Any:
                look_ahead(session, statement, text, until=until)
                with (
                    session.watchdog(label, patience=patience),
                    locked_first(session, locks, step.detail, until=until) as within,
                ):
                    timeouts.apply(session.connection, limits, local=inside or within)
                    return execute()

            def note(failed: Attempt) -> None:
                step.detail["tries"] = failed.number + 1
                session.report(_retry(text, failed))

            return retrying(
                attempt,
                budget=budget,
                before_pause=note,
                least=session.policy.lock_timeout,
            )


@contextmanager
def _own_transaction(
    session: Session, operation: Operation, detail: dict[str, Any]
) -> Iterator[None]:
    """Give an operation that asks for it a transaction of its own, and note its rows.

    What is committed statement by statement nobody can tell from others' rows.
    """
    if not operation.atomic:
        yield
        return
    with transaction.atomic(using=session.alias), noting(session, detail):
        yield


def _let_tell(session: Session, operation: Operation) -> None:
    """A backfill tells of its rows by itself."""
    if isinstance(operation, Backfill):
        operation.report = session.report


def _record(session: Session, migration: Migration) -> None:
    with transaction.atomic(using=session.alias, durable=True):
        record(session, migration)


def _retry(text: str, failed: Attempt) -> Progress:
    label = f"try {failed.number} gave way ({failed.error}): {text.splitlines()[0]}"
    return Progress(stage=Stage.APPLY, state=State.ADVANCED, label=label)
