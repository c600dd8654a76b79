"""Which rows a transaction of ours wrote, so that a restore can tell them from others'.

PostgreSQL counts by table, not by session: only inside our own transaction can our
rows be told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from migrationops.executor.session import Session
from migrationops.postgres.databases import Connection

_ROWS = """
SELECT relid::bigint, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_all_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
   OR relid = 'pg_largeobject'::regclass
"""
_FILES = """
SELECT oid::bigint, relfilenode::bigint FROM pg_class
WHERE relkind = 'r' AND relpersistence <> 't'
  AND relnamespace <> 'pg_catalog'::regnamespace
"""


@contextmanager
def noting(session: Session, detail: dict[str, Any]) -> Iterator[None]:
    """Inside a transaction: put what the block writes into a step's detail.

    Under "writes": `rows` by the table's oid, and for each table that it rewrote the
    `files` before and after (0: it was made here). The counters may still hold an
    earlier transaction's rows, hence end minus begin.
    """
    before = written_rows(session.connection)
    yield
    rows = written_rows(session.connection)
    rows.subtract(before)
    detail["writes"] = {
        "rows": {str(oid): count for oid, count in rows.items() if count},
        "files": _rewritten(session),
    }


def written_rows(connection: Connection) -> Counter[int]:
    """Return what this session wrote and has not reported yet, by the table's oid.

    The open transaction's rows, and perhaps an earlier one's: take the difference.
    """
    return Counter(_read(connection, _ROWS))


def _rewritten(session: Session) -> dict[str, tuple[int, int]]:
    """Compare with what others see: whoever rewrote a table holds it locked.

    What we read when we began could be older than another's TRUNCATE.
    """
    committed = _read(session.watch, _FILES)
    return {
        str(oid): (committed.get(oid, 0), file)
        for oid, file in _read(session.connection, _FILES).items()
        if committed.get(oid) != file
    }


def _read(connection: Connection, query: str) -> dict[int, int]:
    return dict(connection.execute(query.encode()).fetchall())
