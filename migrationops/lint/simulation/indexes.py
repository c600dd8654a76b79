"""CREATE INDEX and DROP INDEX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import dependencies, edits, expressions, syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Index, Table


def create(world: World, tree: Node, recorder: Recorder) -> None:
    """CREATE INDEX: reads the table, behind SHARE unless CONCURRENTLY."""
    name = world.name_of(tree.relation)
    table = known(world, recorder, name)
    _refuse_concurrent(world, recorder, tree, table)
    recorder.lock(name, Lock.SUX if tree.concurrent else Lock.S)
    columns = _columns(tree)
    index_name = tree.idxname or edits.choose_name(world, name, list(columns), "idx")
    exists = edits.find_index(table, index_name) if table else None
    recorder.event(
        "create_index",
        name,
        index_name,
        concurrent=tree.concurrent,
        unique=tree.unique,
        method=tree.access_method or "btree",
        columns=columns,
        if_not_exists=tree.if_not_exists,
        exists=exists,
        predicate=not syntax.absent(tree.where_clause),
    )
    require_columns(world, recorder, name, syntax.column_refs(tree) | _named(tree))
    if any(
        expressions.is_volatile(n.index_elem.expr, world) for n in tree.index_params
    ):
        recorder.fail("42P17", "functions in index expression must be IMMUTABLE")
    if tree.unique and table:
        require_key_columns(recorder, table, columns)
    if exists:
        if not tree.if_not_exists:
            recorder.fail("42P07", f'relation "{index_name}" already exists')
        return
    index = _value(tree, index_name, columns)
    if tree.concurrent:
        recorder.release()
    _build(world, recorder, tree, name, index)


def known(world: World, recorder: Recorder, name: str) -> Table | None:
    """Return a table that a statement needs; assume it when the catalog is partial."""
    table = world.find(name)
    if table is None and world.complete:
        recorder.fail("42P01", f'relation "{name}" does not exist')
    if table is None:
        world.assume(name)
        recorder.event("unknown_table", name)
        table = world.find(name)
    return table


def require_key_columns(
    recorder: Recorder, table: Table, columns: tuple[str, ...]
) -> None:
    """Uniqueness over partitions needs the partition key's columns."""
    if not dependencies.key_columns(table) <= set(columns):
        message = "unique constraint on partitioned table must include all"
        recorder.fail("0A000", f"{message} partitioning columns")


def _refuse_concurrent(
    world: World, recorder: Recorder, tree: Node, table: Table | None
) -> None:
    if not tree.concurrent:
        return
    if world.in_transaction:
        refuse_in_transaction(world, recorder, "CREATE INDEX CONCURRENTLY")
    if table and table.kind == "p":
        message = "cannot create index on partitioned table concurrently"
        recorder.event("concurrently_on_partitioned", table.qualified_name)
        recorder.fail("0A000", message)


_SYSTEM = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}


def require_columns(
    world: World, recorder: Recorder, name: str, columns: Iterable[str]
) -> None:
    """Fail when a table is known well enough to say that it lacks a column."""
    table = world.find(name)
    if table is None or not world.knows_columns(name):
        return
    there = {c.name for c in table.columns} | _SYSTEM | {table.name}
    if missing := sorted(set(columns) - there):
        recorder.fail("42703", f'column "{missing[0]}" does not exist')


def refuse_in_transaction(world: World, recorder: Recorder, what: str) -> None:
    """Fail when this runs inside a transaction block."""
    if world.in_transaction:
        recorder.event("concurrently_in_transaction", name=what)
        recorder.fail("25001", f"{what} cannot run inside a transaction block")


def _columns(tree: Node) -> tuple[str, ...]:
    elements = (n.index_elem for n in tree.index_params)
    return tuple(
        e.name if e.name else f"({syntax.deparse(e.expr, 'expr')})" for e in elements
    )


def _named(tree: Node) -> set[str]:
    elements = (*tree.index_params, *tree.index_including_params)
    return {n.index_elem.name for n in elements if n.index_elem.name}


