"""History goes along: the runs' rows are copied into the database that comes in.

A backup knows nothing of what happened after it; the person who opens the admin
after a restore wants to read just that.
"""

from __future__ import annotations

from graphlib import TopologicalSorter

from psycopg import sql

from migrationops.postgres.databases import Connection

_STAMP = "migrationops_stamp"
_COLUMNS = """
SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
  AND starts_with(c.relname, 'migrationops_') AND c.relname <> %s
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY 1
"""
_REFERENCES = """
SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND conrelid <> confrelid
"""
_SEQUENCES = """
SELECT pg_get_serial_sequence(quote_ident(c.relname), a.attname), a.attname
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
  AND pg_get_serial_sequence(quote_ident(c.relname), a.attname) IS NOT NULL
"""
# What was half done is undone by the restore: there is nothing to resume.
_SETTLE = """
UPDATE migrationops_run r
SET state = CASE WHEN state IN ('done', 'refused') THEN state ELSE 'resolved' END,
    post_migrate_due = false
WHERE id <> %s AND (state = 'open' OR post_migrate_due OR EXISTS (
    SELECT FROM migrationops_step s
    WHERE s.run_id = r.id AND s.kind = 'migration' AND s.state <> 'done'))
"""


def carry_history(live: Connection, incoming: Connection, run: str) -> int:
    """Replace the incoming database's history by the live one's; return the rows.

    Columns that only one of them has are left out. Runs that are open, `run` apart,
    are settled: the restore takes back what they had begun.
    """
    theirs, ours = _columns(live), _columns(incoming)
    shared = [t for t in _ordered(incoming, ours) if t in theirs]
    rows = 0
    with incoming.transaction():
        for table in reversed(shared):
            incoming.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        for table in shared:
            columns = [c for c in ours[table] if c in theirs[table]]
            rows += _copy(live, incoming, table, columns)
            _advance_sequences(incoming, table)
        if "migrationops_run" in shared:
            incoming.execute(_SETTLE, [run])
    return rows


def _columns(connection: Connection) -> dict[str, list[str]]:
    return dict(connection.execute(_COLUMNS, [_STAMP]).fetchall())


def _ordered(connection: Connection, tables: dict[str, list[str]]) -> list[str]:
    """Order tables so that what is referred to comes first."""
    sorter: TopologicalSorter[str] = TopologicalSorter({t: set() for t in tables})
    for table, target in connection.execute(_REFERENCES).fetchall():
        if table in tables and target in tables:
            sorter.add(table, target)
    return list(sorter.static_order())


def _copy(
    live: Connection, incoming: Connection, table: str, columns: list[str]
) -> int:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    what = sql.SQL("{} ({})").format(sql.Identifier(table), names)
    read = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(what)
    write = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(what)
    with incoming.cursor() as cursor:
        with live.cursor().copy(read) as source, cursor.copy(write) as target:
            for data in source:
                target.write(data)
        return cursor.rowcount


def _advance_sequences(connection: Connection, table: str) -> None:
    for sequence, column in connection.execute(_SEQUENCES, [table]).fetchall():
        query = sql.SQL("SELECT setval({}, coalesce(max({}), 1)) FROM {}").format(
            sql.Literal(sequence), sql.Identifier(column), sql.Identifier(table)
        )
        connection.execute(query)
