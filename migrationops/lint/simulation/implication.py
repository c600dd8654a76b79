"""What a CHECK implies about comparisons of one column with constants.

Follows predicate_implied_by: a conjunction implies what any of its parts does, a
disjunction what all of its parts do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import syntax
from migrationops.lint.simulation.syntax import Node

Value = Decimal | str
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "<>", "<>": "="}
_NEGATED |= {"is null": "is not null", "is not null": "is null"}


@dataclass(frozen=True, slots=True)
class Atom:
    """A comparison of the column; `value` is None for IS [NOT] NULL."""

    operator: str
    value: Value | None = None

    def negated(self) -> Atom:
        return Atom(_NEGATED[self.operator], self.value)

    def above(self, value: Value, *, strictly: bool = False) -> bool:
        """Does it hold for no row below (or, strictly, at) the value?"""
        at = self.operator == ">" or not strictly
        return self.operator in {">", ">=", "="} and _is_above(self.value, value, at)

    def below(self, value: Value, *, inclusive: bool = False) -> bool:
        """Does it hold for no row at the value (unless inclusive) or above?"""
        at = self.operator == "<" or inclusive
        return self.operator in {"<", "<=", "="} and _is_above(value, self.value, at)


def _is_above(one: Value | None, other: Value | None, or_equal: bool) -> bool:
    """Compare constants of one kind; ISO dates order as their text does."""
    if one is None or type(one) is not type(other):
        return False
    return bool(one > other or (or_equal and one == other))  # type: ignore[operator]


Test = Callable[[Atom], bool]


def implies(check: Node, column: str, test: Test, *, negated: bool = False) -> bool:
    """Is the test met by what the (negated) check says of the column?"""
    value = syntax.inner(check)
    if syntax.kind(check) != "bool_expr":
        found = _atoms(check, column)
        return found is not None and found.imply(test, negated=negated)
    if value.boolop == pb.NOT_EXPR:
        return implies(value.args[0], column, test, negated=not negated)
    every = (value.boolop == pb.AND_EXPR) is negated
    parts = (implies(arg, column, test, negated=negated) for arg in value.args)
    return all(parts) if every else any(parts)


@dataclass(frozen=True, slots=True)
class _Atoms:
    """Comparisons that hold together, or (`either`) of which one holds."""

    parts: tuple[Atom, ...]
    either: bool = False

    def imply(self, test: Test, *, negated: bool) -> bool:
        atoms = [a.negated() for a in self.parts] if negated else self.parts
        every = self.either is not negated
        # Of what is no constant nothing is known.
        met = (atom.value != "" and test(atom) for atom in atoms)
        return bool(atoms) and (all if every else any)(met)


def _atoms(node: Node, column: str) -> _Atoms | None:
    value = syntax.inner(node)
    match syntax.kind(node):
        case "null_test" if _names(value.arg, column):
            null = value.nulltesttype == pb.IS_NULL
            return _Atoms((Atom("is null" if null else "is not null"),))
        case "a_expr" if value.kind == pb.AEXPR_BETWEEN and _names(value.lexpr, column):
            low, high = value.rexpr.list.items
            return _Atoms((Atom(">=", constant(low)), Atom("<=", constant(high))))
        case "a_expr" if value.kind in _LISTS and _names(value.lexpr, column):
            return _listed(value)
        case "a_expr" if value.kind == pb.AEXPR_OP:
            return _comparison(value, column)
        case _:
            return None


_LISTS = {pb.AEXPR_IN, pb.AEXPR_OP_ANY, pb.AEXPR_OP_ALL}


def _listed(value: Node) -> _Atoms | None:
    """Read IN, NOT IN, = ANY and <> ALL."""
    (operator,) = syntax.strings(value.name)[-1:]
    either = value.kind == pb.AEXPR_OP_ANY or (
        value.kind == pb.AEXPR_IN and operator == "="
    )
    items = _items(value.rexpr)
    if operator not in _FLIPPED or not items:
        return None
    return _Atoms(tuple(Atom(operator, constant(n)) for n in items), either)


def _items(node: Node) -> list[Node]:
    match syntax.kind(node):
        case "list":
            return list(node.list.items)
        case "a_array_expr":
            return list(node.a_array_expr.elements)
        case "type_cast":
            return _items(node.type_cast.arg)
        case _:
            return []


def _comparison(value: Node, column: str) -> _Atoms | None:
    operator = syntax.strings(value.name)[-1]
    if operator not in _FLIPPED:
        return None
    if _names(value.lexpr, column):
        return _Atoms((Atom(operator, constant(value.rexpr)),))
    if _names(value.rexpr, column):
        return _Atoms((Atom(_FLIPPED[operator], constant(value.lexpr)),))
    return None


def _names(node: Node, column: str) -> bool:
    if syntax.kind(node) == "type_cast":  # pg_get_constraintdef writes (k)::text
        return _names(node.type_cast.arg, column)
    is_column = syntax.kind(node) == "column_ref"
    return is_column and syntax.literal(node.column_ref.fields[-1]) == column


def constant(node: Node) -> Value:
    """Return a constant's value: a number, or its text, blank for what is none."""
    literal = syntax.literal(node)
    try:
        return Decimal(literal)
    except InvalidOperation:
        return literal


def constants(nodes: Iterable[Node]) -> frozenset[Value]:
    return frozenset(constant(n) for n in nodes)
