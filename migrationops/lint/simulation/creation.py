"""CREATE TABLE, CREATE TABLE AS and CREATE VIEW."""

from __future__ import annotations

from dataclasses import replace

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import (
    bounds,
    constraints,
    edits,
    indexes,
    new_columns,
    partitions,
    queries,
    syntax,
)
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Column, Table


def create_table(world: World, tree: Node, recorder: Recorder) -> None:
    """CREATE TABLE: free, but for the tables that it refers to or belongs to."""
    name = _new_name(world, tree.relation, recorder, tree.if_not_exists)
    if name is None:
        return
    table = _empty(name, tree)
    table = replace(table, parents=_parents(world, tree, recorder))
    table = _with_columns(world, table, tree, recorder)
    if tree.HasField("partbound"):
        table = _as_partition(world, table, tree, recorder)
    _register(world, table)
    _own_constraints(world, name, tree, recorder)
    if tree.HasField("partbound"):
        _parent_keys(world, table.parents[0], recorder)
    if tree.HasField("of_typename"):
        world.vague.add(name)
    recorder.event("create_table", name, made=world.tables[name])


def _new_name(
    world: World, relation: Node, recorder: Recorder, if_not_exists: bool
) -> str | None:
    """Return the new table's name, None when IF NOT EXISTS finds one."""
    schema = relation.schemaname or world.search_path[0]
    if relation.relpersistence == "t":
        schema = "pg_temp"
    name = f"{schema}.{relation.relname}"
    if world.find(name) is None:
        return name
    if not if_not_exists:
        recorder.fail("42P07", f'relation "{name}" already exists')
    return None


def _empty(name: str, tree: Node) -> Table:
    schema, _, short = name.rpartition(".")
    partitioned = tree.HasField("partspec")
    return Table(
        schema=schema,
        name=short,
        kind="p" if partitioned else "r",
        persistence=tree.relation.relpersistence or "p",
        partition_key=_key(tree.partspec) if partitioned else None,
    )


def _key(spec: Node) -> str:
    statement = pb.CreateStmt()
    statement.relation.relname = "t"
    statement.relation.inh = True
    statement.partspec.CopyFrom(spec)
    text = syntax.deparse(statement, "create_stmt")
    return text.partition("PARTITION BY ")[2]


def _register(world: World, table: Table) -> None:
    name = table.qualified_name
    world.put(table)
    world.rows[name] = 0
    world.vague.discard(name)
    world.made.add(name)
    if world.in_transaction:
        world.created.add(name)


def _parents(world: World, tree: Node, recorder: Recorder) -> tuple[str, ...]:
    names = tuple(world.name_of(n.range_var) for n in tree.inh_relations)
    for name in names:
        indexes.known(world, recorder, name)
        recorder.lock(name, Lock.AX if tree.HasField("partbound") else Lock.SUX)
    return names


def _with_columns(world: World, table: Table, tree: Node, recorder: Recorder) -> Table:
    for parent in table.parents:
        for column in world.tables[parent].columns:
            table = edits.add_column(table, column)
    for node in tree.table_elts:
        if syntax.kind(node) == "column_def" and node.column_def.HasField("type_name"):
            new = new_columns.read_column(world, node.column_def)
            table = edits.add_column(table, new.column)
        elif syntax.kind(node) == "table_like_clause":
            table = _like(world, table, node.table_like_clause, recorder)
    return table


_LIKE_CONSTRAINTS, _LIKE_INDEXES = 1 << 2, 1 << 6


def _like(world: World, table: Table, clause: Node, recorder: Recorder) -> Table:
    source = world.name_of(clause.relation)
    recorder.lock(source, Lock.AS)
    model = world.find(source)
    for column in model.columns if model else ():
        table = edits.add_column(table, column)
    if model and clause.options & _LIKE_CONSTRAINTS:
        for constraint in model.constraints:
            if constraint.kind == "c":
                table = edits.add_constraint(table, constraint)
    if model and clause.options & _LIKE_INDEXES:
        table = _copy_indexes(table, model)
    return table


