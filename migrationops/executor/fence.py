"""The transaction of an atomic migration, which nobody but us may end."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psycopg
from django.db import transaction
from django.db.migrations import Migration

from migrationops.exceptions import DatabaseError, NeedsPersonError
from migrationops.executor.session import Session
from migrationops.postgres import databases
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
        """After a failure, raise unless the server says that nothing of it stays."""
        try:
            status = self._outcome()
        except DatabaseError as exc:
            raise NeedsPersonError(
                f"{self.migration} failed, and the server cannot be asked what became "
                f"of it: {exc}",
                remedy="When the server is back: manage.py safe_migrate. What is "
                "committed is recorded, and it goes on from there.",
            ) from exc
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
            status = self._ask()
            if status != "in progress" or time.monotonic() > deadline:
                return status
            time.sleep(0.1)

    def _ask(self) -> str:
        try:
            row = self.session.watch.execute(_STATUS, [self.number]).fetchone()
        except psycopg.Error:  # it may have been ended together with ours
            with databases.connect(self.session.alias) as connection:
                row = connection.execute(_STATUS, [self.number]).fetchone()
        return str(row[0]) if row else "unknown"


def _number(connection: Connection) -> str:
    row = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
    return str(row[0]) if row else ""
