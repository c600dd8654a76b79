"""ALTER COLUMN ... TYPE: rewritten, free, or free but for what hangs on the column."""

from __future__ import annotations

from collections.abc import Callable

from migrationops.lint.simulation import (
    constraints,
    datatypes,
    dependencies,
    edits,
    syntax,
)
from migrationops.lint.simulation.datatypes import TypeRef
from migrationops.lint.simulation.lockmode import LockMode
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.schema import Column, Constraint, Index, Table

pb = syntax.pb

_AX = LockMode.ACCESS_EXCLUSIVE
_STRINGS = {"text", "varchar", "bpchar"}


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
    collation = ".".join(syntax.strings(node.coll_clause.collname)) or None
    _refuse_cast(sub, column, old, new, using)
    rewritten = needs_rewrite(sub.world, column.name, old, new, using)
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
    for member in list(sub.members()):
        _dependents(sub, member, column, _Change(old, new, collation, column.collation))
    for member in list(sub.members()):
        changed = edits.change_column(
            member, column.name, type=str(new), collation=collation
        )
        sub.world.put(changed)


class _Change:
    """The types and collations before and after."""

    def __init__(
        self, old: TypeRef | None, new: TypeRef, collation: str | None, was: str | None
    ) -> None:
        self.old, self.new = old, new
        self.same_collation = collation == was


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
    if old is None or _castable(sub.world, old, new) is not False:
        return
    if using is None:
        message = f'column "{column.name}" cannot be cast automatically to type {new}'
        sub.recorder.fail("42804", message)
    if column.default and not column.generated:
        message = f'default for column "{column.name}" cannot be cast automatically'
        sub.recorder.fail("42804", message)


def _castable(world: World, old: TypeRef, new: TypeRef) -> bool | None:
    """Is there an assignment cast? None when no server told."""
    source = datatypes.base(old, world.domains)
    target = datatypes.base(new, world.domains)
    if source.name == target.name or target.name in _STRINGS:
        return True
    if not world.facts.live:
        return None
    return (source.name, target.name) in world.facts.assignable


def needs_rewrite(
    world: World, column: str, old: TypeRef | None, new: TypeRef, using: Node | None
) -> bool | None:
    """Must rows be written anew? None when a type is not known."""
    if old is None:
        return None
    start = old
    for step in [*_casts(using, column, world), new]:
        if step is None:
            return True
        if _changes(world, start, step):
            return True
        start = step
    return False


def _changes(world: World, old: TypeRef, new: TypeRef) -> bool:
    return datatypes.changes_rows(
        old,
        new,
        domains=world.domains,
        coercible=world.facts.coercible,
        utc=(world.setting("timezone") or world.facts.timezone).upper() in _UTC,
    )


_UTC = {"UTC", "GMT", "ETC/UTC", "ETC/GMT", "UCT", "ETC/UCT", "ZULU"}


def _casts(using: Node | None, column: str, world: World) -> list[TypeRef | None]:
    """Return the casts that USING applies to the bare column, inside out.

    [None] stands for any other expression, which always rewrites.
    """
    if using is None:
        return []
    value = syntax.inner(using)
    match syntax.kind(using):
        case "column_ref" if syntax.literal(value.fields[-1]) == column:
            return []
        case "type_cast":
            below = _casts(value.arg, column, world)
            return below + [world.type_of(value.type_name)]
        case "collate_clause":
            return _casts(value.arg, column, world)
        case _:
            return [None]


def _work(sub: Subcommand, rewritten: bool | None, using: Node | None) -> None:
    cause = "alter-type-using-expr" if using is not None else "alter-type-rewrite"
    if rewritten:
        sub.phase3.rewrite(sub.table, cause)
    elif rewritten is None:
        sub.phase3.maybe_rewrite(sub.table, cause)


def _dependents(sub: Subcommand, table: Table, column: Column, change: _Change) -> None:
    """Rebuild the indexes and check the constraints that hang on the column."""
    name = table.qualified_name
    for index in table.indexes:
        if column.name in edits.index_columns(index) and not _reusable(
            sub.world, index, column.name, change
        ):
            sub.phase3.build_index(name, "alter-type-index-rebuild")
    for constraint in table.constraints:
        if column.name in edits.constraint_columns(constraint):
            _recheck(sub, name, constraint, change)
    for child, key in list(sub.world.referencing(name)):
        found = edits.find_constraint(child, key)
        if found and column.name in constraints.targets(table, found):
            sub.recorder.lock(child.qualified_name, _AX)
            _recheck_key(sub, child.qualified_name, name, found, change)


def _reusable(world: World, index: Index, column: str, change: _Change) -> bool:
    """May the index be kept? Follows CheckIndexCompatible."""
    try:
        tree = syntax.index(index.definition)
    except syntax.UnparsableError:
        return False
    elements = [n.index_elem for n in tree.index_params]
    simple = all(e.name for e in elements) and syntax.absent(tree.where_clause)
    if not simple or change.old is None:
        return False
    for element in elements:
        if element.name == column and not _same_opclass(world, tree, element, change):
            return False
    return True


def _same_opclass(world: World, tree: Node, element: Node, change: _Change) -> bool:
    own_collation = bool(syntax.strings(element.collation))
    if not change.same_collation and not own_collation:
        return False
    if change.old is None or change.old.array or change.new.array:
        return change.old == change.new  # array_ops fits any array
    old = datatypes.base(change.old, world.domains)
    new = datatypes.base(change.new, world.domains)
    if old.name == new.name or syntax.strings(element.opclass):
        return True
    method = tree.access_method or "btree"
    return world.facts.opclass(method, old.name) == world.facts.opclass(
        method, new.name
    )


def _recheck(
    sub: Subcommand, name: str, constraint: Constraint, change: _Change
) -> None:
    if constraint.kind == "c" and constraint.validated and constraint.enforced:
        sub.phase3.scan_only(name, "alter-type-recheck")
    elif constraint.kind == "f" and constraint.references:
        sub.recorder.lock(constraint.references, _AX)
        _recheck_key(sub, name, constraint.references, constraint, change)


def _recheck_key(
    sub: Subcommand, child: str, parent: str, key: Constraint, change: _Change
) -> None:
    """A foreign key is checked again unless its comparison stays the same."""
    sub.recorder.event("alter_type_fk", child, key.name, parent=parent)
    if not key.validated or not key.enforced:
        return
    kept = change.old is not None and change.old.name == change.new.name
    rewritten = sub.phase3.is_rewritten(sub.table)
    if rewritten or (not kept and not _same_family(sub.world, change)):
        sub.phase3.check_foreign_key(child, parent, "alter-type-fk")


def _same_family(world: World, change: _Change) -> bool:
    if change.old is None:
        return False
    old = datatypes.base(change.old, world.domains).name
    new = datatypes.base(change.new, world.domains).name
    return world.facts.opclass("btree", old) == world.facts.opclass("btree", new)


HANDLERS: dict[int, Callable[[Subcommand], None]] = {
    pb.AT_AlterColumnType: _alter_type,
}
