"""VACUUM, CLUSTER, REFRESH, LOCK and everything that only takes a lock."""

from __future__ import annotations

from dataclasses import replace

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import edits, indexes, queries, syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Policy, Table, Trigger


def vacuum(world: World, tree: Node, recorder: Recorder) -> None:
    """VACUUM and ANALYZE; only FULL copies the table."""
    if tree.is_vacuumcmd:
        indexes.refuse_in_transaction(world, recorder, "VACUUM")
    full = tree.is_vacuumcmd and syntax.is_on(tree.options, "full")
    named = [world.name_of(n.vacuum_relation.relation) for n in tree.rels]
    for name in named or [n for n in world.tables if world.stores(n)]:
        for leaf in world.leaves(name):
            recorder.lock(leaf, Lock.AX if full else Lock.SUX)
            if full:
                _copy(recorder, leaf)
    kind = "vacuum" if tree.is_vacuumcmd else "analyze"
    recorder.event(kind, named[0] if named else "", full=full)


def _copy(recorder: Recorder, name: str) -> None:
    recorder.rewrite(name, "table-rewrite-command")


def cluster(world: World, tree: Node, recorder: Recorder) -> None:
    if not tree.HasField("relation"):
        indexes.refuse_in_transaction(world, recorder, "CLUSTER")
        recorder.cannot_know("which tables were clustered before")
        return
    name = world.name_of(tree.relation)
    table = indexes.known(world, recorder, name)
    if table and table.kind == "p":
        indexes.refuse_in_transaction(world, recorder, "CLUSTER of a partitioned table")
    recorder.event("cluster", name)
    if not tree.indexname and table and not _clustered(table):
        message = f'there is no previously clustered index for table "{name}"'
        recorder.fail("42704", message)
    for leaf in world.leaves(name):
        recorder.lock(leaf, Lock.AX)
        _copy(recorder, leaf)
    if table and tree.indexname:
        world.put(edits.cluster_on(table, tree.indexname))


def _clustered(table: Table) -> bool:
    return any("clustered" in i.options for i in table.indexes)


def refresh(world: World, tree: Node, recorder: Recorder) -> None:
    """REFRESH MATERIALIZED VIEW: CONCURRENTLY compares instead of replacing."""
    name = world.name_of(tree.relation)
    view = indexes.known(world, recorder, name)
    recorder.event("refresh_matview", name, concurrent=tree.concurrent)
    recorder.lock(name, Lock.X if tree.concurrent else Lock.AX)
    unique = any(i.unique and not i.predicate for i in view.indexes) if view else True
    if tree.concurrent and not unique:
        recorder.fail(
            "55000", f'cannot refresh materialized view "{name}" concurrently'
        )
    if tree.concurrent:
        recorder.scan(name, "refresh-matview")
    else:
        recorder.rewrite(name, "refresh-matview")
    if view and view.definition and not tree.skip_data:
        for statement in syntax.parse(view.definition):
            queries.read(world, recorder, statement.tree)


def lock_table(world: World, tree: Node, recorder: Recorder) -> None:
    if not world.in_transaction:
        recorder.fail("25P01", "LOCK TABLE can only be used in transaction blocks")
    mode = Lock(tree.mode)
    for node in tree.relations:
        name = world.name_of(node.range_var)
        indexes.known(world, recorder, name)
        recorder.event("lock_table", name, mode=mode, nowait=tree.nowait)
        for member in world.family(name) if node.range_var.inh else [name]:
            _lock_with_base(world, recorder, member, mode)


def _lock_with_base(world: World, recorder: Recorder, name: str, mode: Lock) -> None:
    """Lock a table, or a view with what it reads."""
    recorder.lock(name, mode)
    table = world.find(name)
    if table and table.kind == "v" and table.definition:
        for part in queries.view_tables(world, table.definition):
            _lock_with_base(world, recorder, part, mode)


