"""Ranges of an indexed column: how much of the table do they leave?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import syntax
from migrationops.lint.simulation.syntax import Node

# Values with equally many rows between them: pg_stats.histogram_bounds.
Histogram = tuple[Decimal, ...]

# Of rows that lie in the order of the column: above it the planner reads the table,
# or a little below it where rows are short or few.
_FEW = Decimal("0.52")
_INFINITY = Decimal("Infinity")


def leaves_few(histogram: Histogram, column: str, where: Node) -> bool | None:
    """Tell whether a condition's range is narrow; None when it has no range."""
    low, high = -_INFINITY, _INFINITY
    for conjunct in conjuncts(where):
        for operator, value in _bounds(conjunct, column):
            if operator in {">", ">="}:
                low = max(low, value)
            else:
                high = min(high, value)
    if low == -_INFINITY and high == _INFINITY:
        return None
    within = bisect_right(histogram, high) - bisect_left(histogram, low)
    return Decimal(within) / len(histogram) < _FEW


def conjuncts(where: Node) -> Iterator[Node]:
    """Yield the conditions that AND joins."""
    if syntax.kind(where) == "bool_expr" and where.bool_expr.boolop == pb.AND_EXPR:
        for arg in where.bool_expr.args:
            yield from conjuncts(arg)
    elif not syntax.absent(where):
        yield where


def histogram(values: Iterable[str]) -> Histogram | None:
    """Return the bounds of a column of numbers; None for any other."""
    try:
        return tuple(Decimal(value) for value in values)
    except InvalidOperation:
        return None


def _bounds(condition: Node, column: str) -> Iterator[tuple[str, Decimal]]:
    """Yield (operator, number) of `column < number` and of its like."""
    value = condition.a_expr
    if syntax.kind(condition) != "a_expr" or not _names(value.lexpr, column):
        return
    if value.kind == pb.AEXPR_BETWEEN:
        operators, ends = [">=", "<="], list(value.rexpr.list.items)
    else:
        operators, ends = [syntax.strings(value.name)[-1]], [value.rexpr]
    numbers = histogram(syntax.literal(end) or "none" for end in ends)
    if numbers and set(operators) <= {"<", "<=", ">", ">="}:
        yield from zip(operators, numbers, strict=True)


def _names(node: Node, column: str) -> bool:
    if syntax.kind(node) != "column_ref":
        return False
    return syntax.literal(node.column_ref.fields[-1]) == column
