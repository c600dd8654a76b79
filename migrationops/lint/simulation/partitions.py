"""Attaching, detaching and creating partitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import bounds, edits, foreign_keys
from migrationops.lint.simulation.indexes import similar
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Constraint, Index, Table


def default_partition(world: World, parent: str) -> str | None:
    """Return the DEFAULT partition of a partitioned table."""
    for name in world.children(parent):
        if world.tables[name].partition_bound == "DEFAULT":
            return name
    return None


def join(world: World, recorder: Recorder, parent: str, bound: Node) -> None:
    """Lock the DEFAULT partition and read it for rows that the newcomer claims."""
    default = default_partition(world, parent)
    if default is None or bound.is_default:
        return
    for name in world.family(default):
        recorder.lock(name, Lock.AX)
    key = world.tables[parent].partition_key
    for leaf in world.leaves(default):
        if not bounds.excluded(world.find(leaf), key, bound):
            recorder.scan(leaf, "attach-partition-unproven")


def _attach(sub: Subcommand) -> None:
    command = sub.definition.partition_cmd
    name = sub.world.name_of(command.name)
    table = sub.world.find(name)
    if table is None and sub.world.complete:
        sub.recorder.fail("42P01", f'relation "{name}" does not exist')
    for member in sub.world.family(name):
        sub.recorder.lock(member, Lock.AX)
    sub.recorder.event("attach_partition", sub.table, name)
    parent = sub.world.find(sub.table)
    if parent and table:
        _refuse_mismatch(sub, parent, table)
    join(sub.world, sub.recorder, sub.table, command.bound)
    key = parent.partition_key if parent else None
    taken = _bounds_of(sub.world, sub.table)
    for leaf in sub.world.leaves(name):
        above = sub.world.find(name)  # what is proven of it is so of its partitions
        if not any(
            bounds.proven(t, key, command.bound, taken)
            for t in (above, sub.world.find(leaf))
        ):
            sub.recorder.scan(leaf, "attach-partition-unproven")
    if parent and table:
        _inherit(sub, parent, table)
        _become_partition(sub.world, name, sub.table, bounds.text(command.bound))


def _bounds_of(world: World, parent: str) -> list[str]:
    """Return the bounds of the partitions that there are."""
    found = (world.tables[name].partition_bound for name in world.children(parent))
    return [bound for bound in found if bound]


def _refuse_mismatch(sub: Subcommand, parent: Table, table: Table) -> None:
    """A partition must have the parent's NOT NULLs and CHECKs already."""
    for column in parent.columns:
        own = table.column(column.name)
        if not column.nullable and own and own.nullable:
            message = f'column "{column.name}" in child table must be marked NOT NULL'
            sub.recorder.fail("42804", message)
    for constraint in parent.constraints:
        if constraint.kind == "c" and not edits.find_constraint(table, constraint.name):
            message = f'child table is missing constraint "{constraint.name}"'
            sub.recorder.fail("42804", message)


def _inherit(sub: Subcommand, parent: Table, table: Table) -> None:
    """The partition gets the parent's indexes and foreign keys, built and checked."""
    for index in parent.indexes:
        if not any(similar(index, own) for own in table.indexes):
            sub.phase3.build_index(table.qualified_name, "attach-partition-unproven")
            sub.world.put(_with_index(sub.world, table.qualified_name, index))
    for constraint in parent.constraints:
        if constraint.kind == "f" and constraint.references:
            _inherit_key(sub, table, constraint)


def _with_index(world: World, name: str, index: Index) -> Table:
    table = world.tables[name]
    given = edits.choose_name(world, name, list(index.columns), "idx")
    return edits.add_index(table, replace(index, name=given, constraint=None))


def _inherit_key(sub: Subcommand, table: Table, key: Constraint) -> None:
    assert key.references
    own = [c for c in table.constraints if c.references == key.references]
    foreign_keys.lock_parent(sub, key.references)
    if any(c.columns == key.columns and c.validated for c in own):
        return
    sub.phase3.check_foreign_key(table.qualified_name, key.references, "add-fk-valid")


def _become_partition(world: World, name: str, parent: str, bound: str) -> None:
    table = world.tables[name]
    world.put(replace(table, parents=(parent,), partition_bound=bound))


def _detach(sub: Subcommand) -> None:
    command = sub.definition.partition_cmd
    name = sub.world.name_of(command.name)
    default = default_partition(sub.world, sub.table)
    if command.concurrent:
        _refuse_concurrent(sub, default)
    elif sub.node.subtype == pb.AT_DetachPartition:
        sub.recorder.lock(name, Lock.AX)
        if default:
            sub.recorder.lock(default, Lock.AX)
    sub.recorder.event(
        "detach_partition", sub.table, name, concurrent=command.concurrent
    )
    for child, _key in sub.world.referencing(sub.table):
        sub.recorder.lock(child.qualified_name, Lock.SRX)
        sub.phase3.check_foreign_key(child.qualified_name, name, "detach-partition")
    if table := sub.world.find(name):
        parents = tuple(p for p in table.parents if p != sub.table)
        sub.world.put(replace(table, parents=parents, partition_bound=None))


def _refuse_concurrent(sub: Subcommand, default: str | None) -> None:
    if sub.world.in_transaction:
        sub.recorder.event("concurrently_in_transaction", sub.table)
        message = "DETACH CONCURRENTLY cannot run inside a transaction block"
        sub.recorder.fail("25001", message)
    if default:
        message = (
            "cannot detach partitions concurrently when a default partition exists"
        )
        sub.recorder.fail("55000", message)
    sub.recorder.release()


HANDLERS: dict[int, Callable[[Subcommand], None]] = {
    pb.AT_AttachPartition: _attach,
    pb.AT_DetachPartition: _detach,
    pb.AT_DetachPartitionFinalize: _detach,
}