def _value(tree: Node, name: str, columns: tuple[str, ...]) -> Index:
    predicate = None
    if not syntax.absent(tree.where_clause):
        predicate = syntax.deparse(tree.where_clause, "expr")
    named = pb.IndexStmt()
    named.CopyFrom(tree)
    named.idxname, named.concurrent, named.if_not_exists = name, False, False
    return Index(
        name=name,
        definition=syntax.deparse(named, "index_stmt"),
        columns=columns,
        unique=tree.unique,
        predicate=predicate,
    )


def _build(
    world: World, recorder: Recorder, tree: Node, name: str, index: Index
) -> None:
    table = world.find(name)
    partitioned = table is not None and table.kind == "p"
    names = world.family(name) if partitioned and tree.relation.inh else [name]
    cause = "create-index-partitioned" if partitioned else "create-index-blocking"
    for member in names:
        recorder.lock(member, Lock.SUX if tree.concurrent else Lock.S)
        own = world.find(member)
        attached = partitioned and own and any(similar(index, i) for i in own.indexes)
        if attached:
            continue
        if world.stores(member):
            recorder.build_index(member, cause)
        if own:
            given = index.name if member == name else _name_for(world, member, index)
            world.put(edits.add_index(own, replace(index, name=given)))


def _name_for(world: World, member: str, index: Index) -> str:
    return edits.choose_name(world, member, list(index.columns), "idx")


def similar(one: Index, other: Index) -> bool:
    """Could one be attached as the other's partition?"""
    return (
        one.columns == other.columns
        and one.unique == other.unique
        and one.predicate == other.predicate
        and other.valid
        and _method(one) == _method(other)
    )


def _method(index: Index) -> tuple[str, tuple[str, ...]]:
    try:
        tree = syntax.index(index.definition)
    except syntax.UnparsableError:
        return "", ()
    classes = tuple(
        ".".join(syntax.strings(n.index_elem.opclass)) for n in tree.index_params
    )
    return tree.access_method or "btree", classes


def drop(world: World, tree: Node, recorder: Recorder) -> None:
    """DROP INDEX: ACCESS EXCLUSIVE on the table for a moment, unless CONCURRENTLY."""
    if tree.concurrent:
        refuse_in_transaction(world, recorder, "DROP INDEX CONCURRENTLY")
        recorder.release()
    for node in tree.objects:
        name = world.qualify(syntax.strings(node.list.items))
        owner = world.index_owner(name)
        if owner is None:
            _missing(world, recorder, tree, name)
            continue
        _drop_one(world, recorder, tree, owner, name)


def _missing(world: World, recorder: Recorder, tree: Node, name: str) -> None:
    if world.complete and not tree.missing_ok:
        recorder.fail("42704", f'index "{name}" does not exist')
    recorder.event("drop_index", "", name, concurrent=tree.concurrent)


def _drop_one(
    world: World, recorder: Recorder, tree: Node, owner: Table, name: str
) -> None:
    short = name.rpartition(".")[2]
    index = edits.find_index(owner, short)
    if index and index.constraint:
        message = (
            f"cannot drop index {short}: constraint {index.constraint} requires it"
        )
        recorder.fail("2BP01", message)
    partitioned = owner.kind == "p"
    if partitioned and tree.concurrent:
        recorder.fail("0A000", f'cannot drop partitioned index "{short}" concurrently')
    mode = Lock.SUX if tree.concurrent else Lock.AX
    members = world.family(owner.qualified_name) if partitioned else []
    for member in members or [owner.qualified_name]:
        recorder.lock(member, mode)
    recorder.event(
        "drop_index", owner.qualified_name, short, concurrent=tree.concurrent
    )
    world.put(edits.drop_index(owner, short))
    for member in members:
        _drop_attached(world, member, index)


def _drop_attached(world: World, member: str, index: Index | None) -> None:
    """Drop a partition's own part of an index."""
    own = world.find(member)
    if not (own and index):
        return
    parts = (i for i in own.indexes if not i.constraint and similar(index, i))
    if part := next(parts, None):
        world.put(edits.drop_index(own, part.name))
