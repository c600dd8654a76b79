"""DROP and TRUNCATE."""

from __future__ import annotations

from dataclasses import replace

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import dependencies, edits, indexes, syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Table

_RELATIONS = {
    pb.OBJECT_TABLE: "table",
    pb.OBJECT_VIEW: "view",
    pb.OBJECT_MATVIEW: "materialized view",
    pb.OBJECT_FOREIGN_TABLE: "foreign table",
}
_OTHERS = {
    pb.OBJECT_TYPE: "type",
    pb.OBJECT_DOMAIN: "type",
    pb.OBJECT_FUNCTION: "function",
    pb.OBJECT_PROCEDURE: "function",
    pb.OBJECT_ROUTINE: "function",
    pb.OBJECT_AGGREGATE: "function",
    pb.OBJECT_SEQUENCE: "sequence",
    pb.OBJECT_SCHEMA: "schema",
    pb.OBJECT_EXTENSION: "extension",
}


def drop(world: World, tree: Node, recorder: Recorder) -> None:
    """DROP of anything."""
    cascade = tree.behavior == pb.DROP_CASCADE
    if tree.remove_type == pb.OBJECT_INDEX:
        indexes.drop(world, tree, recorder)
    elif tree.remove_type in _RELATIONS:
        names = [world.qualify(syntax.strings(n.list.items)) for n in tree.objects]
        for name in names:
            _drop_relation(world, recorder, tree, name, names)
    elif tree.remove_type in _ON_TABLES:
        _drop_on_table(world, recorder, tree)
    else:
        _drop_other(world, recorder, tree, cascade=cascade)


def _drop_relation(
    world: World, recorder: Recorder, tree: Node, name: str, together: list[str]
) -> None:
    table = world.find(name)
    if table is None:
        if world.complete and not tree.missing_ok:
            recorder.fail("42P01", f'table "{name}" does not exist')
        recorder.event("drop_table", name, rows=None, cascade=False)
        return
    cascade = tree.behavior == pb.DROP_CASCADE
    _refuse_dependents(world, recorder, table, together, cascade=cascade)
    kind = "drop_table" if table.kind in {"r", "p"} else "drop_view"
    recorder.event(
        kind,
        name,
        rows=world.row_count(name),
        cascade=cascade,
        partition=table.partition_bound is not None,
        dependents=tuple(_dependents(world, name, together)),
    )
    remove(world, recorder, name)


def _dependents(world: World, name: str, together: list[str]) -> list[str]:
    """Name the views and foreign keys of others that hang on a table."""
    gone = {n for t in together for n in world.family(t)}
    views = [v for v in dependencies.views_of(world, name) if v not in gone]
    referencing = world.referencing(name)
    return views + [k for child, k in referencing if child.qualified_name not in gone]


def _refuse_dependents(
    world: World,
    recorder: Recorder,
    table: Table,
    together: list[str],
    *,
    cascade: bool,
) -> None:
    found = _dependents(world, table.qualified_name, together)
    if found and not cascade:
        message = f"cannot drop {table.qualified_name}: {found[0]} depends on it"
        recorder.fail("2BP01", message)


def remove(world: World, recorder: Recorder, name: str) -> None:
    """Drop a relation with its partitions, its keys and the views on it."""
    table = world.find(name)
    if table is None:
        return
    recorder.lock(name, Lock.AX)
    for other in _neighbours(world, table):
        recorder.lock(other, Lock.AX)
    for child in list(world.children(name)):
        remove(world, recorder, child)
    for view in dependencies.views_of(world, name):
        remove(world, recorder, view)
    for child_table, key in list(world.referencing(name)):
        world.put(edits.drop_constraint(world.tables[child_table.qualified_name], key))
    world.tables.pop(name, None)
    world.created.discard(name)
    world.made.discard(name)


def _neighbours(world: World, table: Table) -> list[str]:
    """Name the tables that a drop locks beside its own."""
    name = table.qualified_name
    others = [c.references for c in table.constraints if c.references]
    others += [child.qualified_name for child, _key in world.referencing(name)]
    if table.partition_bound is not None:
        others += table.parents
        others += [
            sibling
            for parent in table.parents
            for sibling in world.children(parent)
            if world.tables[sibling].partition_bound == "DEFAULT"
        ]
    return [o for o in others if o != name]


_ON_TABLES = {
    pb.OBJECT_TRIGGER: "drop_trigger",
    pb.OBJECT_POLICY: "drop_policy",
    pb.OBJECT_RULE: "drop_rule",
}


