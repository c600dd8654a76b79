"""A raw SQL script, run statement by statement and traced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import errors, pq

from migrationops.postgres.databases import Connection
from migrationops.postgres.splitting import split
from migrationops.rehearsal.facts import Facts
from migrationops.rehearsal.kinds import controls_transaction, copies_in, copies_out
from migrationops.rehearsal.trace import Tracer

NOT_RUN = "not run: a statement before it failed"
# Errors that rows raise: the table was read, or written, before they did.
_WHILE_READING = ("22", "23", "P0", "XX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a script.

    Without facts when it failed, was not run, or begins or ends a transaction.
    """

    index: int
    sql: str
    error: str | None = None
    facts: Facts | None = None

    @property
    def blocks(self) -> bool | None:
        """Whether a table was worked on while closed to writers; None: unknown."""
        if self.facts:
            return self.facts.blocks
        if self.error == NOT_RUN or str(self.error).startswith(_WHILE_READING):
            return None
        return False

    def to_json(self) -> dict[str, Any]:
        facts = self.facts.to_json() if self.facts else {}
        return {
            "index": self.index,
            "sql": self.sql,
            "error": self.error,
            "locks": facts.get("locks", {}),
            "held_before": facts.get("held", {}),
            "rewritten": facts.get("rewritten", []),
            "scanned": sorted(facts.get("scanned", {})),
            "blocks": self.blocks,
            "seconds": facts.get("seconds"),
            "wal_bytes": facts.get("wal_bytes"),
        }


def run_script(
    connection: Connection, beside: Connection, sql: str, *, in_transaction: bool
) -> tuple[Statement, ...]:
    """Run the script on an autocommit connection; stop at the first error."""
    # Workers of a parallel plan count what they read for themselves.
    connection.execute(
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN "
        "('max_parallel_workers_per_gather', 'max_parallel_maintenance_workers')"
    )
    tracer = Tracer(connection, beside)
    if in_transaction:
        connection.execute("BEGIN")
    done: list[Statement] = []
    for index, text in enumerate(split(sql)):
        if done and done[-1].error:
            done.append(Statement(index=index, sql=text, error=NOT_RUN))
        else:
            done.append(_run(connection, tracer, index, text))
    return _finished(connection, done)


def _run(connection: Connection, tracer: Tracer, index: int, sql: str) -> Statement:
    statement = Statement(index=index, sql=sql)

    def execute() -> None:
        _send(connection, sql)

    try:
        if controls_transaction(sql):
            execute()
            return statement
        return replace(statement, facts=tracer.trace(sql, execute))
    except psycopg.Error as exc:
        return replace(statement, error=_error(exc))


def _send(connection: Connection, sql: str) -> None:
    """Execute; rows that a COPY gives are thrown away, for one there are none."""
    if copies_in(sql):
        message = "COPY FROM STDIN has no rows here: write them as INSERT"
        raise errors.FeatureNotSupported(message)
    if not copies_out(sql):
        connection.execute(sql)
        return
    with connection.cursor().copy(sql) as copy:
        for _rows in copy:
            pass


def _finished(connection: Connection, done: list[Statement]) -> tuple[Statement, ...]:
    """Commit: what PostgreSQL defers to the end fails here."""
    if connection.info.transaction_status is not pq.TransactionStatus.INTRANS:
        return tuple(done)
    try:
        connection.execute("COMMIT")
    except psycopg.Error as exc:
        done[-1] = replace(done[-1], error=_error(exc))
    return tuple(done)


def _error(exc: psycopg.Error) -> str:
    return f"{exc.sqlstate or ''} {exc.diag.message_primary or exc}".strip()
