"""An atomic migration: schema, deferred SQL and the record in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from migrationops.exceptions import NeedsPersonError
from migrationops.executor.session import Session
from migrationops.postgres import timeouts
from migrationops.postgres.statements import StatementClass, classify

_FENCE = "migrationops.fence"


def run_in_transaction(
    session: Session,
    migration: Migration,
    state: ProjectState,
    *,
    finish: Callable[[], None],
) -> ProjectState:
    """Try once, from a state of its own: all of it is committed, or nothing.

    The session is ready. `finish` writes what must be committed with it. Raises
    NeedsPersonError when the migration committed by itself.
    """
    fence = uuid.uuid4().hex
    with transaction.atomic(using=session.alias, durable=True):
        _set_fence(session, fence)
        with session.wrapper.execute_wrapper(LimitEachStatement(session)):
            # apply() mutates the state: a second try needs a fresh one
            new_state = _apply(session, migration, state.clone())
        _require_fence(session, migration, fence)
        record(session, migration)
        finish()
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
            timeouts.apply(
                self._session.connection, self._session.limits(statement), local=True
            )
        return execute(sql, params, many, context)


def record(session: Session, migration: Migration) -> None:
    """Record as Django does: a squash records what it replaces."""
    recorder = MigrationRecorder(session.wrapper)
    replaced = migration.replaces or [(migration.app_label, migration.name)]
    for app, name in replaced:
        recorder.record_applied(app, name)


def _apply(session: Session, migration: Migration, state: ProjectState) -> ProjectState:
    with session.wrapper.schema_editor(atomic=True) as editor:
        new_state = migration.apply(state, editor)
        # Not left to __exit__, which leaves its atomic block open when one fails.
        deferred, editor.deferred_sql = list(editor.deferred_sql), []
        for statement in deferred:
            editor.execute(statement, None)
    return new_state


def _set_fence(session: Session, fence: str) -> None:
    limits = session.limits(StatementClass.BLOCKING)
    timeouts.apply(session.connection, limits, local=True)
    session.connection.execute("SELECT set_config(%s, %s, true)", [_FENCE, fence])


def _require_fence(session: Session, migration: Migration, fence: str) -> None:
    """A local setting that is gone means that the transaction was ended inside."""
    row = session.connection.execute(
        "SELECT current_setting(%s, true)", [_FENCE]
    ).fetchone()
    if session.wrapper.get_rollback() or row is None or row[0] != fence:
        raise NeedsPersonError(
            f"{migration} ended its own transaction (COMMIT or ROLLBACK in a RunSQL, "
            "or a rollback in a RunPython): part of it may be applied, and it is not "
            "recorded.",
            remedy="Look at the tables it touches, then correct the migration.",
        )
