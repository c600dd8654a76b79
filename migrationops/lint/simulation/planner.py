"""Would a query find its rows by an index? A guess at the planner's choice."""

from __future__ import annotations

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import ranges, syntax
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World


def uses_index(world: World, name: str, where: Node | None) -> bool:
    """Does a condition pin an indexed column, or rule every row out?"""
    if where is None or syntax.absent(where):
        return False
    leading = _leading(world, name)
    narrow = _narrow(world, name, where, leading)
    if narrow is not None and syntax.kind(where) == "a_expr":
        return narrow
    if narrow:
        return True
    return syntax.literal(where) == "false" or _pins(where, leading)


def _narrow(world: World, name: str, where: Node, leading: set[str]) -> bool | None:
    """Is a range of an indexed column narrow? None without range or statistics."""
    spreads = {c: world.spread.get((name, c)) for c in leading}
    found = {ranges.leaves_few(s, c, where) for c, s in spreads.items() if s}
    return True if True in found else False if False in found else None


def reads_an_end(world: World, name: str, tree: Node) -> bool:
    """Does a SELECT want the first rows of an index only: LIMIT, min() or max()?"""
    leading = _leading(world, name)
    sorting = [n.sort_by.node for n in tree.sort_clause]
    if len(sorting) == 1 and not syntax.absent(tree.limit_count):
        return _column(sorting[0]) in leading and syntax.absent(tree.where_clause)
    targets = [n.res_target.val for n in tree.target_list]
    plain = syntax.absent(tree.where_clause) and not len(tree.group_clause)
    return plain and bool(targets) and all(_is_extreme(t, leading) for t in targets)


def _is_extreme(node: Node, leading: set[str]) -> bool:
    if syntax.kind(node) != "func_call":
        return False
    call = node.func_call
    named = syntax.strings(call.funcname)[-1] in {"min", "max"}
    return named and len(call.args) == 1 and _column(call.args[0]) in leading


def _leading(world: World, name: str) -> set[str]:
    table = world.find(name)
    indexes = table.indexes if table else ()
    return {i.columns[0] for i in indexes if i.columns and i.valid and not i.predicate}


def _pins(where: Node, leading: set[str]) -> bool:
    """Does it leave a few values of an indexed column, in every arm of an OR?"""
    value = syntax.inner(where)
    match syntax.kind(where):
        case "bool_expr" if value.boolop == pb.AND_EXPR:
            return any(_pins(arg, leading) for arg in value.args)
        case "bool_expr" if value.boolop == pb.OR_EXPR:
            return all(_pins(arg, leading) for arg in value.args)
        case "a_expr" if value.kind in _PINNING and _is_equality(value):
            return _column(value.lexpr) in leading and _is_constant(value.rexpr)
        case _:
            return False


_PINNING = {pb.AEXPR_OP, pb.AEXPR_IN, pb.AEXPR_OP_ANY, pb.AEXPR_BETWEEN}


def _is_equality(value: Node) -> bool:
    return value.kind == pb.AEXPR_BETWEEN or syntax.strings(value.name) == ("=",)


def _column(node: Node) -> str:
    """Return the column that a bare reference names, "" for anything else."""
    if syntax.kind(node) != "column_ref":
        return ""
    return syntax.literal(node.column_ref.fields[-1])


def _is_constant(node: Node) -> bool:
    """Constants, and a subquery that gives one value."""
    return syntax.kind(node) == "sub_link" or not syntax.column_refs(node)
