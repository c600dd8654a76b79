"""The rows that receivers of post_migrate write, told apart from others'.

A receiver may be anybody's and commits as it likes, so each of its statements is
measured by itself: inside the receiver's transaction, or in one around the statement
alone, which is what autocommit makes of it anyway. What is rolled back, many
statements in one, or on another connection, is not noted: it counts as others'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import connections
from psycopg.pq import TransactionStatus

from migrationops.executor.writes import written_rows
from migrationops.journal import Journal
from migrationops.models import Step
from migrationops.postgres.databases import Connection
from migrationops.postgres.statements import writes_rows

_XACT = "SELECT pg_current_xact_id_if_assigned()"
_COMMITTED = """
SELECT id FROM unnest(%s::text[]) AS id WHERE pg_xact_status(id::xid8) = 'committed'
"""
_MEASURABLE = (TransactionStatus.IDLE, TransactionStatus.INTRANS)


@contextmanager
def noting_receivers(alias: str, journal: Journal) -> Iterator[None]:
    """Journal what the block's statements write by the alias as one step's rows."""
    tally = _Tally()
    with journal.step(Step.Kind.DATA, "post_migrate") as step:
        with connections[alias].execute_wrapper(tally):
            yield
        rows = tally.committed(journal.connection)
        step.detail["writes"] = {"rows": rows, "files": {}}


class _Tally:
    """Counts rows by transaction and table, for each statement of one connection."""

    def __init__(self) -> None:
        self._rows: dict[str, Counter[int]] = {}

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        wrapper = context["connection"]
        connection: Connection = wrapper.connection
        status = connection.info.transaction_status
        if many or status not in _MEASURABLE or not writes_rows(str(sql)):
            return execute(sql, params, many, context)
        # An atomic block begins its transaction with its first statement.
        alone = connection.autocommit and status is TransactionStatus.IDLE
        with (
            wrapper.wrap_database_errors,
            connection.transaction() if alone else nullcontext(),
        ):
            before = written_rows(connection)
            result = execute(sql, params, many, context)
            self._note(connection, before)
        return result

    def _note(self, connection: Connection, before: Counter[int]) -> None:
        row = connection.execute(_XACT).fetchone()
        if row is not None and row[0] is not None:
            rows = self._rows.setdefault(str(row[0]), Counter())
            rows.update(written_rows(connection) - before)

    def committed(self, connection: Connection) -> dict[str, int]:
        """Return the rows by table of the transactions that the server committed."""
        found = connection.execute(_COMMITTED, [list(self._rows)]).fetchall()
        total = sum((self._rows[xact] for (xact,) in found), Counter[int]())
        return {str(oid): count for oid, count in total.items()}