def _copy_indexes(table: Table, model: Table) -> Table:
    for index in model.indexes:
        renamed = index.name.replace(model.name, table.name, 1)
        copy = replace(index, name=renamed, constraint=index.constraint and renamed)
        table = edits.add_index(table, copy)
    return table


def _as_partition(world: World, table: Table, tree: Node, recorder: Recorder) -> Table:
    """The parent is locked, and rows of DEFAULT that belong here are looked for."""
    (parent,) = table.parents
    recorder.event("create_partition", parent, table.qualified_name)
    if world.find(parent):
        partitions.join(world, recorder, parent, tree.partbound)
    table = replace(table, partition_bound=bounds.text(tree.partbound))
    model = world.find(parent)
    for constraint in model.constraints if model else ():
        if constraint.kind in {"c", "f", "p", "u"}:
            table = edits.add_constraint(table, constraint)
    for index in model.indexes if model else ():
        given = index.name.replace(parent.rpartition(".")[2], table.name, 1)
        table = edits.add_index(table, replace(index, name=given))
    return table


def _parent_keys(world: World, parent: str, recorder: Recorder) -> None:
    model = world.find(parent)
    for constraint in model.constraints if model else ():
        if constraint.references:
            recorder.lock(constraint.references, Lock.SRX)


def _own_constraints(world: World, name: str, tree: Node, recorder: Recorder) -> None:
    for node in tree.table_elts:
        if syntax.kind(node) == "column_def":
            for inner in node.column_def.constraints:
                bound = constraints.bound_to(inner.constraint, node.column_def.colname)
                _own_constraint(world, name, bound, recorder)
        elif syntax.kind(node) == "constraint":
            _own_constraint(world, name, node.constraint, recorder)
    for node in tree.constraints:
        _own_constraint(world, name, node.constraint, recorder)


def _own_constraint(world: World, name: str, node: Node, recorder: Recorder) -> None:
    if node.contype not in constraints.KINDS or node.contype == pb.CONSTR_NOTNULL:
        return
    constraint = constraints.value_of(world, name, node)
    if constraint.references and constraint.references != name:
        indexes.known(world, recorder, constraint.references)
        for parent in world.family(constraint.references):
            recorder.lock(parent, Lock.SRX)
    recorder.event("new_table_constraint", name, constraint.name, constraint=constraint)
    constraints.store(world, [name], constraint)


def create_table_as(world: World, tree: Node, recorder: Recorder) -> None:
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW read their query's tables."""
    materialized = tree.objtype == pb.OBJECT_MATVIEW
    name = _new_name(world, tree.into.rel, recorder, tree.if_not_exists)
    if not tree.into.skip_data:
        queries.read(world, recorder, tree.query)
    if name is None:
        return
    schema, _, short = name.rpartition(".")
    columns = tuple(
        Column(name=n, type="text") for n in queries.output_columns(tree.query)
    )
    definition = None
    if materialized:
        definition = syntax.deparse(tree.query.select_stmt, "select_stmt")
    table = Table(
        schema=schema,
        name=short,
        kind="m" if materialized else "r",
        columns=columns,
        definition=definition,
    )
    _register(world, table)
    world.vague.add(name)
    world.rows[name] = None
    kind = "create_matview" if materialized else "create_table_as"
    recorder.event(kind, name, made=table)


def create_view(world: World, tree: Node, recorder: Recorder) -> None:
    """CREATE VIEW; OR REPLACE locks the view that stands."""
    name = world.name_of(tree.view)
    exists = world.find(name) is not None
    if exists and not tree.replace:
        recorder.fail("42P07", f'relation "{name}" already exists')
    if exists:
        recorder.lock(name, Lock.AX)
    recorder.event("create_view", name, replace=exists)
    for relation in syntax.relations(tree.query):
        recorder.lock(world.name_of(relation), Lock.AS)
    schema, _, short = name.rpartition(".")
    definition = syntax.deparse(tree.query.select_stmt, "select_stmt")
    world.put(Table(schema=schema, name=short, kind="v", definition=definition))
    if not exists and world.in_transaction:
        world.created.add(name)
