"""Lock first, then the snapshot: what a dump then sees nobody can rewrite.

With the snapshot first, a TRUNCATE or a rewriting ALTER that commits before the
table is locked leaves an empty table to the dump, and a count under that snapshot
agrees with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import errors, sql

from migrationops.backups.contents import Relation, read_relations
from migrationops.backups.source import Source
from migrationops.exceptions import PreconditionError
from migrationops.postgres.databases import Connection

LOCK_WAIT = 30.0  # seconds; nobody waits behind a request for ACCESS SHARE
_TRIES = 5
_BATCH = 500
_EXPORT = """
SELECT pg_export_snapshot(),
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_lsn() END::text
"""
_NO_TIMEOUTS = """
SELECT set_config(name, '0', false) FROM pg_settings
WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout',
               'transaction_timeout')
"""
_LOCK_TABLE = """
SELECT current_setting('max_locks_per_transaction')::int,
       current_setting('max_connections')::int
       + current_setting('max_prepared_transactions')::int
"""
_HOLDERS = """
SELECT DISTINCT a.pid, a.usename, a.application_name, l.relation::regclass::text
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An exported snapshot, for as long as its connection stays in transaction.

    `options` are for pg_dump, where not everything is to be dumped.
    """

    connection: Connection
    id: str
    lsn: str
    relations: tuple[Relation, ...]
    options: tuple[str, ...] = ()


@contextmanager
def lock_first_snapshot(source: Source) -> Iterator[Snapshot]:
    """Lock every table in ACCESS SHARE mode, export a snapshot, and hold both.

    Raises PreconditionError when a table cannot be locked or would not be seen
    whole.
    """
    with source.connect() as connection:
        connection.execute(_NO_TIMEOUTS)
        connection.execute("SET row_security = off")
        limit_lock_waits(connection)
        yield _take(connection)


def limit_lock_waits(connection: Connection) -> None:
    """Let no statement of this session wait longer for a lock than LOCK_WAIT."""
    connection.execute(
        "SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_WAIT * 1000:.0f}ms"]
    )


def _take(connection: Connection) -> Snapshot:
    for _ in range(_TRIES):
        relations = read_relations(connection)
        _check_visible(connection)
        _check_lock_table(connection, len(relations))
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if _lock(connection, relations):
            row = connection.execute(_EXPORT).fetchone()
            assert row is not None
            if _names(read_relations(connection)) == _names(relations):
                return Snapshot(
                    connection=connection, id=row[0], lsn=row[1], relations=relations
                )
        connection.execute("ROLLBACK")
    raise PreconditionError(
        "Tables are being made and dropped all the time, so that no consistent list "
        "could be locked; nothing was changed.",
        remedy="Try again when that work is over.",
    )


def _names(relations: tuple[Relation, ...]) -> set[tuple[str, str]]:
    return {(r.schema, r.name) for r in relations}


def _lock(connection: Connection, relations: tuple[Relation, ...]) -> bool:
    """Lock the tables; return False when one was dropped in the meantime."""
    try:
        for start in range(0, len(relations), _BATCH):
            batch = relations[start : start + _BATCH]
            tables = sql.SQL(", ").join(
                sql.SQL("ONLY {}").format(r.identifier) for r in batch
            )
            query = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE")
            connection.execute(query.format(tables))
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return False
    except errors.LockNotAvailable as exc:
        connection.execute("ROLLBACK")
        raise _blocked(connection) from exc
    except errors.InsufficientPrivilege as exc:
        raise PreconditionError(
            f"This role may not read every table: {exc.diag.message_primary}. "
            "A backup without it would not be one; nothing was changed.",
            remedy="GRANT SELECT on it (or pg_read_all_data), or set OPERATOR_URL.",
        ) from exc
    return True


def _blocked(connection: Connection) -> PreconditionError:
    holders = connection.execute(_HOLDERS).fetchall()
    named = "; ".join(
        f"pid {pid} ({user}, {application or 'unnamed'}) on {table}"
        for pid, user, application, table in holders
    )
    return PreconditionError(
        f"A table could not be locked for reading within {LOCK_WAIT:.0f} s. "
        f"ACCESS EXCLUSIVE is held by: {named or 'nobody any more'}. "
        "Nothing was changed.",
        remedy="Wait for that session to end, or end it, and try again.",
    )


def _check_visible(connection: Connection) -> None:
    """Refuse a role from which row security hides rows."""
    rows = connection.execute(
        "SELECT oid::regclass::text FROM pg_class "
        "WHERE relrowsecurity AND row_security_active(oid) ORDER BY 1"
    ).fetchall()
    if rows:
        raise PreconditionError(
            "Row security hides rows from this role in "
            f"{', '.join(r[0] for r in rows)}: a backup would miss them. "
            "Nothing was changed.",
            remedy="Set OPERATOR_URL to a role with BYPASSRLS, or the tables' owner.",
        )


def _check_lock_table(connection: Connection, relations: int) -> None:
    """Refuse where we and pg_dump together would overflow the lock table."""
    row = connection.execute(_LOCK_TABLE).fetchone()
    assert row is not None
    per_transaction, sessions = row
    if 2 * relations > per_transaction * sessions:
        needed = -(-2 * relations // sessions)
        raise PreconditionError(
            f"{relations} tables have to be locked twice, and the server's lock "
            f"table holds {per_transaction * sessions}; nothing was changed.",
            remedy=f"Set max_locks_per_transaction to {needed} or more and restart "
            "the server.",
        )
