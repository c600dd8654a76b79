"""What a session can see of itself between two statements of a transaction.

Two observations tell what the statement between them did: PostgreSQL keeps every
lock until the transaction ends, a rewritten relation has a new file, and the
transaction's own statistics count each row that was read or written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import LiteralString

from migrationops.postgres.databases import Connection
from migrationops.postgres.table_locks import Lock, strongest

_RELATIONS = """
SELECT c.oid, n.nspname || '.' || c.relname, c.relkind, c.relfilenode
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
_LOCKS = """
SELECT relation, mode FROM pg_locks
WHERE pid = pg_backend_pid() AND locktype = 'relation'
  AND mode NOT IN ('AccessShareLock', 'SIReadLock')  -- which keeps nobody out
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_COUNTS = """
SELECT relid, seq_scan, seq_tup_read, n_tup_ins + n_tup_upd + n_tup_del
FROM pg_stat_xact_user_tables
WHERE seq_scan > 0 OR n_tup_ins + n_tup_upd + n_tup_del > 0
"""
_TOTALS = """
SELECT relid, seq_scan, seq_tup_read, n_tup_ins + n_tup_upd + n_tup_del
FROM pg_stat_user_tables
"""
_CLOCKS = """
SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint, transaction_timestamp()
"""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation of the user's schemas; sequences have a file too."""

    name: str
    kind: str  # pg_class.relkind
    file: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What the transaction did to one table so far."""

    scans: int = 0
    read: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The state at one instant, by oid: names change while they do not."""

    relations: Mapping[int, Relation]
    wal: int = 0  # bytes since the server's beginning; others' writes count too
    began: datetime | None = None  # the transaction, when inside one
    locks: Mapping[int, Lock] = field(default_factory=dict)
    counts: Mapping[int, Counts] = field(default_factory=dict)


def observe(connection: Connection) -> Observation:
    """Look at the session's own transaction, from inside it."""
    wal, began = _clocks(connection)
    return Observation(
        relations=relations(connection),
        wal=wal,
        began=began,
        locks=_locks(connection),
        counts=_counts(connection, _COUNTS),
    )


def observe_totals(connection: Connection, locks: Mapping[int, Lock]) -> Observation:
    """Look from outside any transaction, at all that the server did so far."""
    return Observation(
        relations=relations(connection),
        wal=_clocks(connection)[0],
        locks=locks,
        counts=_counts(connection, _TOTALS),
    )


def relations(connection: Connection) -> dict[int, Relation]:
    """Return the relations of the user's schemas by oid."""
    rows = connection.execute(_RELATIONS)
    return {oid: Relation(name, kind, file) for oid, name, kind, file in rows}


def _locks(connection: Connection) -> dict[int, Lock]:
    return strongest((oid, Lock.of(mode)) for oid, mode in connection.execute(_LOCKS))


def _clocks(connection: Connection) -> tuple[int, datetime]:
    row = connection.execute(_CLOCKS).fetchone()
    assert row is not None
    return row[0], row[1]


def _counts(connection: Connection, query: LiteralString) -> dict[int, Counts]:
    rows = connection.execute(query)
    return {oid: Counts(scans, read, written) for oid, scans, read, written in rows}
