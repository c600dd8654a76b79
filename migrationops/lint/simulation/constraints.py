"""What adding, checking and dropping a constraint does to tables."""

from __future__ import annotations

from collections.abc import Iterable

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import edits, syntax
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.schema import Constraint, Index, Table

KINDS = {
    pb.CONSTR_CHECK: "c",
    pb.CONSTR_FOREIGN: "f",
    pb.CONSTR_PRIMARY: "p",
    pb.CONSTR_UNIQUE: "u",
    pb.CONSTR_EXCLUSION: "x",
    pb.CONSTR_NOTNULL: "n",
}
_SUFFIXES = {
    pb.CONSTR_CHECK: "check",
    pb.CONSTR_FOREIGN: "fkey",
    pb.CONSTR_PRIMARY: "pkey",
    pb.CONSTR_UNIQUE: "key",
    pb.CONSTR_EXCLUSION: "excl",
    pb.CONSTR_NOTNULL: "not_null",
}
_ENFORCEABLE = {pb.CONSTR_CHECK, pb.CONSTR_FOREIGN}
INDEXED = {pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE, pb.CONSTR_EXCLUSION}


def columns_of(node: Node) -> tuple[str, ...]:
    """Return the own columns that a constraint's tree names."""
    if node.contype == pb.CONSTR_FOREIGN:
        return syntax.strings(node.fk_attrs)
    if node.contype == pb.CONSTR_CHECK:
        return tuple(sorted(syntax.column_refs(node.raw_expr)))
    if node.contype == pb.CONSTR_EXCLUSION:
        pairs = (n.list.items[0].index_elem for n in node.exclusions)
        return tuple(element.name for element in pairs if element.name)
    return syntax.strings(node.keys)


def constraint_name(world: World, table: str, node: Node) -> str:
    """Return the constraint's name, given or PostgreSQL's own."""
    if node.conname:
        return str(node.conname)
    if node.contype == pb.CONSTR_PRIMARY:
        return edits.choose_name(world, table, [], "pkey")
    columns = list(columns_of(node))
    if node.contype == pb.CONSTR_CHECK and len(columns) != 1:
        columns = []
    return edits.choose_name(world, table, columns, _SUFFIXES[node.contype])


def value_of(world: World, table: str, node: Node) -> Constraint:
    """Return the constraint as it stands in the catalog afterwards."""
    parent = None
    if node.contype == pb.CONSTR_FOREIGN:
        parent = world.name_of(node.pktable)
    return Constraint(
        name=constraint_name(world, table, node),
        kind=KINDS[node.contype],
        definition=syntax.constraint_text(node),
        columns=columns_of(node),
        validated=not node.skip_validation,
        enforced=node.is_enforced or node.contype not in _ENFORCEABLE,
        references=parent,
    )


def store(world: World, names: Iterable[str], constraint: Constraint) -> None:
    """Add the constraint, and the index that serves it, to each table."""
    for name in names:
        table = world.find(name)
        if table is None:
            continue
        table = edits.add_constraint(table, constraint)
        if constraint.kind in {"p", "u", "x"}:
            table = edits.add_index(table, _index(table, constraint))
        if constraint.kind == "p":
            for column in constraint.columns:
                table = edits.change_column(table, column, nullable=False)
        world.put(table)


def _index(table: Table, constraint: Constraint) -> Index:
    columns = ", ".join(f'"{c}"' for c in constraint.columns)
    unique = "UNIQUE " if constraint.kind != "x" else ""
    return Index(
        name=constraint.name,
        definition=f'CREATE {unique}INDEX "{constraint.name}" '
        f'ON "{table.schema}"."{table.name}" USING btree ({columns})',
        columns=constraint.columns,
        unique=constraint.kind != "x",
        primary=constraint.kind == "p",
        constraint=constraint.name,
    )


INDEX_CAUSES = {
    pb.CONSTR_UNIQUE: "add-unique-constraint",
    pb.CONSTR_PRIMARY: "add-primary-key",
    pb.CONSTR_EXCLUSION: "add-exclusion",
}


def bound_to(node: Node, column: str) -> Node:
    """Return a column's constraint as the table's constraint on that column."""
    copy = pb.Constraint()
    copy.CopyFrom(node)
    if copy.contype == pb.CONSTR_FOREIGN:
        copy.fk_attrs.add().string.sval = column
    elif copy.contype in {*INDEXED, pb.CONSTR_NOTNULL}:
        copy.keys.add().string.sval = column
    return copy


def announce(sub: Subcommand, node: Node, *, inline: bool = False) -> Constraint:
    """Record and store a constraint that ALTER TABLE adds."""
    constraint = value_of(sub.world, sub.table, node)
    sub.recorder.event(
        "add_constraint",
        sub.table,
        constraint.name,
        constraint=constraint,
        contype=constraint.kind,
        valid=not node.skip_validation,
        inline=inline,
        using_index=node.indexname,
    )
    only = node.is_no_inherit or not sub.recursive
    names = [sub.table] if only else sub.family
    store(sub.world, names, constraint)
    return constraint
