"""ALTER TABLE's locks, and the subcommands that touch no row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import edits, syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock

_TRIGGERS = {
    pb.AT_EnableTrig: "enable",
    pb.AT_EnableAlwaysTrig: "enable",
    pb.AT_EnableReplicaTrig: "enable",
    pb.AT_EnableTrigAll: "enable",
    pb.AT_EnableTrigUser: "enable",
    pb.AT_DisableTrig: "disable",
    pb.AT_DisableTrigAll: "disable all",
    pb.AT_DisableTrigUser: "disable",
}
_GENTLE = {
    pb.AT_SetStatistics,
    pb.AT_ClusterOn,
    pb.AT_DropCluster,
    pb.AT_SetOptions,
    pb.AT_ResetOptions,
    pb.AT_ValidateConstraint,
    pb.AT_AttachPartition,
    pb.AT_DetachPartitionFinalize,
}
_OPTIONS = {pb.AT_SetRelOptions, pb.AT_ResetRelOptions, pb.AT_ReplaceRelOptions}
# reloptions.c gives each option the lock that changing it takes.
_STRONG_OPTIONS = {
    "user_catalog_table",
    "security_barrier",
    "security_invoker",
    "check_option",
    "fastupdate",
    "buffering",
    "autosummarize",
    "pages_per_range",
    "length",
}
RECURSIVE = {
    pb.AT_AddColumn,
    pb.AT_DropColumn,
    pb.AT_AlterColumnType,
    pb.AT_ColumnDefault,
    pb.AT_SetNotNull,
    pb.AT_DropNotNull,
    pb.AT_SetExpression,
    pb.AT_DropExpression,
    pb.AT_SetStatistics,
    pb.AT_SetStorage,
    pb.AT_SetCompression,
    pb.AT_AddConstraint,
    pb.AT_DropConstraint,
    pb.AT_ValidateConstraint,
    pb.AT_AlterConstraint,
    *_TRIGGERS,
}
_PLAIN = {
    pb.AT_SetStatistics: "set_statistics",
    pb.AT_SetOptions: "set_statistics",
    pb.AT_ResetOptions: "set_statistics",
    pb.AT_SetRelOptions: "set_reloptions",
    pb.AT_ResetRelOptions: "set_reloptions",
    pb.AT_ReplaceRelOptions: "set_reloptions",
    pb.AT_SetStorage: "set_storage",
    pb.AT_SetCompression: "set_storage",
    pb.AT_ChangeOwner: "change_owner",
    pb.AT_ReplicaIdentity: "replica_identity",
    pb.AT_EnableRowSecurity: "row_security",
    pb.AT_DisableRowSecurity: "row_security",
    pb.AT_ForceRowSecurity: "row_security",
    pb.AT_NoForceRowSecurity: "row_security",
    pb.AT_EnableRule: "rule",
    pb.AT_EnableAlwaysRule: "rule",
    pb.AT_EnableReplicaRule: "rule",
    pb.AT_DisableRule: "rule",
    pb.AT_AddOf: "of_type",
    pb.AT_DropOf: "of_type",
    pb.AT_DropOids: "drop_oids",
    pb.AT_GenericOptions: "foreign_options",
    pb.AT_AlterColumnGenericOptions: "foreign_options",
}


def lock_mode(command: Node) -> Lock:
    """Return a subcommand's lock, as AlterTableGetLockLevel does."""
    subtype = command.subtype
    if subtype in _TRIGGERS:
        return Lock.SRX
    if subtype in _GENTLE:
        return Lock.SUX
    if subtype in _OPTIONS:
        return _options_lock(command)
    if subtype == pb.AT_DetachPartition:
        concurrent = syntax.definition(command).partition_cmd.concurrent
        return Lock.SUX if concurrent else Lock.AX
    if subtype == pb.AT_AddConstraint:
        contype = syntax.definition(command).constraint.contype
        return Lock.SRX if contype == pb.CONSTR_FOREIGN else Lock.AX
    return Lock.AX


def is_recursive(command: Node, world: World) -> bool:
    """Does it reach, and lock, the children as it does the table?"""
    if command.subtype not in RECURSIVE:
        return False
    constraint = syntax.definition(command).constraint
    if constraint.contype in _INDEXED:
        return False
    return not constraint.is_no_inherit or world.facts.version >= 18


_INDEXED = {pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE, pb.CONSTR_EXCLUSION}


def _options_lock(command: Node) -> Lock:
    names = {n.def_elem.defname for n in syntax.definition(command).list.items}
    return Lock.AX if names & _STRONG_OPTIONS else Lock.SUX


