"""The server's statistics of a database, read before a backup's snapshot.

Read before, so that their lag (an idle session reports after 10 s) can only
overstate what a restore would lose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migrationops.postgres.databases import Connection

_DATABASE = """
SELECT oid::bigint FROM pg_database WHERE datname = current_database()
"""
_RESETS = """
SELECT (SELECT stats_reset::text FROM pg_stat_wal),
       (SELECT stats_reset::text FROM pg_stat_bgwriter),
       (SELECT stats_reset::text FROM pg_stat_database
        WHERE datname = current_database())
"""
_TABLES = """
SELECT s.schemaname, s.relname, c.oid::bigint, c.relfilenode::bigint,
       s.n_tup_ins, s.n_tup_upd, s.n_tup_del
FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND (s.schemaname NOT IN ('pg_catalog', 'information_schema')
       AND s.schemaname !~ '^pg_(toast|temp)'
       OR c.oid = 'pg_largeobject'::regclass)
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCounters:
    """Rows written since the counters began, and which table that was."""

    schema: str
    name: str
    oid: int
    relfilenode: int
    inserted: int
    updated: int
    deleted: int

    @property
    def qualified_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def writes(self) -> int:
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """All tables' counters.

    `resets` are the stats_reset of pg_stat_wal, pg_stat_bgwriter and the database:
    a crash changes the first two, a reset the third, and then a counter that went
    back to zero says nothing. `database` is the oid: a restore makes another one.
    """

    database: int = 0
    resets: tuple[str, ...] = ()
    tables: tuple[TableCounters, ...] = ()


def parse_counters(data: Mapping[str, Any]) -> Counters:
    """Read what dataclasses.asdict() made of them."""
    return Counters(
        database=data["database"],
        resets=tuple(data["resets"]),
        tables=tuple(TableCounters(**table) for table in data["tables"]),
    )


def read_counters(connection: Connection) -> Counters:
    """Read the counters as the server knows them now."""
    database = connection.execute(_DATABASE).fetchone()
    resets = connection.execute(_RESETS).fetchone()
    rows = connection.execute(_TABLES).fetchall()
    return Counters(
        database=database[0] if database else 0,
        resets=tuple(reset or "" for reset in resets or ()),
        tables=tuple(
            TableCounters(
                schema=row[0],
                name=row[1],
                oid=row[2],
                relfilenode=row[3],
                inserted=row[4],
                updated=row[5],
                deleted=row[6],
            )
            for row in rows
        ),
    )
