"""What hangs on a column, and its copies for a twin.

The copies' definitions come from the server itself: it retypes and renames the
column in an empty temporary copy of the table, in a transaction that is rolled back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from migrationops.operations.relation import Relation
from migrationops.operations.session import Session
from migrationops.operations.twin import Twin

_CLONE = Relation(schema="pg_temp", name="migrationops_clone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An index or constraint of the source, and how its copy is defined.

    `kind` is i for an index, else pg_constraint.contype. `suffix` is what follows
    USING INDEX in a unique constraint.
    """

    kind: str
    name: str
    definition: str
    unique: bool = False
    suffix: str = ""

    @property
    def copy(self) -> str:
        return copy_name(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All of a column's parts; `not_null` is its constraint's name, from 18 on."""

    hung: tuple[Part, ...] = ()
    default: str | None = None
    is_not_null: bool = False
    not_null: str | None = None
    comment: str | None = None


def copy_name(name: str) -> str:
    """Return what the copy of a part is called until the part is gone."""
    return f"twin_{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def read(session: Session, twin: Twin, *, without: frozenset[str]) -> Parts:
    """Read the source's parts; indexes named in `without` are not to be copied."""
    raw = session.connection.connection
    table = {"table": str(twin.table), "column": twin.source}
    column = raw.execute(_COLUMN, table).fetchone()
    if column is None:
        return Parts()
    foreign_keys = tuple(_foreign_keys(raw, twin))
    with raw.transaction(force_rollback=True):
        originals = _clone(raw, twin.table)
        before = _definitions(raw)
        _reshape(raw, twin, [c for c, o in originals.items() if o["name"] in without])
        after = _definitions(raw)
        (default,) = raw.execute(_DEFAULT, [str(_CLONE), twin.target]).fetchone()
    changed = {name: d for name, d in after.items() if d != before[name]}
    hung = (*_indexes(changed, originals), *_checks(changed), *foreign_keys)
    is_not_null, not_null, comment = column
    return Parts(
        hung=hung,
        default=default,
        is_not_null=is_not_null,
        not_null=not_null,
        comment=comment,
    )


def _clone(raw: Any, table: Relation) -> dict[str, Any]:
    """Make the clone; return the original of each of its indexes, by name."""
    raw.execute(
        sql.SQL(
            "CREATE TEMP TABLE {} (LIKE {} INCLUDING INDEXES INCLUDING CONSTRAINTS "
            "INCLUDING DEFAULTS)"
        ).format(sql.Identifier(_CLONE.name), table.identifier)
    )
    pairs = zip(_read(raw, _CLONE), _read(raw, table), strict=True)
    return {clone["name"]: original for clone, original in pairs}


def _read(raw: Any, table: Relation) -> list[dict[str, Any]]:
    """Return a table's indexes, equal ones in the same place in every clone."""
    with raw.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(_INDEXES, {"table": str(table)}).fetchall())


def _definitions(raw: Any) -> dict[str, tuple[str, str, str]]:
    """Return kind, definition and predicate of the clone's indexes and checks."""
    indexes = {i["name"]: ("i", i["head"], i["predicate"]) for i in _read(raw, _CLONE)}
    checks = raw.execute(_CHECKS, [str(_CLONE)]).fetchall()
    return indexes | {name: ("c", definition, "") for name, definition in checks}


def _reshape(raw: Any, twin: Twin, unwanted: list[str]) -> None:
    """Give the clone's source the twin's type and name."""
    for index in unwanted:
        raw.execute(sql.SQL("DROP INDEX {}").format(_CLONE.sibling(index)))
    source, target = sql.Identifier(twin.source), sql.Identifier(twin.target)
    alter = sql.SQL("ALTER TABLE {} ").format(_CLONE.identifier)
    raw.execute(alter + sql.SQL("DROP COLUMN IF EXISTS {}").format(target))
    raw.execute(
        alter
        + sql.SQL("ALTER COLUMN {0} TYPE {1} USING {0}::{1}").format(
            source, sql.SQL(twin.type)
        )
    )
    raw.execute(alter + sql.SQL("RENAME COLUMN {} TO {}").format(source, target))


