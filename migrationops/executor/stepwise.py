"""A non-atomic migration: each statement committed, journaled and tried by itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import transaction
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from migrationops.executor.atomic import record
from migrationops.executor.session import Session
from migrationops.journal import Journal
from migrationops.models import Step
from migrationops.postgres import timeouts
from migrationops.postgres.retry import Attempt, retrying
from migrationops.postgres.statements import StatementClass, classify
from migrationops.progress import Progress, Stage, State


def run_stepwise(
    session: Session, journal: Journal, migration: Migration, state: ProjectState
) -> ProjectState:
    """Run the operations one by one, then the deferred SQL, then the record."""
    session.make_ready()
    state = state.clone()
    journaled = JournalEachStatement(session, journal, migration)
    with (
        session.wrapper.execute_wrapper(journaled),
        session.wrapper.schema_editor(atomic=False) as editor,
    ):
        for operation in migration.operations:
            before = state.clone()
            operation.state_forwards(migration.app_label, state)
            with _own_transaction(session, operation):
                operation.database_forwards(migration.app_label, editor, before, state)
        deferred, editor.deferred_sql = list(editor.deferred_sql), []
        for statement in deferred:
            editor.execute(statement, None)
    with transaction.atomic(using=session.alias, durable=True):
        record(session, migration)
    return state


def _own_transaction(
    session: Session, operation: Operation
) -> AbstractContextManager[None]:
    """Give an operation that asks for it a transaction of its own."""
    if operation.atomic:
        return transaction.atomic(using=session.alias)
    return nullcontext()


class JournalEachStatement:
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

    def __call__(
        self, execute: Any, sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        statement = classify(str(sql))
        if statement in (StatementClass.DATA, StatementClass.SESSION):
            return execute(sql, params, many, context)
        return self._step(
            statement, str(sql), lambda: execute(sql, params, many, context)
        )

    def _step(
        self, statement: StatementClass, text: str, execute: Callable[[], Any]
    ) -> Any:
        session, self._position = self._session, self._position + 1
        session.lock.check()
        limits = session.limits(statement)
        inside = session.wrapper.in_atomic_block
        with self._journal.step(
            Step.Kind.STATEMENT,
            text.strip().splitlines()[0],
            app=self._migration.app_label,
            migration=self._migration.name,
            position=self._position,
            sql=text,
        ) as step:

            def attempt() -> Any:
                timeouts.apply(session.connection, limits, local=inside)
                return execute()

            def note(failed: Attempt) -> None:
                step.detail["tries"] = failed.number + 1
                session.report(_retry(text, failed))

            # In an operation's own transaction a retry could not work: 25P02.
            budget = 0.0 if inside else session.policy.outage_budget
            return retrying(attempt, budget=budget, before_pause=note)


def _retry(text: str, failed: Attempt) -> Progress:
    label = f"try {failed.number} gave way ({failed.error}): {text.splitlines()[0]}"
    return Progress(stage=Stage.APPLY, state=State.ADVANCED, label=label)
