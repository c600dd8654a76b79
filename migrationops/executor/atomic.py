"""An atomic migration: schema, deferred SQL and the record in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from migrationops.exceptions import NeedsPersonError
from migrationops.executor.fence import Fence
from migrationops.executor.session import Session
from migrationops.executor.writes import noting
from migrationops.postgres import timeouts
from migrationops.postgres.statements import (
    StatementClass,
    classify,
    ends_transaction,
)


def run_in_transaction(
    session: Session,
    migration: Migration,
    state: ProjectState,
    *,
    detail: dict[str, Any],
    finish: Callable[[], None],
) -> ProjectState:
    """Try once, from a state of its own: all of it is committed, or nothing.

    The session is ready. What was written is noted in `detail`; `finish` writes what
    must be committed with it. Raises NeedsPersonError when the migration ended the
    transaction by itself.
    """
    fence = None
    try:
        with transaction.atomic(using=session.alias, durable=True):
            _limit(session, StatementClass.BLOCKING)
            fence = Fence.build(session, migration)
            with noting(session, detail):
                # apply() mutates the state: a second try needs a fresh one
                new_state = _apply(session, migration, state.clone(), fence)
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

    Before each, since a RunSQL may have changed them.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(
        self, execute: Any, sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        statement = classify(str(sql))
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


def _apply(
    session: Session, migration: Migration, state: ProjectState, fence: Fence
) -> ProjectState:
    with (
        session.wrapper.execute_wrapper(keep_transaction),
        session.wrapper.execute_wrapper(LimitEachStatement(session)),
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
