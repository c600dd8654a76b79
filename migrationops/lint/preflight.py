"""Queries that count, before a migration, the rows over which it would fail."""

from __future__ import annotations

from collections.abc import Sequence

from migrationops.lint.simulation import edits, syntax
from migrationops.schema import Constraint, Table

_VIOLATIONS = """\
# Count first, in a preflight:
SELECT count(*) FROM {table} WHERE NOT ({condition});
"""
_ORPHANS = """\
# Count first, in a preflight:
SELECT count(*) FROM {table} c
WHERE {filled} AND NOT EXISTS (
    SELECT FROM {parent} p WHERE {joined});
"""
_NULLS = """\
# Count first, in a preflight, and fill them with a Backfill:
SELECT count(*) FROM {table} WHERE {column} IS NULL;
"""
_DUPLICATES = """\
# Count first, in a preflight:
SELECT {columns}, count(*) FROM {table}
GROUP BY {columns} HAVING count(*) > 1;
"""


def violations(table: str, check: Constraint) -> str:
    """Return what counts the rows that a CHECK forbids; blank if it is not known."""
    try:
        tree = syntax.constraint(check.definition).raw_expr
    except syntax.UnparsableError:
        return ""
    condition = syntax.deparse(tree, "expr")
    return _VIOLATIONS.format(table=name(table), condition=condition)


def orphans(table: str, key: Constraint, parent: Table) -> str:
    """Return what counts the rows whose foreign key leads nowhere."""
    try:
        named = syntax.strings(syntax.constraint(key.definition).pk_attrs)
    except syntax.UnparsableError:
        return ""
    own = [f"c.{quoted(column)}" for column in key.columns]
    others = [f"p.{quoted(c)}" for c in named or edits.primary_columns(parent)]
    pairs = zip(own, others, strict=False)
    return _ORPHANS.format(
        table=name(table),
        parent=name(parent.qualified_name),
        filled=" AND ".join(f"{column} IS NOT NULL" for column in own),
        joined=" AND ".join(f"{other} = {column}" for column, other in pairs),
    )


def nulls(table: str, column: str) -> str:
    """Return what counts the NULLs of a column."""
    return _NULLS.format(table=name(table), column=quoted(column))


def duplicates(table: str, columns: Sequence[str]) -> str:
    """Return what lists the values that are there twice; expressions are in ()."""
    listed = ", ".join(c if c.startswith("(") else quoted(c) for c in columns)
    return _DUPLICATES.format(table=name(table), columns=listed)


def name(table: str) -> str:
    """Write schema.table as SQL; public goes without saying."""
    schema, _, short = table.partition(".")
    return quoted(short) if schema == "public" else f"{quoted(schema)}.{quoted(short)}"


def quoted(word: str) -> str:
    """Quote a name that SQL would read otherwise, a keyword too."""
    simple = word.isidentifier() and word.islower() and word.isascii()
    return word if simple and _is_name(word) else '"' + word.replace('"', '""') + '"'


def _is_name(word: str) -> bool:
    try:
        return syntax.kind(syntax.expression(word)) == "column_ref"
    except syntax.UnparsableError:
        return False
