"""REINDEX of an index, a table, a schema, a database."""

from __future__ import annotations

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import edits, indexes, syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Table

_REINDEX_ALL = {
    pb.REINDEX_OBJECT_SCHEMA,
    pb.REINDEX_OBJECT_SYSTEM,
    pb.REINDEX_OBJECT_DATABASE,
}


def reindex(world: World, tree: Node, recorder: Recorder) -> None:
    """REINDEX: builds anew behind SHARE, and holds the index itself exclusively."""
    concurrent = syntax.is_on(tree.params, "concurrently")
    if concurrent or tree.kind in _REINDEX_ALL:
        indexes.refuse_in_transaction(world, recorder, "REINDEX")
    if concurrent:
        recorder.release()
    if tree.kind == pb.REINDEX_OBJECT_TABLE:
        whole = world.find(world.name_of(tree.relation))
        if whole and whole.kind == "p":
            what = "REINDEX of a partitioned table"
            indexes.refuse_in_transaction(world, recorder, what)
        for table in world.leaves(world.name_of(tree.relation)):
            recorder.lock(table, Lock.SUX if concurrent else Lock.S)
    for table, name in _reindexed(world, tree, recorder):
        recorder.lock(table, Lock.SUX if concurrent else Lock.S)
        recorder.event("reindex", table, name, concurrent=concurrent)
        recorder.build_index(table, "reindex-blocking")
        if not concurrent:
            recorder.lock(name, Lock.AX)
            recorder.rewrite(name, "reindex-blocking")


def _reindexed(world: World, tree: Node, recorder: Recorder) -> list[tuple[str, str]]:
    """Return each table with each of its indexes that is built anew."""
    if tree.kind == pb.REINDEX_OBJECT_INDEX:
        name = world.name_of(tree.relation)
        owner = world.index_owner(name)
        if owner is None and world.complete:
            recorder.fail("42P01", f'relation "{name}" does not exist')
        if owner is None:
            recorder.cannot_know(f"which table index {name} belongs to")
            return []
        return _with_children(world, recorder, owner, name)
    if tree.kind == pb.REINDEX_OBJECT_TABLE:
        tables = world.leaves(world.name_of(tree.relation))
    else:
        schemas = (
            {tree.name} if tree.kind == pb.REINDEX_OBJECT_SCHEMA else world.schemas
        )
        tables = [
            n
            for n, t in world.tables.items()
            if t.schema in schemas and world.stores(n)
        ]
    return [
        (name, f"{table.schema}.{index.name}")
        for name in tables
        if (table := world.find(name))
        for index in table.indexes
    ]


def _with_children(
    world: World, recorder: Recorder, owner: Table, name: str
) -> list[tuple[str, str]]:
    if owner.kind != "p":
        return [(owner.qualified_name, name)]
    indexes.refuse_in_transaction(world, recorder, "REINDEX of a partitioned index")
    index = edits.find_index(owner, name.rpartition(".")[2])
    return [
        (leaf, f"{own.schema}.{i.name}")
        for leaf in world.leaves(owner.qualified_name)
        if (own := world.find(leaf)) and index
        for i in own.indexes
        if indexes.similar(index, i)
    ]
