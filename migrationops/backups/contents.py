"""What a database holds: its tables, sequences, extensions and applied migrations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from migrationops.postgres.databases import Connection

# Ordinary and partitioned tables of users, of which pg_dump may dump the rows.
_RELATIONS = """
SELECT n.nspname, c.relname, c.relkind = 'r'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
  AND NOT EXISTS (
      SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  )
ORDER BY n.nspname, c.relname
"""
_HASH = sql.SQL("coalesce(sum(hashtextextended((t.*)::text, 0)::numeric), 0)::text")
_NO_HASH = sql.SQL("''")
_CANONICAL = {
    "bytea_output": "hex",
    "datestyle": "ISO",
    "extra_float_digits": "3",
    "intervalstyle": "postgres",
    "lc_monetary": "C",
    "search_path": "",
    "timezone": "UTC",
}
_SETTINGS = "SELECT name, setting FROM pg_settings WHERE lower(name) = ANY (%s)"
_SEQUENCES = """
SELECT n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't'
ORDER BY n.nspname, c.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table; a partitioned one has no rows of its own."""

    schema: str
    name: str
    has_rows: bool

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of which the backup holds the rows; size in bytes, live.

    `hash` is the sum of the rows' hashes as text, empty where it was not asked for.
    """

    schema: str
    name: str
    rows: int
    bytes: int
    hash: str = ""

    @property
    def qualified_name(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    schema: str
    name: str
    last_value: int
    is_called: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedMigration:
    """A record of Django's; `source` is its file's hash, empty where it has none."""

    app: str
    name: str
    source: str = ""


def read_relations(connection: Connection) -> tuple[Relation, ...]:
    """List the tables; asks for no lock on them."""
    rows = connection.execute(_RELATIONS).fetchall()
    return tuple(
        Relation(schema=schema, name=name, has_rows=has_rows)
        for schema, name, has_rows in rows
    )


def count_tables(
    connection: Connection, relations: Iterable[Relation], *, hashed: bool = False
) -> tuple[Table, ...]:
    """Count the rows of each table; children and partitions count for themselves.

    With `hashed` their content is hashed too, which needs as long again.
    """
    if not hashed:
        return tuple(_count(connection, r) for r in relations if r.has_rows)
    with _canonical(connection):
        return tuple(_count(connection, r, _HASH) for r in relations if r.has_rows)


def count_large_objects(connection: Connection) -> int:
    return _number(connection, "SELECT count(*) FROM pg_largeobject_metadata")


def database_bytes(connection: Connection) -> int:
    return _number(connection, "SELECT pg_database_size(current_database())")


def read_sequences(connection: Connection) -> tuple[Sequence, ...]:
    """Read where each sequence stands; sequences know no snapshot."""
    return tuple(
        _sequence(connection, schema, name)
        for schema, name in connection.execute(_SEQUENCES).fetchall()
    )


def read_extensions(connection: Connection) -> tuple[Extension, ...]:
    rows = connection.execute(
        "SELECT extname, extversion FROM pg_extension ORDER BY extname"
    ).fetchall()
    return tuple(Extension(name=name, version=version) for name, version in rows)


def read_migrations(connection: Connection) -> tuple[AppliedMigration, ...]:
    """Read Django's recorder table, where there is one."""
    found = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
    if found is None or found[0] is None:
        return ()
    rows = connection.execute(
        "SELECT app, name FROM django_migrations ORDER BY id"
    ).fetchall()
    return tuple(AppliedMigration(app=app, name=name) for app, name in rows)


def _sequence(connection: Connection, schema: str, name: str) -> Sequence:
    query = sql.SQL("SELECT last_value, is_called FROM {}")
    row = connection.execute(query.format(sql.Identifier(schema, name))).fetchone()
    assert row is not None
    return Sequence(schema=schema, name=name, last_value=row[0], is_called=row[1])


def _count(
    connection: Connection, relation: Relation, content: sql.SQL = _NO_HASH
) -> Table:
    query = sql.SQL(
        "SELECT count(*), pg_table_size({}::regclass), {} FROM ONLY {} t"
    ).format(
        sql.Literal(relation.identifier.as_string(connection)),
        content,
        relation.identifier,
    )
    row = connection.execute(query).fetchone()
    assert row is not None
    rows, size, digest = row
    return Table(
        schema=relation.schema, name=relation.name, rows=rows, bytes=size, hash=digest
    )


@contextmanager
def _canonical(connection: Connection) -> Iterator[None]:
    """Have values written as text in one way, whatever the database's settings are."""
    names = list(_CANONICAL)
    before = connection.execute(_SETTINGS, [names]).fetchall()
    for name, value in _CANONICAL.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    yield
    for name, value in before:
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])


def _number(connection: Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
