"""The transaction of an atomic migration, which nobody but us may end."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import psycopg
from django.db import transaction
from django.db.migrations import Migration

from migrationops.exceptions import NeedsPersonError
from migrationops.executor.session import Session
from migrationops.postgres.databases import Connection

_STATUS = "SELECT coalesce(pg_xact_status(%s::text::xid8), 'too old')"
_PATIENCE = 10.0  # seconds for a server to notice that its client is gone


@dataclass(frozen=True, slots=True)
class Fence:
    """A transaction by its number: a COMMIT inside would begin another one."""

    session: Session
    migration: Migration
    number: str

    @classmethod
    def build(cls, session: Session, migration: Migration) -> Fence:
        """Stand around the transaction that was just begun."""
        return cls(session, migration, _number(session.connection))

    def require(self) -> None:
        """Raise unless we are still in the transaction, and it may be committed.

        To be asked before a block of Django's ends: with a savepoint of its own it
        would roll back to it, and the record would be committed without the rest.
        """
        if self.session.wrapper.get_rollback():
            raise transaction.TransactionManagementError(
                "it asked for a rollback (transaction.set_rollback)"
            )
        if _number(self.session.connection) != self.number:
            raise NeedsPersonError(
                f"{self.migration} ended its own transaction: what it did before that "
                "is committed, and it is not recorded.",
                remedy="Look at the tables it touches, then correct the migration.",
            )

    def require_rolled_back(self) -> None:
        """After a failure, raise if the server says that the transaction stays."""
        with contextlib.suppress(psycopg.Error):
            status = self._outcome()
            if status != "aborted":
                raise NeedsPersonError(
                    f"{self.migration} failed, and yet its transaction is {status}.",
                    remedy="manage.py migration_status says whether it is recorded; "
                    "if it is, run manage.py safe_migrate again.",
                )

    def _outcome(self) -> str:
        """Ask another connection, until the server has made up its mind."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            row = self.session.watch.execute(_STATUS, [self.number]).fetchone()
            status = str(row[0]) if row else "unknown"
            if status != "in progress" or time.monotonic() > deadline:
                return status
            time.sleep(0.1)


def _number(connection: Connection) -> str:
    row = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
    return str(row[0]) if row else ""
