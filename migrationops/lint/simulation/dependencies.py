"""What depends on a column or table and stands in the way of changing it."""

from __future__ import annotations

from functools import lru_cache

from migrationops.lint.simulation import edits, syntax
from migrationops.lint.simulation.world import World
from migrationops.schema import Table


def of_column(
    world: World, name: str, column: str, *, dropping: bool = False
) -> list[str]:
    """Name what forbids changing a column's type, or dropping it without CASCADE."""
    table = world.find(name)
    found = [f"view {view}" for view in views_of(world, name, column)]
    if table is None:
        return found
    found += [f"generated column {c}" for c in _generated(table, column)]
    found += [f"policy {p}" for p in _policies(table, column)]
    if dropping:
        return found + _foreign_keys_to(world, table, column)
    return found + [f"trigger {t}" for t in _triggers(table, column)]


def views_of(world: World, name: str, column: str = "") -> list[str]:
    """Return the views that read a table, or this column of it."""
    return [
        view.qualified_name
        for view in world.tables.values()
        if view.kind in {"v", "m"}
        and view.definition
        and _reads(world, view.definition, name, column)
    ]


def _reads(world: World, definition: str, name: str, column: str) -> bool:
    tables, columns = _references(definition)
    if name not in {world.qualify(parts) for parts in tables}:
        return False
    return not column or column in columns or "*" in columns


@lru_cache(maxsize=4096)
def _references(
    definition: str,
) -> tuple[frozenset[tuple[str, ...]], frozenset[str]]:
    """Return the tables and the columns that a query names."""
    try:
        (statement,) = syntax.parse(definition)
    except (syntax.UnparsableError, ValueError):
        return frozenset(), frozenset({"*"})
    tables = {
        tuple(p for p in (r.schemaname, r.relname) if p)
        for r in syntax.relations(statement.tree)
    }
    columns = syntax.column_refs(statement.tree)
    if any(name == "A_Star" for name, _message in syntax.walk(statement.tree)):
        columns = columns | {"*"}
    return frozenset(tables), frozenset(columns)


def _generated(table: Table, column: str) -> list[str]:
    return [
        c.name
        for c in table.columns
        if c.generated and c.default and column in _expression_columns(c.default)
    ]


def _expression_columns(text: str) -> set[str]:
    try:
        return syntax.column_refs(syntax.expression(text))
    except syntax.UnparsableError:
        return set()


def _policies(table: Table, column: str) -> list[str]:
    return [p.name for p in table.policies if column in _policy_columns(p.definition)]


def _triggers(table: Table, column: str) -> list[str]:
    return [t.name for t in table.triggers if column in _trigger_columns(t.definition)]


@lru_cache(maxsize=4096)
def _trigger_columns(definition: str) -> frozenset[str]:
    try:
        (statement,) = syntax.parse(definition)
    except (syntax.UnparsableError, ValueError):
        return frozenset()
    named = set(syntax.strings(statement.tree.columns))
    return frozenset(named | syntax.column_refs(statement.tree.when_clause))


@lru_cache(maxsize=4096)
def _policy_columns(definition: str) -> frozenset[str]:
    """Read the columns of "... USING (...) WITH CHECK (...)"."""
    clauses = [w for w in (" USING (", " WITH CHECK (") if w in definition]
    if not clauses:
        return frozenset()
    start = min(definition.index(word) for word in clauses)
    try:
        (statement,) = syntax.parse(f"CREATE POLICY p ON t{definition[start:]}")
    except (syntax.UnparsableError, ValueError):
        return frozenset()
    return frozenset(syntax.column_refs(statement.tree))


def key_columns(table: Table) -> set[str]:
    """Return the columns of a partitioned table's key."""
    if not table.partition_key:
        return set()
    try:
        text = f"CREATE TABLE t (a int) PARTITION BY {table.partition_key}"
        (statement,) = syntax.parse(text)
    except (syntax.UnparsableError, ValueError):
        return set()
    spec = statement.tree.partspec
    named = {n.partition_elem.name for n in spec.part_params if n.partition_elem.name}
    return named | syntax.column_refs(spec)


def _foreign_keys_to(world: World, table: Table, column: str) -> list[str]:
    """Name the keys of other tables that refer to this column."""
    found = []
    for child, key in world.referencing(table.qualified_name):
        constraint = edits.find_constraint(child, key)
        if constraint and column in edits.targets(table, constraint):
            found.append(f"constraint {key} on table {child.qualified_name}")
    return found
