"""An atomic migration: schema, deferred SQL and the record in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from django.db import transaction
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from migrationops.exceptions import NeedsPersonError
from migrationops.executor.fence import Fence
from migrationops.executor.lookout import look_ahead
from migrationops.executor.session import Session
from migrationops.executor.writes import noting
from migrationops.journal import Journal
from migrationops.postgres import databases, timeouts
from migrationops.postgres.statements import (
    StatementClass,
    classify,
    ends_transaction,
)

_RECORD = "SELECT FROM django_migrations WHERE app = %s AND name = %s"


def run_in_transaction(
    session: Session,
    migration: Migration,
    state: ProjectState,
    *,
    detail: dict[str, Any],
    until: float = 0.0,
    prepare: Callable[[], None] = lambda: None,
    finish: Callable[[], None],
) -> ProjectState:
    """Try once, from a state of its own: all of it is committed, or nothing.

    The session is ready; `until` (time.monotonic()) ends the waiting for blockers.
    `prepare` is called when the transaction is begun. What was written is noted in
    `detail`; `finish` writes what must be committed with it. Raises NeedsPersonError
    when the migration ended the transaction by itself.
    """
    fence = None
    try:
        with transaction.atomic(using=session.alias, durable=True):
            _limit(session, StatementClass.BLOCKING)
            fence = Fence.build(session, migration)
            prepare()
            with noting(session, detail):
                # apply() mutates the state: a second try needs a fresh one
                new_state = _apply(session, migration, state.clone(), fence, until)
            record(session, migration)
            finish()
    except NeedsPersonError:
        raise
    except BaseException:
        if fence is not None:
            fence.require_rolled_back()
        raise
    return new_state


class LimitEachStatement:
    """Set the limits before each statement that may block others.

    Before each, since a RunSQL may have changed them. Blockers are waited for while
    the transaction holds no lock of its own.
    """

    def __init__(self, session: Session, until: float) -> None:
        self._session = session
        self._until = until

    def __call__(
        self, execute: Any, sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        statement = classify(str(sql))
        look_ahead(self._session, statement, str(sql), until=self._until)
        if statement not in (StatementClass.DATA, StatementClass.SESSION):
            _limit(self._session, statement)
        return execute(sql, params, many, context)


def keep_transaction(
    execute: Any, sql: Any, params: Any, many: bool, context: Any
) -> Any:
    """Refuse to run a statement that would end the transaction around it."""
    if ends_transaction(str(sql)):
        raise transaction.TransactionManagementError(
            "it would end its own transaction; leave BEGIN, COMMIT and ROLLBACK out, "
            f"or set atomic = False: {str(sql).strip().splitlines()[0]}"
        )
    return execute(sql, params, many, context)


def record(session: Session, migration: Migration) -> None:
    """Record as Django does: a squash records what it replaces."""
    recorder = MigrationRecorder(session.wrapper)
    replaced = migration.replaces or [(migration.app_label, migration.name)]
    for app, name in replaced:
        recorder.record_applied(app, name)


def is_recorded(session: Session, journal: Journal, migration: Migration) -> bool:
    """Ask whether its record is committed, on another connection than its own.

    By a new one where the journal's is gone. Raises DatabaseError when nobody answers.
    """
    key = (migration.replaces or [(migration.app_label, migration.name)])[-1]
    try:
        row = journal.connection.execute(_RECORD, key).fetchone()
    except psycopg.Error:
        with databases.connect(session.alias) as connection:
            row = connection.execute(_RECORD, key).fetchone()
    return row is not None


def _apply(
    session: Session,
    migration: Migration,
    state: ProjectState,
    fence: Fence,
    until: float,
) -> ProjectState:
    with (
        session.wrapper.execute_wrapper(keep_transaction),
        session.wrapper.execute_wrapper(LimitEachStatement(session, until)),
        session.wrapper.schema_editor(atomic=True) as editor,
    ):
        new_state = migration.apply(state, editor)
        # Not left to __exit__, which leaves its atomic block open when one fails.
        deferred, editor.deferred_sql = list(editor.deferred_sql), []
        for statement in deferred:
            editor.execute(statement, None)
        fence.require()
    return new_state


def _limit(session: Session, statement: StatementClass) -> None:
    timeouts.apply(session.connection, session.limits(statement), local=True)
