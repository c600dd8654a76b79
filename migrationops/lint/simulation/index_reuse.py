"""May an index be kept when the type of its column changes?"""

from __future__ import annotations

from dataclasses import dataclass

from migrationops.lint.simulation import datatypes, syntax
from migrationops.lint.simulation.datatypes import TypeRef
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.schema import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeChange:
    """A column's type before (None: not known) and after."""

    old: TypeRef | None
    new: TypeRef
    same_collation: bool


def reusable(world: World, index: Index, column: str, change: TypeChange) -> bool:
    """May the index be kept? Follows CheckIndexCompatible."""
    try:
        tree = syntax.index(index.definition)
    except syntax.UnparsableError:
        return False
    elements = [n.index_elem for n in tree.index_params]
    simple = all(e.name for e in elements) and syntax.absent(tree.where_clause)
    if not simple or not index.valid or change.old is None:
        return False
    for element in elements:
        if element.name == column and not _same_opclass(world, tree, element, change):
            return False
    return True


def _same_opclass(world: World, tree: Node, element: Node, change: TypeChange) -> bool:
    own_collation = bool(syntax.strings(element.collation))
    if not change.same_collation and not own_collation:
        return False
    if change.old is None:
        return False
    old = datatypes.base(change.old, world.domains)
    new = datatypes.base(change.new, world.domains)
    if (old.name, old.array) == (new.name, new.array):
        # GIN stores an array's elements, so PostgreSQL finds another type there.
        return not (old.array and tree.access_method == "gin")
    if old.array or new.array:
        return False  # array_ops is one class for all, but PostgreSQL tells them apart
    if syntax.strings(element.opclass):
        return True
    return _opclass(world, tree, old) == _opclass(world, tree, new)


def _opclass(world: World, tree: Node, type_: TypeRef) -> str:
    name = world.facts.opclass(tree.access_method or "btree", type_.name)
    return name or f"{type_.name}_ops"


def require_opclass(sub: Subcommand, index: Index, column: str, new: TypeRef) -> None:
    """An index by default class needs one for the new type."""
    try:
        tree = syntax.index(index.definition)
    except syntax.UnparsableError:
        return
    type_ = datatypes.base(new, sub.world.domains)
    default = any(
        n.index_elem.name == column and not syntax.strings(n.index_elem.opclass)
        for n in tree.index_params
    )
    if not default or type_.array or "." in type_.name or "range" in type_.name:
        return
    method = tree.access_method or "btree"
    if sub.world.facts.live and not sub.world.facts.opclass(method, type_.name):
        message = f"data type {type_} has no default operator class for {method}"
        sub.recorder.fail("42704", message)
