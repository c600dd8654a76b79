"""ALTER COLUMN ... TYPE: rewritten, free, or free but for what hangs on the column."""

from __future__ import annotations

from collections.abc import Callable

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import (
    casts,
    datatypes,
    dependencies,
    edits,
    foreign_keys,
    index_reuse,
    syntax,
)
from migrationops.lint.simulation.datatypes import TypeRef
from migrationops.lint.simulation.index_reuse import TypeChange
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Column, Constraint, Table


def _alter_type(sub: Subcommand) -> None:
    column = sub.column()
    node = sub.definition.column_def
    new = sub.world.type_of(node.type_name)
    _refuse_inherited(sub)
    _refuse(sub)
    if column is None:
        sub.recorder.event("alter_type", sub.table, sub.node.name, old=None, new=new)
        sub.phase3.maybe_rewrite(sub.table, "alter-type-rewrite")
        return
    old = sub.world.type_of_text(column.type)
    using = None if syntax.absent(node.raw_default) else node.raw_default
    collation = syntax.collation(node)
    _refuse_cast(sub, column, old, new, using)
    virtual = column.generated == "v"  # has no rows of its own
    rewritten = not virtual and casts.needs_rewrite(
        sub.world, column.name, old, new, using
    )
    sub.recorder.event(
        "alter_type",
        sub.table,
        column.name,
        old=old,
        new=new,
        column=column,
        rewritten=rewritten,
        using=using is not None,
    )
    _work(sub, rewritten, using)
    change = TypeChange(old=old, new=new, same_collation=collation == column.collation)
    for member in list(sub.members()):
        _dependents(sub, member, column, change)
    for member in list(sub.members()):
        changed = edits.change_column(
            member, column.name, type=str(new), collation=collation
        )
        sub.world.put(changed)


def _refuse_inherited(sub: Subcommand) -> None:
    """A partition key keeps its type; an inherited column changes with its parent."""
    table = sub.world.find(sub.table)
    if table is None:
        return
    if sub.node.name in dependencies.key_columns(table):
        message = (
            f'cannot alter column "{sub.node.name}": it is part of the partition key'
        )
        sub.recorder.fail("42P16", message)
    if not sub.recursive and sub.world.children(sub.table):
        message = f'type of inherited column "{sub.node.name}" must be changed in'
        sub.recorder.fail("42P16", f"{message} child tables too")
    parents = [sub.world.find(name) for name in table.parents]
    if any(p and p.column(sub.node.name) for p in parents):
        sub.recorder.fail("42P16", f'cannot alter inherited column "{sub.node.name}"')


def _refuse(sub: Subcommand) -> None:
    """Views, generated columns, policies and triggers forbid the change."""
    found = [
        d
        for name in sub.family
        for d in dependencies.of_column(sub.world, name, sub.node.name)
    ]
    if found:
        sub.recorder.event("dependency", sub.table, sub.node.name, dependent=found[0])
        message = f"cannot alter type of a column used by {found[0]}"
        sub.recorder.fail("0A000", message)


def _refuse_cast(
    sub: Subcommand,
    column: Column,
    old: TypeRef | None,
    new: TypeRef,
    using: Node | None,
) -> None:
    """Without an assignment cast there must be a USING, and no default either."""
    if old is None:
        return
    if using is None:
        if casts.castable(sub.world, old, new) is False:
            message = f'column "{column.name}" cannot be cast automatically to {new}'
            sub.recorder.fail("42804", message)
    else:
        _refuse_explicit(sub, column, old, using)
    defaulted = column.default and not column.generated
    if defaulted and casts.castable(sub.world, old, new) is False:
        message = f'default for column "{column.name}" cannot be cast automatically'
        sub.recorder.fail("42804", message)


def _refuse_explicit(
    sub: Subcommand, column: Column, old: TypeRef, using: Node
) -> None:
    """Each cast that USING writes must exist."""
    for step in casts.casts_of(using, column.name, sub.world):
        if step is None:
            return
        if casts.castable(sub.world, old, step, explicit=True) is False:
            sub.recorder.fail("42846", f"cannot cast type {old} to {step}")
        old = step


def _work(sub: Subcommand, rewritten: bool | None, using: Node | None) -> None:
    cause = "alter-type-using-expr" if using is not None else "alter-type-rewrite"
    if rewritten:
        sub.phase3.rewrite(sub.table, cause)
    elif rewritten is None:
        sub.phase3.maybe_rewrite(sub.table, cause)


def _dependents(
    sub: Subcommand, table: Table, column: Column, change: TypeChange
) -> None:
    """Rebuild the indexes and check the constraints that hang on the column."""
    name = table.qualified_name
    for index in table.indexes:
        if column.name not in edits.index_columns(index):
            continue
        index_reuse.require_opclass(sub, index, column.name, change.new)
        # Without storage of its own there is nothing to keep, nor below it.
        kept = table.kind != "p" and index_reuse.reusable(
            sub.world, index, column.name, change
        )
        if not kept:
            sub.phase3.build_index(name, "alter-type-index-rebuild")
    for constraint in table.constraints:
        if column.name in edits.constraint_columns(constraint):
            _recheck(sub, name, constraint, change)
    for child, key in list(sub.world.referencing(name)):
        found = edits.find_constraint(child, key)
        if found and column.name in edits.targets(table, found):
            _still_comparable(sub, child, found, change.new, own=False)
            sub.recorder.lock(child.qualified_name, Lock.AX)
            _recheck_key(sub, child.qualified_name, name, found, change)


def _recheck(
    sub: Subcommand, name: str, constraint: Constraint, change: TypeChange
) -> None:
    if constraint.kind == "c" and constraint.validated and constraint.enforced:
        sub.phase3.scan_only(name, "alter-type-recheck")
    elif constraint.kind == "f" and constraint.references:
        table = sub.world.find(constraint.references)
        if table:
            _still_comparable(sub, table, constraint, change.new, own=True)
        sub.recorder.lock(constraint.references, Lock.AX)
        _recheck_key(sub, name, constraint.references, constraint, change)


def _still_comparable(
    sub: Subcommand, other: Table, key: Constraint, new: TypeRef, *, own: bool
) -> None:
    """The changed side must still compare with the other one, `other`'s column."""
    if len(key.columns) != 1:
        return
    names = edits.targets(other, key) if own else set(key.columns)
    column = other.column(next(iter(names), ""))
    type_ = sub.world.type_of_text(column.type) if column else None
    sides = (new, type_) if own else (type_, new)
    if None not in sides and not foreign_keys.is_comparable(sub.world, *sides):
        message = f'foreign key constraint "{key.name}" cannot be implemented'
        sub.recorder.fail("42804", message)


def _recheck_key(
    sub: Subcommand, child: str, parent: str, key: Constraint, change: TypeChange
) -> None:
    """A foreign key is checked again unless its comparison stays the same."""
    sub.recorder.event("alter_type_fk", child, key.name, parent=parent)
    if not key.validated or not key.enforced:
        return
    kept = change.old is not None and change.old.name == change.new.name
    rewritten = sub.phase3.is_rewritten(sub.table)
    if rewritten or (not kept and not _same_family(sub.world, change)):
        sub.phase3.check_foreign_key(child, parent, "alter-type-fk")


def _same_family(world: World, change: TypeChange) -> bool:
    if change.old is None:
        return False
    old = datatypes.base(change.old, world.domains).name
    new = datatypes.base(change.new, world.domains).name
    return world.facts.opclass("btree", old) == world.facts.opclass("btree", new)


HANDLERS: dict[int, Callable[[Subcommand], None]] = {
    pb.AT_AlterColumnType: _alter_type,
}
