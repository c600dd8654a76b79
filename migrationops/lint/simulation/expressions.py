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
        for name, message in syntax.walk(node)
        if name == "FuncCall"
    }
    if True in answers:
        return True
    return None if None in answers else False


def _call_is_volatile(call: Node, world: World, depth: int) -> bool | None:
    found = functions_called(call, world)
    answers = {_function_is_volatile(f, world, depth) for f in found}
    return answers.pop() if len(answers) == 1 else None


def functions_called(call: Node, world: World) -> list[Function]:
    """Return the functions that a call may mean, by name and number of arguments."""
    parts = syntax.strings(call.funcname)
    named = [
        f
        for source in (world.functions, world.facts.functions)
        for f in source.get(parts[-1], ())
        if len(parts) == 1 or f.schema == parts[0]
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


def proves_not_null(node: Node, column: str) -> bool:
    """Does a CHECK of this expression make NULL in the column impossible?

    As predicate_implied_by sees it: an IS NOT NULL, a conjunction with one, or a
    disjunction of which every arm is one. (column > 0) lets NULL through.
    """
    value = syntax.inner(node)
    match syntax.kind(node):
        case "null_test":
            wanted = value.nulltesttype == pb.IS_NOT_NULL
            return wanted and _is_column(value.arg, column)
        case "bool_expr" if value.boolop == pb.AND_EXPR:
            return any(proves_not_null(arg, column) for arg in value.args)
        case "bool_expr" if value.boolop == pb.OR_EXPR:
            return all(proves_not_null(arg, column) for arg in value.args)
        case "bool_expr":
            return _is_null_test(value.args[0], column)
        case "a_expr" if value.kind == pb.AEXPR_DISTINCT:
            return _is_column(value.lexpr, column) and syntax.is_null(value.rexpr)
        case "a_expr" if syntax.strings(value.name) == ("=",):
            true = syntax.literal(value.rexpr) == "true"
            return true and proves_not_null(value.lexpr, column)
        case _:
            return False


def _is_null_test(node: Node, column: str) -> bool:
    test = node.null_test
    return (
        syntax.kind(node) == "null_test"
        and test.nulltesttype == pb.IS_NULL
        and _is_column(test.arg, column)
    )


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
