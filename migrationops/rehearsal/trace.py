"""The statement tracer: runs a statement and says what it did.

Inside a transaction the session observes itself before and after. A statement
outside one is given its own, which changes nothing for it; only what refuses that
(CREATE INDEX CONCURRENTLY, VACUUM, a procedure that commits) or would fail without
(LOCK TABLE) runs bare, with its locks sampled from a second connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from psycopg import errors, pq

from migrationops.postgres.databases import Connection
from migrationops.postgres.statements import StatementClass, classify
from migrationops.rehearsal.facts import Facts, between, committed_alone
from migrationops.rehearsal.kinds import needs_block
from migrationops.rehearsal.observation import Observation, observe, observe_totals
from migrationops.rehearsal.sampling import sampled_locks

Execute = Callable[[], object]

_FLUSHES = 150000  # older servers have a collector instead
_NEEDS_NO_TRANSACTION = {
    errors.ActiveSqlTransaction.sqlstate,
    errors.InvalidTransactionTermination.sqlstate,
}


class Tracer:
    """Traces one session; `beside` is another connection to the same database."""

    def __init__(self, connection: Connection, beside: Connection) -> None:
        self._connection = connection
        self._beside = beside
        self._began: datetime | None = None
        self._old: frozenset[int] = frozenset()  # relations when it began

    def trace(self, sql: str, execute: Execute) -> Facts:
        """Run `execute`, which sends `sql`, and say what it did; errors pass."""
        if self._connection.info.transaction_status is pq.TransactionStatus.INTRANS:
            return self._inside(execute)
        if needs_block(sql):
            return self._alone(sql, execute)
        try:
            return self._in_own_transaction(execute)
        except Exception as exc:
            if sqlstate(exc) not in _NEEDS_NO_TRANSACTION:
                raise
        return self._alone(sql, execute)

    def trace_whole(self, execute: Execute) -> Facts:
        """Run something that sends statements of its own, and ends what it begins."""
        if self._connection.info.transaction_status is pq.TransactionStatus.INTRANS:
            return self._inside(execute)
        return self._alone("", execute)

    def _inside(self, execute: Execute) -> Facts:
        before = observe(self._connection)
        self._begin(before)
        started = time.perf_counter()
        execute()
        seconds = time.perf_counter() - started
        after = observe(self._connection)
        return between(before, after, seconds=seconds, old=self._old)

    def _begin(self, before: Observation) -> None:
        """Note what is there when a transaction begins: nobody sees what it adds."""
        if before.began != self._began:
            self._began = before.began
            self._old = frozenset(before.relations)

    def _in_own_transaction(self, execute: Execute) -> Facts:
        self._connection.execute("BEGIN")
        try:
            facts = self._inside(execute)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return facts

    def _alone(self, sql: str, execute: Execute) -> Facts:
        self._flush()
        before = observe_totals(self._beside, {})
        with sampled_locks(self._beside, self._connection.info.backend_pid) as locks:
            started = time.perf_counter()
            execute()
            seconds = time.perf_counter() - started
        self._flush()
        return committed_alone(
            before,
            observe_totals(self._beside, locks),
            seconds=seconds,
            concurrent=classify(sql) is StatementClass.CONCURRENT,
        )

    def _flush(self) -> None:
        """Bring this session's counters, which wait for a second, to everybody."""
        if self._connection.info.server_version >= _FLUSHES:
            self._connection.execute("SELECT pg_stat_force_next_flush()")


def sqlstate(exc: BaseException) -> str | None:
    """Return PostgreSQL's code of an error, Django's wrapping or not."""
    code: str | None = getattr(exc, "sqlstate", None)
    return code or (sqlstate(exc.__cause__) if exc.__cause__ else None)
