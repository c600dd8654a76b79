"""RENAME, SET SCHEMA and OWNER TO."""

from __future__ import annotations

from dataclasses import replace

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import edits, indexes, syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Constraint, Table

_RELATIONS = {
    pb.OBJECT_TABLE,
    pb.OBJECT_VIEW,
    pb.OBJECT_MATVIEW,
    pb.OBJECT_FOREIGN_TABLE,
}


def rename(world: World, tree: Node, recorder: Recorder) -> None:
    """ALTER ... RENAME."""
    match tree.rename_type:
        case pb.OBJECT_COLUMN:
            _column(world, tree, recorder)
        case pb.OBJECT_INDEX:
            _index(world, tree, recorder)
        case pb.OBJECT_TABCONSTRAINT:
            _constraint(world, tree, recorder)
        case kind if kind in _RELATIONS:
            _table(world, tree, recorder)
        case pb.OBJECT_SCHEMA:
            _schema(world, tree, recorder)
        case pb.OBJECT_TRIGGER | pb.OBJECT_POLICY | pb.OBJECT_RULE:
            name = world.name_of(tree.relation)
            recorder.lock(name, Lock.AX)
            recorder.event("rename_on_table", name, tree.newname)
        case pb.OBJECT_TYPE | pb.OBJECT_DOMAIN:
            _type(world, tree, recorder)
        case _:
            recorder.event("rename_other", name=tree.newname)


def _column(world: World, tree: Node, recorder: Recorder) -> None:
    name = world.name_of(tree.relation)
    table = indexes.known(world, recorder, name)
    if table and not table.column(tree.subname) and world.knows_columns(name):
        recorder.fail("42703", f'column "{tree.subname}" does not exist')
    recorder.event("rename_column", name, tree.subname, new=tree.newname)
    for member in world.family(name):
        recorder.lock(member, Lock.AX)
        if known := world.find(member):
            world.put(edits.rename_column(known, tree.subname, tree.newname))


def _index(world: World, tree: Node, recorder: Recorder) -> None:
    name = world.name_of(tree.relation)
    owner = world.index_owner(name)
    if owner is None:
        if world.complete and not tree.missing_ok:
            recorder.fail("42P01", f'relation "{name}" does not exist')
        return
    short = name.rpartition(".")[2]
    recorder.lock(name, Lock.SUX)
    recorder.event("rename_index", owner.qualified_name, short, new=tree.newname)
    renamed = tuple(
        replace(i, name=tree.newname) if i.name == short else i for i in owner.indexes
    )
    world.put(replace(owner, indexes=renamed))


def _constraint(world: World, tree: Node, recorder: Recorder) -> None:
    name = world.name_of(tree.relation)
    table = indexes.known(world, recorder, name)
    recorder.event("rename_constraint", name, tree.subname, new=tree.newname)
    for member in world.family(name):
        recorder.lock(member, Lock.AX)
    if table:
        world.put(_with_renamed(table, tree.subname, tree.newname))


def _with_renamed(table: Table, old: str, new: str) -> Table:
    table = edits.change_constraint(table, old, name=new)
    served = tuple(
        replace(i, name=new, constraint=new) if i.constraint == old else i
        for i in table.indexes
    )
    return replace(table, indexes=served)


def _table(world: World, tree: Node, recorder: Recorder) -> None:
    name = world.name_of(tree.relation)
    if world.find(name) is None and world.index_owner(name):
        _index(world, tree, recorder)
        return
    if world.find(name) is None and world.complete and tree.missing_ok:
        return
    table = indexes.known(world, recorder, name)
    recorder.lock(name, Lock.AX)
    if table:
        kind = "rename_table" if table.kind in {"r", "p"} else "rename_view"
        recorder.event(kind, name, tree.newname)
        move(world, name, replace(table, name=tree.newname))


def move(world: World, old: str, table: Table) -> None:
    """Give a table another name, everywhere that it is named."""
    new = table.qualified_name
    world.tables.pop(old, None)
    world.put(table)
    for other in list(world.tables.values()):
        if other.parents or other.constraints:
            world.put(_pointing_to(other, old, new))
    for mapping in (world.rows, world.held):
        if old in mapping:
            mapping[new] = mapping.pop(old)  # type: ignore[assignment]
    for names in (world.created, world.made, world.fresh_files, world.vague):
        if old in names:
            names.discard(old)
            names.add(new)


def _pointing_to(table: Table, old: str, new: str) -> Table:
    def moved(key: Constraint) -> Constraint:
        return replace(key, references=new) if key.references == old else key

    parents = tuple(new if p == old else p for p in table.parents)
    keys = tuple(moved(c) for c in table.constraints)
    return replace(table, parents=parents, constraints=keys)


def _schema(world: World, tree: Node, recorder: Recorder) -> None:
    recorder.event("rename_schema", name=tree.subname, new=tree.newname)
    for name, table in list(world.tables.items()):
        if table.schema == tree.subname:
            move(world, name, replace(table, schema=tree.newname))
    world.schemas.discard(tree.subname)
    world.schemas.add(tree.newname)


def _type(world: World, tree: Node, recorder: Recorder) -> None:
    old = world.qualify(syntax.strings(tree.object.list.items))
    new = f"{old.rpartition('.')[0]}.{tree.newname}"
    recorder.event("rename_type", name=old, new=new)
    if old in world.types:
        world.types[new] = world.types.pop(old)
    if old in world.domains:
        world.domains[new] = world.domains.pop(old)


def set_schema(world: World, tree: Node, recorder: Recorder) -> None:
    """ALTER ... SET SCHEMA."""
    if tree.object_type not in _RELATIONS:
        recorder.event("set_schema_other", name=tree.newschema)
        return
    name = world.name_of(tree.relation)
    table = indexes.known(world, recorder, name)
    recorder.lock(name, Lock.AX)
    recorder.event("set_schema", name, tree.newschema)
    if table:
        move(world, name, replace(table, schema=tree.newschema))


def alter_owner(_world: World, tree: Node, recorder: Recorder) -> None:
    """ALTER of anything but a table ... OWNER TO."""
    recorder.event("change_owner", name=tree.newowner.rolename)