def _drop_on_table(world: World, recorder: Recorder, tree: Node) -> None:
    for node in tree.objects:
        *parts, name = syntax.strings(node.list.items)
        table = world.qualify(tuple(parts))
        if world.find(table) is None and world.complete:
            if tree.missing_ok:
                continue
            recorder.fail("42P01", f'relation "{table}" does not exist')
        recorder.lock(table, Lock.AX)
        recorder.event(_ON_TABLES[tree.remove_type], table, name)
        known = world.find(table)
        if known:
            triggers = tuple(t for t in known.triggers if t.name != name)
            policies = tuple(p for p in known.policies if p.name != name)
            world.put(replace(known, triggers=triggers, policies=policies))


def _drop_other(world: World, recorder: Recorder, tree: Node, *, cascade: bool) -> None:
    kind = _OTHERS.get(tree.remove_type, "object")
    for node in tree.objects:
        parts = _object_parts(node)
        name = ".".join(parts[-2:])
        recorder.event("drop_object", name=name, what=kind, cascade=cascade)
        if kind == "schema":
            _drop_schema(world, recorder, name, cascade=cascade)
        elif kind == "type":
            _drop_type(world, recorder, world.qualify(parts), cascade=cascade)
        elif tree.remove_type == pb.OBJECT_STATISTIC_EXT:
            table = world.statistics.pop(world.qualify(parts), None)
            if table:
                recorder.lock(table, Lock.SUX)
        elif kind == "sequence":
            world.sequences.discard(world.qualify(parts))


def _object_parts(node: Node) -> tuple[str, ...]:
    match syntax.kind(node):
        case "string":
            return (node.string.sval,)
        case "type_name":
            return syntax.strings(node.type_name.names)
        case "object_with_args":
            return syntax.strings(node.object_with_args.objname)
        case "list":
            return syntax.strings(n for n in node.list.items if n.HasField("string"))
        case _:
            return ("",)


def _drop_schema(world: World, recorder: Recorder, name: str, *, cascade: bool) -> None:
    inside = [n for n, t in world.tables.items() if t.schema == name]
    if inside and not cascade:
        recorder.fail("2BP01", f"cannot drop schema {name}: {inside[0]} depends on it")
    for table in inside:
        remove(world, recorder, table)
    world.schemas.discard(name)


def _drop_type(world: World, recorder: Recorder, name: str, *, cascade: bool) -> None:
    users = [
        (t.qualified_name, c.name)
        for t in world.tables.values()
        for c in t.columns
        if (type_ := world.type_of_text(c.type)) and type_.name == name
    ]
    if users and not cascade:
        table, column = users[0]
        recorder.fail(
            "2BP01", f"cannot drop type {name}: {table}.{column} depends on it"
        )
    for table, column in users:
        recorder.lock(table, Lock.AX)
        recorder.event("drop_column", table, column, cascade=True, dependents=())
        world.put(edits.drop_column(world.tables[table], column))
    world.types.pop(name, None)
    world.domains.pop(name, None)


def truncate(world: World, tree: Node, recorder: Recorder) -> None:
    """TRUNCATE gives every table a new, empty file."""
    names = [world.name_of(n.range_var) for n in tree.relations]
    cascade = tree.behavior == pb.DROP_CASCADE
    wanted = _with_referencing(world, names) if cascade else _families(world, names)
    for name in wanted:
        indexes.known(world, recorder, name)
        for child, _key in world.referencing(name):
            if child.qualified_name not in wanted:
                message = f'"{child.name}" references "{name}" by a foreign key'
                recorder.fail("0A000", f"cannot truncate: {message}")
    for name in wanted:
        recorder.lock(name, Lock.AX)
        recorder.event("truncate", name, rows=world.row_count(name), cascade=cascade)
        if world.stores(name) and name not in world.fresh_files | world.created:
            recorder.rewrite(name, "truncate")
    recorder.emptied = [n for n in wanted if world.stores(n)]


def _families(world: World, names: list[str]) -> list[str]:
    return list(dict.fromkeys(m for n in names for m in world.family(n)))


def _with_referencing(world: World, names: list[str]) -> list[str]:
    wanted = _families(world, names)
    for name in wanted:  # grows while it is walked
        for child, _key in world.referencing(name):
            wanted += [m for m in world.family(child.qualified_name) if m not in wanted]
    return wanted
