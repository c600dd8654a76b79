"""Foreign keys: whom they lock, what they read, what they refuse."""

from __future__ import annotations

from migrationops.lint.simulation import constraints, datatypes, edits, syntax
from migrationops.lint.simulation.datatypes import TypeRef
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Column, Constraint, Table


def add_foreign_key(sub: Subcommand, node: Node, cause: str, *, check: bool) -> None:
    """Lock the parent too; read both sides when the key must be proven."""
    parent = sub.world.name_of(node.pktable)
    lock_parent(sub, parent)
    for child in sub.world.descendants(sub.table):
        sub.recorder.lock(child, Lock.SRX)
    _require_unique(sub, node, parent)
    _require_comparable(sub, node, parent)
    check = check and not node.skip_validation and node.is_enforced
    constraint = constraints.announce(
        sub, node, inline=cause == "add-column-references"
    )
    if check:
        sub.phase3.check_foreign_key(sub.table, constraint.references or parent, cause)


def _require_unique(sub: Subcommand, node: Node, parent: str) -> None:
    """A foreign key refers to exactly the columns of some unique index."""
    table = sub.world.find(parent)
    if table is None or not sub.world.knows_columns(parent):
        return
    named = set(syntax.strings(node.pk_attrs))
    unique = [set(i.columns) for i in table.indexes if i.unique and not i.predicate]
    primary = any(i.primary for i in table.indexes)
    if named not in unique if named else not primary:
        message = f'there is no unique constraint matching given keys for "{parent}"'
        sub.recorder.fail("42830", message)


def _require_comparable(sub: Subcommand, node: Node, parent: str) -> None:
    child, target = sub.world.find(sub.table), sub.world.find(parent)
    if child is None or target is None:
        return
    keys = syntax.strings(node.pk_attrs) or edits.primary_columns(target)
    for own, other in zip(syntax.strings(node.fk_attrs), keys, strict=False):
        require_comparable(sub, child.column(own), target.column(other))


def require_comparable(
    sub: Subcommand, own: Column | None, other: Column | None
) -> None:
    """The types of a foreign key's two sides must have an equality."""
    old = own and sub.world.type_of_text(own.type)
    new = other and sub.world.type_of_text(other.type)
    if old and new and not is_comparable(sub.world, old, new):
        message = f"foreign key cannot be implemented: types {old} and {new}"
        sub.recorder.fail("42804", message)


def is_comparable(world: World, own: TypeRef, other: TypeRef) -> bool:
    """True also where no server told."""
    old = datatypes.base(own, world.domains)
    new = datatypes.base(other, world.domains)
    if not world.facts.live or (old.name, old.array) == (new.name, new.array):
        return True
    if any({old.name, new.name} <= family for family in _FAMILIES):
        return True
    return (old.name, new.name) in world.facts.implicit


# Operator families whose equality spans types.
_FAMILIES = (
    {"int2", "int4", "int8"},
    {"float4", "float8"},
    {"date", "timestamp", "timestamptz"},
    {"text", "varchar", "name"},
)


def lock_parent(sub: Subcommand, parent: str, mode: Lock = Lock.SRX) -> None:
    if sub.world.find(parent) is None and sub.world.complete:
        sub.recorder.fail("42P01", f'relation "{parent}" does not exist')
    for name in sub.world.family(parent):
        sub.recorder.lock(name, mode)


def release_foreign_keys(sub: Subcommand, column: str) -> None:
    """Dropping a column drops its foreign keys: their other side is locked too."""
    for table in sub.members():
        for constraint in table.constraints:
            if constraint.references and column in constraint.columns:
                sub.recorder.lock(constraint.references, Lock.AX)
        _drop_incoming(sub, table, column)


def _drop_incoming(sub: Subcommand, table: Table, column: str) -> None:
    for child, key in list(sub.world.referencing(table.qualified_name)):
        found = edits.find_constraint(child, key)
        if found and column in edits.targets(table, found):
            sub.recorder.lock(child.qualified_name, Lock.AX)
            sub.world.put(edits.drop_constraint(child, key))


def rests_on(parent: Table, key: Constraint, target: Constraint) -> bool:
    """Does a foreign key refer to exactly this unique constraint's columns?"""
    return edits.targets(parent, key) == set(target.columns)
