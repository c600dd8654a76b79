"""ADD UNIQUE, PRIMARY KEY and EXCLUDE: an index is built, or taken over."""

from __future__ import annotations

from dataclasses import replace

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import constraints, edits, indexes, not_null, syntax
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Constraint, Index, Table


def add_indexed(sub: Subcommand, node: Node) -> None:
    """ADD UNIQUE, PRIMARY KEY or EXCLUDE: build an index, or take one over."""
    if node.indexname:
        _take_over(sub, node)
        return
    table = sub.world.find(sub.table)
    if node.contype == pb.CONSTR_PRIMARY:
        _refuse_second_key(sub, table)
        for column in syntax.strings(node.keys):
            _nulls_for_key(sub, column, "add-primary-key")
    partitioned = bool(table and table.kind == "p")
    cause = constraints.INDEX_CAUSES[node.contype]
    if partitioned and node.contype != pb.CONSTR_EXCLUSION:
        cause = "add-unique-partitioned"
        if table:
            indexes.require_key_columns(sub.recorder, table, syntax.strings(node.keys))
        _lock_partitions(sub)
    if sub.recursive or not partitioned:
        sub.phase3.build_index(sub.table, cause)
    constraints.announce(sub, node)


def _refuse_second_key(sub: Subcommand, table: Table | None) -> None:
    if table and any(i.primary for i in table.indexes):
        message = f'multiple primary keys for table "{sub.table}" are not allowed'
        sub.recorder.fail("42P16", message)


def _lock_partitions(sub: Subcommand) -> None:
    """Building an index takes SHARE; a key's NOT NULL takes more, and so does 18."""
    key = sub.definition.constraint.contype == pb.CONSTR_PRIMARY
    mode = Lock.AX if key or sub.world.facts.version >= 18 else Lock.S
    for child in sub.world.descendants(sub.table):
        sub.recorder.lock(child, mode)


def _take_over(sub: Subcommand, node: Node) -> None:
    table = sub.world.find(sub.table)
    index = edits.find_index(table, node.indexname) if table else None
    if table and table.kind == "p":
        sub.recorder.fail("0A000", "USING INDEX is not supported on partitioned tables")
    if index is None and sub.world.knows_columns(sub.table):
        sub.recorder.fail("42704", f'index "{node.indexname}" does not exist')
    if index and not (index.unique and index.valid):
        sub.recorder.fail("42809", f'"{index.name}" is not a valid unique index')
    columns = index.columns if index else ()
    if node.contype == pb.CONSTR_PRIMARY:
        for column in columns:
            _nulls_for_key(sub, column, "pk-using-index-nullable")
    constraint = _adopted(node, columns)
    sub.recorder.event(
        "add_constraint",
        sub.table,
        constraint.name,
        constraint=constraint,
        contype=constraint.kind,
        valid=True,
        using_index=node.indexname,
    )
    if table and index:
        sub.world.put(_adopt(sub.world.tables[sub.table], index, constraint))


def _adopted(node: Node, columns: tuple[str, ...]) -> Constraint:
    word = "PRIMARY KEY" if node.contype == pb.CONSTR_PRIMARY else "UNIQUE"
    listed = ", ".join(f'"{c}"' for c in columns)
    return Constraint(
        name=node.conname or node.indexname,
        kind=constraints.KINDS[node.contype],
        definition=f"{word} ({listed})",
        columns=columns,
    )


def _adopt(table: Table, index: Index, constraint: Constraint) -> Table:
    """Let the index serve the constraint, under its name."""
    served = replace(
        index,
        name=constraint.name,
        constraint=constraint.name,
        primary=constraint.kind == "p",
    )
    table = edits.add_index(edits.drop_index(table, index.name), served)
    for column in constraint.columns if constraint.kind == "p" else ():
        table = edits.change_column(table, column, nullable=False)
    return edits.add_constraint(table, constraint)


def _nulls_for_key(sub: Subcommand, column: str, cause: str) -> None:
    """A primary key makes its columns NOT NULL, and reads the table to do so."""
    for name in sub.family:
        table = sub.world.find(name)
        known = table and table.column(column)
        pending = not_null.not_null_constraint(table, column) if table else None
        if pending and not pending.validated:
            message = f'cannot create primary key on column "{column}"'
            sub.recorder.fail("55000", message)
        if known and not known.nullable:
            continue
        if not not_null.is_proven(table, column):
            sub.phase3.scan_only(name, cause)
