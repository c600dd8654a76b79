"""migrationops' own tables: applied first, under the lock, before anything is told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import Error as DjangoError
from django.db.migrations.loader import MigrationLoader
from psycopg import errors

from migrationops import stamp
from migrationops.conf import Conf
from migrationops.exceptions import PreconditionError
from migrationops.executor.atomic import run_in_transaction
from migrationops.executor.session import Session, executing
from migrationops.executor.states import applied_state
from migrationops.plan import own_plan


def install(session: Session, conf: Conf, loader: MigrationLoader) -> bool:
    """Bring our tables up to date; stamp a database that holds nothing yet.

    The stamp comes before the first user table: a kill in between never leaves an
    unstamped full database. Return whether anything was applied. Raises
    PreconditionError when this role may not make them.
    """
    pending = own_plan(loader, alias=session.alias).migrations
    with executing(session):
        with _allowed():
            state = applied_state(loader)
            for planned in pending:
                migration = loader.get_migration(*planned.key)
                state = run_in_transaction(
                    session, migration, state, detail={}, finish=lambda: None
                )
        if stamp.read(session.connection).is_new:
            stamp.write(session.connection, conf)
    return bool(pending)


@contextlib.contextmanager
def _allowed() -> Iterator[None]:
    try:
        yield
    except DjangoError as exc:
        if not isinstance(exc.__cause__, errors.InsufficientPrivilege):
            raise
        raise PreconditionError(
            "This role may not make migrationops' own tables: "
            f"{exc.__cause__.diag.message_primary}. Nothing was changed.",
            remedy="GRANT it CREATE on the schema, or set OPERATOR_URL.",
        ) from exc
