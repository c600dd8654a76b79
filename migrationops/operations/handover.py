"""A twin gets all that its source has, and takes over from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from psycopg import sql

from migrationops.exceptions import RefusedError
from migrationops.operations import catalog
from migrationops.operations.columns import comment
from migrationops.operations.enforcement import validation
from migrationops.operations.indexes import build
from migrationops.operations.not_null import set_not_null
from migrationops.operations.parts import Part, Parts, copy_name
from migrationops.operations.relation import Relation
from migrationops.operations.session import Session
from migrationops.operations.twin import Twin

_AS_BEFORE: Mapping[str, str] = {}


def refuse_dependents(session: Session, table: Relation, column: str) -> None:
    """Refuse a column on which something hangs that has no copy."""
    found = session.ask(_DEPENDENTS, {"table": str(table), "column": column})
    if found:
        names = ", ".join(name for (name,) in found)
        raise RefusedError(
            f"A second column cannot take over from {table}.{column}: {names}. "
            "Nothing was changed.",
            remedy="Change it in a maintenance window with AlterField, or remove "
            "the dependents first.",
        )


def adorn(session: Session, twin: Twin, parts: Parts) -> None:
    """Give the target copies of all parts, under names of their own."""
    for part in parts.hung:
        _copy(session, twin.table, part)
    if parts.is_not_null:
        name = copy_name(parts.not_null or "")
        set_not_null(session, twin.table, twin.target, name=name)


def succession(
    twin: Twin, parts: Parts, *, keep: bool, renames: Mapping[str, str] = _AS_BEFORE
) -> Iterator[sql.Composable]:
    """Return the statements by which the source goes and the copies get its names.

    With `keep` it stays as a bare column. `renames` are parts with a new name.
    """
    if keep:
        yield from _strip(twin, parts)
    else:
        yield _column(twin.table, "DROP COLUMN {}", twin.source)
    if parts.default is not None:
        # Not sooner: a default would count as a value that a writer gave.
        set_default = _alter(twin.table, twin.target, "SET DEFAULT ")
        yield set_default + sql.SQL(parts.default)
    if parts.comment is not None:
        yield comment(twin.table, twin.target, parts.comment)
    for part in parts.hung:
        yield _rename(twin.table, part, renames.get(part.name, part.name))
    if parts.not_null is not None:
        mine = copy_name(parts.not_null)
        yield _rename_constraint(twin.table, mine, parts.not_null)


def rename_column(table: Relation, old: str, new: str) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} RENAME COLUMN {} TO {}").format(
        table.identifier, sql.Identifier(old), sql.Identifier(new)
    )


def _copy(session: Session, table: Relation, part: Part) -> None:
    if part.kind in ("c", "f"):
        _copy_constraint(session, table, part)
        return
    statement = sql.SQL("CREATE {}INDEX CONCURRENTLY {} ON {} {}").format(
        sql.SQL("UNIQUE " if part.unique else ""),
        sql.Identifier(part.copy),
        table.identifier,
        sql.SQL(part.definition),
    )
    if catalog.constraint(session, table, part.copy) is None:
        build(session, table, part.copy, statement)
        if part.kind == "u":
            session.run(
                sql.SQL(
                    "ALTER TABLE {0} ADD CONSTRAINT {1} UNIQUE USING INDEX {1}{2}"
                ).format(
                    table.identifier, sql.Identifier(part.copy), sql.SQL(part.suffix)
                )
            )


def _copy_constraint(session: Session, table: Relation, part: Part) -> None:
    state = catalog.constraint(session, table, part.copy)
    if state is None:
        session.run(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID").format(
                table.identifier,
                sql.Identifier(part.copy),
                sql.SQL(part.definition),
            )
        )
    if not state:
        session.run(validation(table, part.copy))


def _strip(twin: Twin, parts: Parts) -> Iterator[sql.Composable]:
    for part in parts.hung:
        if part.kind == "i":
            yield sql.SQL("DROP INDEX {}").format(twin.table.sibling(part.name))
        else:
            yield sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                twin.table.identifier, sql.Identifier(part.name)
            )
    if parts.is_not_null:
        yield _alter(twin.table, twin.source, "DROP NOT NULL")
    if parts.default is not None:
        yield _alter(twin.table, twin.source, "DROP DEFAULT")
    if parts.comment is not None:
        yield comment(twin.table, twin.source, None)


def _rename(table: Relation, part: Part, name: str) -> sql.Composed:
    if part.kind == "i":
        return sql.SQL("ALTER INDEX {} RENAME TO {}").format(
            table.sibling(part.copy), sql.Identifier(name)
        )
    return _rename_constraint(table, part.copy, name)


def _rename_constraint(table: Relation, old: str, new: str) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} RENAME CONSTRAINT {} TO {}").format(
        table.identifier, sql.Identifier(old), sql.Identifier(new)
    )


def _alter(table: Relation, column: str, action: str) -> sql.Composed:
    return _column(table, "ALTER COLUMN {} ", column) + sql.SQL(action)


def _column(table: Relation, action: str, column: str) -> sql.Composed:
    template = sql.SQL("ALTER TABLE {} ") + sql.SQL(action)
    return sql.SQL(template.as_string()).format(
        table.identifier, sql.Identifier(column)
    )


_DEPENDENTS = """
SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_class'::regclass
   AND (d.refobjid, d.refobjsubid) = (a.attrelid, a.attnum)
  LEFT JOIN pg_catalog.pg_class x
    ON d.classid = 'pg_class'::regclass AND x.oid = d.objid AND x.relkind = 'i'
  LEFT JOIN pg_catalog.pg_constraint c
    ON d.classid = 'pg_constraint'::regclass AND c.oid = d.objid
   AND c.conrelid = a.attrelid AND c.contype IN ('c', 'f', 'u', 'n')
   AND NOT (c.contype = 'f' AND c.confrelid = a.attrelid AND a.attnum = ANY (c.confkey))
  LEFT JOIN pg_catalog.pg_attrdef f
    ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
   AND (f.adrelid, f.adnum) = (a.attrelid, a.attnum) AND a.attgenerated = ''
 WHERE a.attrelid = pg_catalog.to_regclass(%(table)s) AND a.attname = %(column)s
   AND coalesce(x.oid, c.oid, f.oid) IS NULL
 UNION ALL
SELECT 'it has grants of its own' FROM pg_catalog.pg_attribute
 WHERE attrelid = pg_catalog.to_regclass(%(table)s) AND attname = %(column)s
   AND attacl IS NOT NULL
 UNION ALL
SELECT 'the table is partitioned' FROM pg_catalog.pg_class
 WHERE oid = pg_catalog.to_regclass(%(table)s) AND relkind = 'p'
"""
