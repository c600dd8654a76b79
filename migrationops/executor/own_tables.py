"""migrationops' own tables: applied first, under the lock, before anything is told."""

from __future__ import annotations

from django.db.migrations.loader import MigrationLoader

from migrationops import stamp
from migrationops.conf import Conf
from migrationops.executor.atomic import run_in_transaction
from migrationops.executor.session import Session, executing
from migrationops.executor.states import applied_state
from migrationops.plan import own_plan


def install(session: Session, conf: Conf, loader: MigrationLoader) -> bool:
    """Bring our tables up to date; stamp a database that holds nothing yet.

    The stamp comes before the first user table: a kill in between never leaves an
    unstamped full database. Return whether anything was applied.
    """
    pending = own_plan(loader, alias=session.alias).migrations
    with executing(session):
        state = applied_state(loader)
        for planned in pending:
            state = run_in_transaction(
                session,
                loader.get_migration(*planned.key),
                state,
                finish=lambda: None,
            )
        if stamp.read(session.connection).is_new:
            stamp.write(session.connection, conf)
    return bool(pending)
