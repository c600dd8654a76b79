"""What an expression means to PostgreSQL: volatility, proofs, types."""

from __future__ import annotations

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import syntax
from migrationops.lint.simulation.facts import VOLATILE, Function
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World

_DEPTH = 8  # of SQL functions inlined into each other


def is_volatile(node: Node, world: World, *, depth: int = 0) -> bool | None:
    """Is it still volatile after planning? None when a function is not known.

    pg_proc.provolatile is not the last word: a SQL function that the planner
    inlines counts as its body does.
    """
    answers = {
        _call_is_volatile(message, world, depth)
        for name, message in syntax.walk(_folded(node))
        if name == "FuncCall"
    }
    if True in answers:
        return True
    return None if None in answers else False


def _folded(node: Node) -> Node:
    """Leave out what a constant makes unreachable, as eval_const_expressions does."""
    value = syntax.inner(node)
    match syntax.kind(node):
        case "coalesce_expr" if syntax.literal(value.args[0]):
            return value.args[0]
        case "case_expr" if syntax.absent(value.arg):
            first = value.args[0].case_when
            return first.result if syntax.literal(first.expr) == "true" else node
        case _:
            return node


def _call_is_volatile(call: Node, world: World, depth: int) -> bool | None:
    found = functions_called(call, world)
    answers = {_function_is_volatile(f, world, depth) for f in found}
    return answers.pop() if len(answers) == 1 else None


def functions_called(call: Node, world: World) -> list[Function]:
    """Return the functions that a call may mean, by name and number of arguments."""
    parts = syntax.strings(call.funcname)
    changed = world.functions.get(parts[-1], ())
    replaced = {(f.schema, f.arguments) for f in changed}
    untouched = (
        f
        for f in world.facts.functions.get(parts[-1], ())
        if (f.schema, f.arguments) not in replaced
    )
    named = [
        f for f in (*changed, *untouched) if len(parts) == 1 or f.schema == parts[0]
    ]
    fitting = [f for f in named if f.arguments == len(call.args)]
    return fitting or named


def _function_is_volatile(function: Function, world: World, depth: int) -> bool | None:
    if function.volatility != VOLATILE:
        return False
    if function.inline is None or depth >= _DEPTH:
        return True
    try:
        body = syntax.expression(function.inline)
    except syntax.UnparsableError:
        return None
    return is_volatile(body, world, depth=depth + 1)


def proves_not_null(node: Node, column: str, *, negated: bool = False) -> bool:
    """Does a CHECK of this (negated) expression make NULL in the column impossible?

    As predicate_implied_by sees it once constants are folded and NOT is pushed down:
    an IS NOT NULL, a conjunction with one, or a disjunction of which every arm is
    one. (column > 0) lets NULL through.
    """
    value = syntax.inner(node)
    match syntax.kind(node):
        case "null_test":
            fields = _fields(value.arg)
            wanted = (value.nulltesttype == pb.IS_NOT_NULL) is not negated
            one_is_enough = len(fields) == 1 or not negated
            named = any(_is_column(f, column) for f in fields)
            return wanted and one_is_enough and named
        case "bool_expr" if value.boolop == pb.NOT_EXPR:
            return proves_not_null(value.args[0], column, negated=not negated)
        case "bool_expr":
            return _arms_prove(value, column, negated=negated)
        case "a_expr" if value.kind in _DISTINCT:
            distinct = (value.kind == pb.AEXPR_DISTINCT) is not negated
            return distinct and _is_distinct_from_null(value, column)
        case "a_expr":
            return _equality_proves(value, column, negated=negated)
        case _:
            return False


_DISTINCT = {pb.AEXPR_DISTINCT, pb.AEXPR_NOT_DISTINCT}


def _fields(node: Node) -> list[Node]:
    """Return the fields of a ROW: its IS NOT NULL is that of each."""
    return list(node.row_expr.args) if syntax.kind(node) == "row_expr" else [node]


def _arms_prove(value: Node, column: str, *, negated: bool) -> bool:
    """One arm of a conjunction is enough; of a disjunction, every arm that counts."""
    proofs = (
        proves_not_null(arg, column, negated=negated)
        for arg in value.args
        if syntax.literal(arg) not in {"true", "false"}
    )
    conjunction = (value.boolop == pb.AND_EXPR) is not negated
    return any(proofs) if conjunction else all(proofs)


def _is_distinct_from_null(value: Node, column: str) -> bool:
    return _is_column(value.lexpr, column) and syntax.is_null(value.rexpr)


def _equality_proves(value: Node, column: str, *, negated: bool) -> bool:
    """(x) = true is x, (x) = false and (x) <> true are NOT x."""
    operator = syntax.strings(value.name)[-1:]
    if value.kind != pb.AEXPR_OP or operator not in {("=",), ("<>",)}:
        return False
    literal = syntax.literal(value.rexpr)
    if literal not in {"true", "false"}:
        return False
    same = (literal == "true") is (operator == ("=",))
    return proves_not_null(value.lexpr, column, negated=negated is same)


def _is_column(node: Node, column: str) -> bool:
    return (
        syntax.kind(node) == "column_ref"
        and syntax.literal(node.column_ref.fields[-1]) == column
    )


def inlined_body(language: str, body: str) -> str | None:
    """Return the expression that the planner puts in place of a SQL function.

    Only a lone SELECT of one expression from nowhere is inlined.
    """
    if language.lower() != "sql":
        return None
    try:
        statements = syntax.parse(body)
    except syntax.UnparsableError:
        return None
    if len(statements) != 1:
        return None
    return _lone_expression(statements[0])


def _lone_expression(statement: syntax.Parsed) -> str | None:
    tree = statement.tree
    if statement.kind == "return_stmt":
        return syntax.deparse(tree.returnval, "expr")
    if statement.kind != "select_stmt" or len(tree.target_list) != 1:
        return None
    given = {field.name for field, _value in tree.ListFields()}
    if given - {"target_list", "limit_option", "op"}:
        return None
    value = tree.target_list[0].res_target.val
    if any(name == "SubLink" for name, _message in syntax.walk(value)):
        return None
    return syntax.deparse(value, "expr")