def _plain(sub: Subcommand) -> None:
    kind = _PLAIN[sub.node.subtype]
    sub.recorder.event(kind, sub.table, sub.node.name)


def _cluster_on(sub: Subcommand) -> None:
    sub.recorder.event("cluster_on", sub.table, sub.node.name)
    if table := sub.world.find(sub.table):
        sub.world.put(edits.cluster_on(table, sub.node.name))


def _trigger(sub: Subcommand) -> None:
    action = _TRIGGERS[sub.node.subtype]
    sub.recorder.event("set_trigger", sub.table, sub.node.name, action=action)


def _persistence(sub: Subcommand) -> None:
    """SET LOGGED and UNLOGGED copy the table, unless it is so already."""
    wanted = "u" if sub.node.subtype == pb.AT_SetUnLogged else "p"
    table = sub.world.find(sub.table)
    if table and table.persistence == wanted:
        return
    _refuse_mixed_keys(sub, wanted)
    sub.recorder.event("set_persistence", sub.table, unlogged=wanted == "u")
    sub.phase3.rewrite(sub.table, "set-logged-unlogged")
    if table:
        sub.world.put(replace(table, persistence=wanted))


def _refuse_mixed_keys(sub: Subcommand, wanted: str) -> None:
    """No logged table may refer to an unlogged one."""
    table = sub.world.find(sub.table)
    if wanted == "u":
        others = [child for child, _key in sub.world.referencing(sub.table)]
    else:
        names = [c.references for c in table.constraints] if table else []
        others = [t for n in names if n and (t := sub.world.find(n))]
    for other in others:
        if other.qualified_name != sub.table and other.persistence != wanted:
            message = f'could not change table "{sub.table}": foreign key with'
            sub.recorder.fail("42P16", f"{message} {other.qualified_name}")


def _access_method(sub: Subcommand) -> None:
    """A table of the catalog is a heap; SET ACCESS METHOD heap changes nothing."""
    sub.recorder.event("set_access_method", sub.table, sub.node.name)
    if sub.node.name not in {"heap", ""}:
        sub.phase3.rewrite(sub.table, "table-rewrite-command")


def _tablespace(sub: Subcommand) -> None:
    sub.recorder.event("set_tablespace", sub.table, sub.node.name)
    if sub.node.name != "pg_default" and sub.world.stores(sub.table):
        sub.phase3.rewrite(sub.table, "table-rewrite-command")


def _inherit(sub: Subcommand) -> None:
    parent = sub.world.name_of(sub.definition.range_var)
    adding = sub.node.subtype == pb.AT_AddInherit
    sub.recorder.lock(parent, Lock.SUX if adding else Lock.AS)
    sub.recorder.event("inherit", sub.table, parent)
    if table := sub.world.find(sub.table):
        parents = tuple(p for p in table.parents if p != parent)
        parents += (parent,) if adding else ()
        sub.world.put(replace(table, parents=parents))


HANDLERS: dict[int, Callable[[Subcommand], None]] = {
    **dict.fromkeys(_PLAIN, _plain),
    **dict.fromkeys(_TRIGGERS, _trigger),
    pb.AT_ClusterOn: _cluster_on,
    pb.AT_DropCluster: _cluster_on,
    pb.AT_SetLogged: _persistence,
    pb.AT_SetUnLogged: _persistence,
    pb.AT_SetAccessMethod: _access_method,
    pb.AT_SetTableSpace: _tablespace,
    pb.AT_AddInherit: _inherit,
    pb.AT_DropInherit: _inherit,
}


def alter_other(world: World, tree: Node, recorder: Recorder) -> None:
    """ALTER INDEX, VIEW, SEQUENCE and composite TYPE: no table's rows are read."""
    name = world.name_of(tree.relation)
    commands = [node.alter_table_cmd for node in tree.cmds]
    mode = max(lock_mode(command) for command in commands)
    if tree.objtype == pb.OBJECT_INDEX:
        _alter_index(world, name, commands, recorder)
    elif tree.objtype == pb.OBJECT_VIEW and world.find(name):
        recorder.lock(name, mode)
    recorder.event("alter_other", name)


def _alter_index(
    world: World, name: str, commands: list[Node], recorder: Recorder
) -> None:
    owner = world.index_owner(name)
    if owner is None:
        if world.complete:
            recorder.fail("42P01", f'relation "{name}" does not exist')
        return
    for command in commands:
        if command.subtype == pb.AT_AttachPartition:
            recorder.lock(owner.qualified_name, Lock.AS)
        elif command.subtype == pb.AT_SetTableSpace and command.name != "pg_default":
            recorder.lock(name, Lock.AX)
            recorder.rewrite(name, "table-rewrite-command")