def _indexes(changed: dict[str, Any], originals: dict[str, Any]) -> Iterator[Part]:
    for clone, (kind, head, predicate) in changed.items():
        if kind == "i":
            original = originals[clone]
            yield Part(
                kind=original["constraint"] or "i",
                name=original["name"],
                definition=f"{head}{original['tablespace']}{predicate}",
                unique=original["unique"],
                suffix=original["suffix"],
            )


def _checks(changed: dict[str, Any]) -> Iterator[Part]:
    for name, (kind, definition, _) in changed.items():
        if kind == "c":
            yield Part(kind="c", name=name, definition=definition)


def _foreign_keys(raw: Any, twin: Twin) -> Iterator[Part]:
    table = {"table": str(twin.table), "column": twin.source}
    for name, columns, rest in raw.execute(_FOREIGN_KEYS, table).fetchall():
        names = (twin.target if c == twin.source else c for c in columns)
        listed = ", ".join(sql.Identifier(n).as_string() for n in names)
        yield Part(kind="f", name=name, definition=f"FOREIGN KEY ({listed}{rest}")


_COLUMN = """
SELECT a.attnotnull,
       (SELECT conname FROM pg_catalog.pg_constraint
         WHERE conrelid = a.attrelid AND contype = 'n' AND conkey = ARRAY[a.attnum]),
       pg_catalog.col_description(a.attrelid, a.attnum)
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = pg_catalog.to_regclass(%(table)s) AND a.attname = %(column)s
"""
_DEFAULT = """
SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
  FROM pg_catalog.pg_attribute a
  LEFT JOIN pg_catalog.pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
 WHERE a.attrelid = pg_catalog.to_regclass(%s) AND a.attname = %s
"""
_CHECKS = """
SELECT conname, pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
 WHERE conrelid = pg_catalog.to_regclass(%s) AND contype = 'c'
"""
# The rest is what follows the list of columns.
_FOREIGN_KEYS = """
SELECT c.conname, k.names, substr(pg_catalog.pg_get_constraintdef(c.oid),
                                  length('FOREIGN KEY (' || k.quoted) + 1)
  FROM pg_catalog.pg_constraint c
 CROSS JOIN LATERAL (
       SELECT array_agg(a.attname::text ORDER BY u.place) AS names,
              string_agg(quote_ident(a.attname), ', ' ORDER BY u.place) AS quoted
         FROM unnest(c.conkey) WITH ORDINALITY u (attnum, place)
         JOIN pg_catalog.pg_attribute a
           ON (a.attrelid, a.attnum) = (c.conrelid, u.attnum)) k
 WHERE c.contype = 'f' AND c.conrelid = pg_catalog.to_regclass(%(table)s)
   AND %(column)s = ANY (k.names)
"""
# The head is what stands between the table's name and the predicate.
_INDEXES = """
SELECT x.relname AS name, d.predicate, i.indisunique AS unique,
       left(d.tail, length(d.tail) - length(d.predicate)) AS head,
       coalesce(' TABLESPACE ' || quote_ident(s.spcname), '') AS tablespace,
       c.contype::text AS constraint,
       CASE WHEN c.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED'
            WHEN c.condeferrable THEN ' DEFERRABLE' ELSE '' END AS suffix
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = x.reltablespace
  LEFT JOIN pg_catalog.pg_constraint c
    ON c.conindid = i.indexrelid AND c.conrelid = t.oid AND c.contype IN ('p', 'u', 'x')
 CROSS JOIN LATERAL (
       SELECT coalesce(' WHERE ' || pg_get_expr(i.indpred, t.oid), '') AS predicate,
              substr(pg_get_indexdef(x.oid), 1 + length(
                  'CREATE ' || CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
                  || 'INDEX ' || quote_ident(x.relname) || ' ON '
                  || CASE WHEN n.oid = pg_my_temp_schema() THEN 'pg_temp'
                          ELSE quote_ident(n.nspname) END
                  || '.' || quote_ident(t.relname) || ' ')) AS tail) d
 WHERE i.indrelid = pg_catalog.to_regclass(%(table)s)
 ORDER BY d.tail, x.relname
"""