_COMMENTED = {
    pb.OBJECT_TABLE,
    pb.OBJECT_VIEW,
    pb.OBJECT_MATVIEW,
    pb.OBJECT_FOREIGN_TABLE,
}
_COMMENTED_PARTS = {
    pb.OBJECT_COLUMN,
    pb.OBJECT_TRIGGER,
    pb.OBJECT_POLICY,
    pb.OBJECT_RULE,
}


def comment(world: World, tree: Node, recorder: Recorder) -> None:
    """COMMENT ON and SECURITY LABEL ON."""
    parts = syntax.strings(tree.object.list.items)
    if tree.objtype in _COMMENTED_PARTS:
        parts = parts[:-1]
    elif tree.objtype not in _COMMENTED:
        recorder.event("comment_other")
        return
    name = world.qualify(parts)
    recorder.lock(name, Lock.SUX)
    recorder.event("comment", name)


def create_trigger(world: World, tree: Node, recorder: Recorder) -> None:
    name = world.name_of(tree.relation)
    table = indexes.known(world, recorder, name)
    for member in world.family(name):
        recorder.lock(member, Lock.SRX)
    if tree.HasField("constrrel"):
        recorder.lock(world.name_of(tree.constrrel), Lock.AS)
    recorder.event("create_trigger", name, tree.trigname)
    if table:
        text = syntax.deparse(tree, "create_trig_stmt")
        trigger = Trigger(name=tree.trigname, definition=text)
        world.put(replace(table, triggers=(*table.triggers, trigger)))


def policy(world: World, tree: Node, recorder: Recorder) -> None:
    """CREATE and ALTER POLICY."""
    name = world.name_of(tree.table)
    table = indexes.known(world, recorder, name)
    recorder.lock(name, Lock.AX)
    recorder.event("policy", name, tree.policy_name)
    if table and tree.DESCRIPTOR.name == "CreatePolicyStmt":
        world.put(_with_policy(table, tree))


def _with_policy(table: Table, tree: Node) -> Table:
    clauses = "".join(
        f" {word} ({syntax.deparse(node, 'expr')})"
        for word, node in (("USING", tree.qual), ("WITH CHECK", tree.with_check))
        if not syntax.absent(node)
    )
    added = Policy(name=tree.policy_name, definition=f"PERMISSIVE{clauses}")
    return replace(table, policies=(*table.policies, added))


def create_rule(world: World, tree: Node, recorder: Recorder) -> None:
    name = world.name_of(tree.relation)
    indexes.known(world, recorder, name)
    recorder.lock(name, Lock.AX)
    recorder.event("create_rule", name, tree.rulename)


def create_statistics(world: World, tree: Node, recorder: Recorder) -> None:
    for node in tree.relations:
        name = world.name_of(node.range_var)
        recorder.lock(name, Lock.SUX)
        recorder.event("create_statistics", name)
        if len(tree.defnames):
            world.statistics[world.qualify(syntax.strings(tree.defnames))] = name


def publication(world: World, tree: Node, recorder: Recorder) -> None:
    """CREATE and ALTER PUBLICATION lock the tables that they name."""
    recorder.event("publication", name=tree.pubname)
    for node in tree.pubobjects:
        table = node.publication_obj_spec.pubtable
        if table.HasField("relation"):
            recorder.lock(world.name_of(table.relation), Lock.SUX)


def create_sequence(world: World, tree: Node, recorder: Recorder) -> None:
    name = world.name_of(tree.sequence)
    world.sequences.add(name)
    recorder.event("sequence", name=name)


def alter_sequence(world: World, tree: Node, recorder: Recorder) -> None:
    recorder.event("sequence", name=world.name_of(tree.sequence))


def create_schema(world: World, tree: Node, recorder: Recorder) -> None:
    world.schemas.add(tree.schemaname)
    recorder.event("create_schema", name=tree.schemaname)
    if len(tree.schema_elts):
        recorder.cannot_know("what CREATE SCHEMA makes inside it")


def create_extension(_world: World, tree: Node, recorder: Recorder) -> None:
    recorder.event("create_extension", name=tree.extname)
