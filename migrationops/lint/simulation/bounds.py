"""Do a table's CHECKs prove that its rows fit a partition's bound?

PostgreSQL reads every row unless they do. Only keys of one column are reasoned
about; where PostgreSQL might see more than this module, the answer is "not proven".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import expressions, syntax
from migrationops.lint.simulation.syntax import Node
from migrationops.schema import Table

Value = Decimal | str
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class _Range:
    column: str
    lower: Value | None  # inclusive; None: MINVALUE
    upper: Value | None  # exclusive; None: MAXVALUE


@dataclass(frozen=True, slots=True)
class _List:
    column: str
    values: frozenset[Value]


def text(bound: Node) -> str:
    """Return DEFAULT, or that it has a bound."""
    return "DEFAULT" if bound.is_default else "FOR VALUES"


def proven(table: Table | None, key: str | None, bound: Node) -> bool:
    """Is it known that no row of the table violates the bound?"""
    wanted = _bound(key, bound)
    if table is None or wanted is None or not _not_null(table, wanted.column):
        return False
    if isinstance(wanted, _List):
        return any(_inside_list(check, wanted) for check in _checks(table))
    atoms = [a for check in _checks(table) for a in _atoms(check, wanted.column)]
    return _above(atoms, wanted.lower) and _below(atoms, wanted.upper)


def excluded(table: Table | None, key: str | None, bound: Node) -> bool:
    """Is it known that no row of the (DEFAULT) table falls into the bound?"""
    wanted = _bound(key, bound)
    if table is None or not isinstance(wanted, _Range):
        return False
    return any(_outside(check, wanted, negated=False) for check in _checks(table))


def _bound(key: str | None, bound: Node) -> _Range | _List | None:
    column = _key_column(key)
    if column is None or bound.is_default:
        return None
    if bound.strategy == "r" and len(bound.lowerdatums) == 1:
        return _Range(
            column, _datum(bound.lowerdatums[0]), _datum(bound.upperdatums[0])
        )
    if bound.strategy == "l" and not any(map(syntax.is_null, bound.listdatums)):
        return _List(column, frozenset(_value(n) for n in bound.listdatums))
    return None


def _key_column(key: str | None) -> str | None:
    if not key:
        return None
    try:
        (statement,) = syntax.parse(f"CREATE TABLE t (a int) PARTITION BY {key}")
    except syntax.UnparsableError:
        return None
    parts = statement.tree.partspec.part_params
    return (parts[0].partition_elem.name or None) if len(parts) == 1 else None


def _datum(node: Node) -> Value | None:
    return None if syntax.kind(node) == "column_ref" else _value(node)


def _value(node: Node) -> Value:
    literal = syntax.literal(node)
    try:
        return Decimal(literal)
    except InvalidOperation:
        return literal


def _checks(table: Table) -> list[Node]:
    return [
        syntax.constraint(c.definition).raw_expr
        for c in table.constraints
        if c.kind == "c" and c.validated and c.enforced
    ]


def _not_null(table: Table, column: str) -> bool:
    known = table.column(column)
    if known and not known.nullable:
        return True
    return any(expressions.proves_not_null(c, column) for c in _checks(table))


@dataclass(frozen=True, slots=True)
class _Atom:
    operator: str
    value: Value


def _atoms(node: Node, column: str) -> list[_Atom]:
    """Return the comparisons of the column that a conjunction is made of."""
    value = syntax.inner(node)
    match syntax.kind(node):
        case "bool_expr" if value.boolop == pb.AND_EXPR:
            return [a for arg in value.args for a in _atoms(arg, column)]
        case "a_expr" if value.kind == pb.AEXPR_BETWEEN:
            low, high = value.rexpr.list.items
            return [_Atom(">=", _value(low)), _Atom("<=", _value(high))]
        case "a_expr" if value.kind == pb.AEXPR_OP:
            return _comparison(value, column)
        case _:
            return []


def _comparison(value: Any, column: str) -> list[_Atom]:
    operator = syntax.strings(value.name)[-1]
    if operator not in _FLIPPED:
        return []
    if _names(value.lexpr, column):
        return [_Atom(operator, _value(value.rexpr))]
    if _names(value.rexpr, column):
        return [_Atom(_FLIPPED[operator], _value(value.lexpr))]
    return []


def _names(node: Node, column: str) -> bool:
    is_column = syntax.kind(node) == "column_ref"
    return is_column and syntax.literal(node.column_ref.fields[-1]) == column


def _above(atoms: list[_Atom], lower: Value | None) -> bool:
    if lower is None:
        return True
    return any(
        a.operator in {">", ">=", "="} and _compare(a.value, lower, _at_least)
        for a in atoms
    )


def _below(atoms: list[_Atom], upper: Value | None) -> bool:
    if upper is None:
        return True
    return any(
        (a.operator == "<" and _compare(upper, a.value, _at_least))
        or (a.operator in {"<=", "="} and _compare(a.value, upper, _less))
        for a in atoms
    )


def _compare(a: Value, b: Value, order: Callable[[Any, Any], bool]) -> bool:
    """Compare constants of one kind; ISO dates order as their text does."""
    return type(a) is type(b) and bool(order(a, b))


def _at_least(a: Any, b: Any) -> bool:
    return bool(a >= b)


def _less(a: Any, b: Any) -> bool:
    return bool(a < b)


def _inside_list(check: Node, wanted: _List) -> bool:
    value = syntax.inner(check)
    match syntax.kind(check):
        case "bool_expr" if value.boolop == pb.AND_EXPR:
            return any(_inside_list(arg, wanted) for arg in value.args)
        case "a_expr":
            found = _equal_to(value, wanted.column)
            return bool(found) and found <= wanted.values
        case _:
            return False


def _equal_to(value: Any, column: str) -> frozenset[Value]:
    """Return the constants that an =, IN or = ANY allows the column."""
    if syntax.strings(value.name)[-1:] != ("=",) or not _names(value.lexpr, column):
        return frozenset()
    match syntax.kind(value.rexpr):
        case "list":
            nodes = list(value.rexpr.list.items)
        case "a_array_expr":
            nodes = list(value.rexpr.a_array_expr.elements)
        case _:
            nodes = [value.rexpr]
    return frozenset(_value(n) for n in nodes)


def _outside(check: Node, wanted: _Range, *, negated: bool) -> bool:
    """Does the (negated) check keep every row out of the range?"""
    value = syntax.inner(check)
    match syntax.kind(check):
        case "bool_expr" if value.boolop == pb.NOT_EXPR:
            return _outside(value.args[0], wanted, negated=not negated)
        case "bool_expr":
            conjunction = (value.boolop == pb.AND_EXPR) is not negated
            some: Callable[[Iterable[bool]], bool] = any if conjunction else all
            return some(_outside(a, wanted, negated=negated) for a in value.args)
        case "null_test":
            # NOT (column IS NOT NULL): only a NULL, which is in no range.
            return bool(negated == (value.nulltesttype == pb.IS_NOT_NULL))
        case _:
            return any(
                _atom_outside(_negate(a) if negated else a, wanted)
                for a in _atoms(check, wanted.column)
            )


def _negate(atom: _Atom) -> _Atom:
    return _Atom(_NEGATED.get(atom.operator, "?"), atom.value)


def _atom_outside(atom: _Atom, wanted: _Range) -> bool:
    """Column < v with v up to the lower bound, or >= v from the upper one on."""
    below = wanted.lower is not None and _below([atom], wanted.lower)
    above = wanted.upper is not None and _above([atom], wanted.upper)
    return below or above
