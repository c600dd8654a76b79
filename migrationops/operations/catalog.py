"""What the live catalog says about the parts that an operation makes.

Every question has the same answer while SQL is collected: it is not there.
"""

from __future__ import annotations

from migrationops.operations.relation import Relation
from migrationops.operations.session import Session

NATIVE_NOT_NULL = 180000  # the first version with NOT NULL ... NOT VALID
# The first whose partitioned tables can have a foreign key that is NOT VALID.
PARTITIONED_NOT_VALID = 180000


def has_column(session: Session, table: Relation, column: str) -> bool:
    return bool(session.rows(_COLUMN, [str(table), column]))


def is_not_null(session: Session, table: Relation, column: str) -> bool:
    """Whether NULL is refused in new rows (on 18 perhaps not yet proven in old)."""
    return session.rows(_COLUMN, [str(table), column]) == [(True,)]


def not_null_constraint(
    session: Session, table: Relation, column: str
) -> tuple[str, bool] | None:
    """Return name and validity of the column's not-null constraint (18 and later)."""
    found = session.rows(_NOT_NULL, [str(table), column])
    return (found[0][0], found[0][1]) if found else None


def constraint(session: Session, table: Relation, name: str) -> bool | None:
    """Return whether the constraint is validated; None when it is not there."""
    found = session.rows(_CONSTRAINT, [str(table), name])
    return bool(found[0][0]) if found else None


def index(session: Session, table: Relation, name: str) -> bool | None:
    """Return whether the index is valid; None when it is not there."""
    found = session.rows(_INDEX, [str(table), name])
    return bool(found[0][0]) if found else None


def is_partitioned(session: Session, table: Relation) -> bool:
    """Whether the table is one, also while SQL is collected."""
    return session.ask(_KIND, [str(table)]) == [("p",)]


def partitions_without(session: Session, table: Relation, index: str) -> list[Relation]:
    """Return the table's direct partitions that have no part of the index yet.

    Foreign tables have no indexes.
    """
    found = session.ask(_PARTITIONS, {"table": str(table), "index": index})
    return [Relation(schema=schema, name=name) for schema, name in found]


_KIND = "SELECT relkind::text FROM pg_catalog.pg_class WHERE oid = to_regclass(%s)"
_PARTITIONS = """
SELECT n.nspname, c.relname
  FROM pg_catalog.pg_inherits i
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.inhparent = pg_catalog.to_regclass(%(table)s)
   AND NOT EXISTS (
       SELECT FROM pg_catalog.pg_inherits p
         JOIN pg_catalog.pg_index mine ON mine.indexrelid = p.inhrelid
         JOIN pg_catalog.pg_index whole ON whole.indexrelid = p.inhparent
         JOIN pg_catalog.pg_class w ON w.oid = whole.indexrelid
        WHERE mine.indrelid = c.oid AND whole.indrelid = i.inhparent
          AND w.relname = %(index)s)
 ORDER BY 1, 2
"""
_COLUMN = """
SELECT attnotnull FROM pg_catalog.pg_attribute
 WHERE attrelid = pg_catalog.to_regclass(%s) AND attname = %s AND NOT attisdropped
"""
_NOT_NULL = """
SELECT c.conname, c.convalidated
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_attribute a
    ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
 WHERE c.contype = 'n' AND c.conrelid = pg_catalog.to_regclass(%s) AND a.attname = %s
"""
_CONSTRAINT = """
SELECT convalidated FROM pg_catalog.pg_constraint
 WHERE conrelid = pg_catalog.to_regclass(%s) AND conname = %s
"""
_INDEX = """
SELECT i.indisvalid
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = pg_catalog.to_regclass(%s) AND c.relname = %s
"""
