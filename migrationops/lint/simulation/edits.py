"""Changes to frozen tables, and the names that PostgreSQL gives by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from migrationops.lint.simulation import syntax
from migrationops.lint.simulation.world import World
from migrationops.schema import Column, Constraint, Index, Table

_NAME_BYTES = 63


def add_column(table: Table, column: Column) -> Table:
    return replace(table, columns=(*table.columns, column))


def change_column(table: Table, name: str, /, **changes: object) -> Table:
    columns = tuple(
        replace(c, **changes) if c.name == name else c  # type: ignore[arg-type]
        for c in table.columns
    )
    return replace(table, columns=columns)


def drop_column(table: Table, name: str) -> Table:
    """Drop a column with the indexes and constraints that hold it."""
    return replace(
        table,
        columns=tuple(c for c in table.columns if c.name != name),
        indexes=tuple(i for i in table.indexes if name not in index_columns(i)),
        constraints=tuple(
            c for c in table.constraints if name not in constraint_columns(c)
        ),
    )


def add_index(table: Table, index: Index) -> Table:
    return replace(table, indexes=(*table.indexes, index))


def drop_index(table: Table, name: str) -> Table:
    return replace(table, indexes=tuple(i for i in table.indexes if i.name != name))


def add_constraint(table: Table, constraint: Constraint) -> Table:
    return replace(table, constraints=(*table.constraints, constraint))


def change_constraint(table: Table, name: str, /, **changes: object) -> Table:
    constraints = tuple(
        replace(c, **changes) if c.name == name else c  # type: ignore[arg-type]
        for c in table.constraints
    )
    return replace(table, constraints=constraints)


def drop_constraint(table: Table, name: str) -> Table:
    """Drop a constraint with the index that serves it."""
    return replace(
        table,
        constraints=tuple(c for c in table.constraints if c.name != name),
        indexes=tuple(i for i in table.indexes if i.constraint != name),
    )


def find_constraint(table: Table, name: str) -> Constraint | None:
    return next((c for c in table.constraints if c.name == name), None)


def find_index(table: Table, name: str) -> Index | None:
    return next((i for i in table.indexes if i.name == name), None)


def cluster_on(table: Table, name: str) -> Table:
    """Mark one index as the one to CLUSTER by; no name: none."""
    indexes = tuple(
        replace(i, options=("clustered",) if i.name == name else ())
        for i in table.indexes
    )
    return replace(table, indexes=indexes)


def index_columns(index: Index) -> set[str]:
    """Return every column that an index depends on, also inside expressions."""
    try:
        tree = syntax.index(index.definition)
    except syntax.UnparsableError:
        return set(index.columns)
    elements = [
        e.index_elem for e in (*tree.index_params, *tree.index_including_params)
    ]
    names = {e.name for e in elements if e.name}
    return names | syntax.column_refs(tree)


def constraint_columns(constraint: Constraint) -> set[str]:
    """Return every column of the own table that a constraint depends on."""
    if constraint.columns:
        return set(constraint.columns)
    try:
        return syntax.column_refs(syntax.constraint(constraint.definition))
    except syntax.UnparsableError:
        return set()


def primary_columns(table: Table) -> tuple[str, ...]:
    return next((i.columns for i in table.indexes if i.primary), ())


def targets(parent: Table, key: Constraint) -> set[str]:
    """Return the columns of the parent that a foreign key refers to."""
    try:
        named = syntax.strings(syntax.constraint(key.definition).pk_attrs)
    except syntax.UnparsableError:
        return set()
    return set(named) or set(primary_columns(parent))


def rename_column(table: Table, old: str, new: str) -> Table:
    """Rename a column in the table and in everything that hangs on it."""

    def swap(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if n == old else n for n in names)

    table = change_column(table, old, name=new)
    constraints = tuple(
        replace(
            c,
            columns=swap(c.columns),
            definition=_renamed(c.definition, old, new, syntax.constraint),
        )
        for c in table.constraints
    )
    indexes = tuple(
        replace(
            i,
            columns=swap(i.columns),
            definition=_renamed(i.definition, old, new, syntax.index),
        )
        for i in table.indexes
    )
    return replace(table, constraints=constraints, indexes=indexes)


def _renamed(text: str, old: str, new: str, parse: Callable[[str], syntax.Node]) -> str:
    """Rewrite a definition's column names by way of its tree."""
    prefix = "" if parse is syntax.index else "ALTER TABLE t ADD CONSTRAINT c "
    try:
        (statement,) = syntax.parse(prefix + text)
    except syntax.UnparsableError:
        return text
    for name, message in syntax.walk(statement.tree):
        if name == "IndexElem" and message.name == old:
            message.name = new
        elif name == "String" and message.sval == old:
            message.sval = new
    return syntax.deparse(statement.tree, statement.kind).removeprefix(prefix)


def choose_name(world: World, table: str, columns: list[str], suffix: str) -> str:
    """Return the name that PostgreSQL gives to an unnamed index or constraint."""
    short = table.rpartition(".")[2]
    stem = "_".join([short, *columns])
    room = _NAME_BYTES - len(suffix) - 1
    first = f"{stem[:room]}_{suffix}"
    taken = _taken(world, table)
    numbered = (f"{stem[: room - 1]}_{suffix}{n}" for n in range(1, 100))
    return first if first not in taken else next(n for n in numbered if n not in taken)


def _taken(world: World, name: str) -> set[str]:
    table = world.find(name)
    if table is None:
        return set()
    return {c.name for c in table.constraints} | {i.name for i in table.indexes}
