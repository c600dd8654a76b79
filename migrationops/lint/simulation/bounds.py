"""Do a table's CHECKs prove that its rows fit a partition's bound?

PostgreSQL reads every row unless they do. Where it might see more than this module,
the answer is "not proven".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import expressions, syntax
from migrationops.lint.simulation.implication import (
    Atom,
    Test,
    Value,
    constant,
    constants,
    implies,
)
from migrationops.lint.simulation.syntax import Node
from migrationops.schema import Table


@dataclass(frozen=True, slots=True)
class _Range:
    """A range of the key's first column; `others` are the columns behind it."""

    column: str
    lower: Value | None  # inclusive, unless others; None: MINVALUE
    upper: Value | None  # exclusive; None: MAXVALUE
    others: tuple[str, ...] = ()

    def proven(self, checks: list[Node]) -> bool:
        tests: list[Test] = []
        if self.lower is not None:
            strictly = bool(self.others)
            tests.append(partial(Atom.above, value=self.lower, strictly=strictly))
        if self.upper is not None:
            tests.append(partial(Atom.below, value=self.upper))
        return all(_some(checks, self.column, test) for test in tests)

    def excluded(self, checks: list[Node]) -> bool:
        return not self.others and _some(checks, self.column, self._outside)

    def _outside(self, atom: Atom) -> bool:
        """NULL is in no range; nor is what ends below it or begins above."""
        below = self.lower is not None and atom.below(self.lower)
        above = self.upper is not None and atom.above(self.upper)
        return atom.operator == "is null" or below or above


@dataclass(frozen=True, slots=True)
class _List:
    column: str
    values: frozenset[Value]
    null: bool
    others: tuple[str, ...] = ()

    def proven(self, checks: list[Node]) -> bool:
        return _some(checks, self.column, self._inside)

    def _inside(self, atom: Atom) -> bool:
        if atom.operator == "is null":
            return self.null
        return atom.operator == "=" and atom.value in self.values

    def excluded(self, checks: list[Node]) -> bool:
        return not self.null and all(
            _some(checks, self.column, partial(_rules_out, value=value))
            for value in self.values
        )


def _rules_out(atom: Atom, *, value: Value) -> bool:
    match atom.operator:
        case "is null":
            return True
        case "=":
            return atom.value != value
        case "<>":
            return atom.value == value
        case _:
            return atom.below(value) or atom.above(value, strictly=True)


def _some(checks: Iterable[Node], column: str, test: Test) -> bool:
    return any(implies(check, column, test) for check in checks)


def text(bound: Node) -> str:
    """Return DEFAULT, or FOR VALUES ... as the catalog has it."""
    if bound.is_default:
        return "DEFAULT"
    statement = pb.CreateStmt(partbound=bound)
    statement.relation.relname, statement.relation.inh = "t", True
    parent = statement.inh_relations.add().range_var
    parent.relname, parent.inh = "p", True
    _before, word, after = syntax.deparse(statement, "create_stmt").partition(
        "FOR VALUES"
    )
    return word + after


def proven(
    table: Table | None, key: str | None, bound: Node, taken: Iterable[str] = ()
) -> bool:
    """Is it known that no row of the table violates the bound?

    A DEFAULT's rows must be in none of the bounds that are `taken`.
    """
    if bound.is_default:
        return all(
            (other := _parsed(one)) is not None and excluded(table, key, other)
            for one in taken
        )
    wanted = _bound(key, bound)
    if table is None or wanted is None:
        return False
    nulls = isinstance(wanted, _List) and wanted.null
    filled = all(_not_null(table, c) for c in (wanted.column, *wanted.others))
    return (filled or nulls) and wanted.proven(_checks(table))


def excluded(table: Table | None, key: str | None, bound: Node) -> bool:
    """Is it known that no row of the (DEFAULT) table falls into the bound?"""
    wanted = _bound(key, bound)
    return bool(table and wanted and wanted.excluded(_checks(table)))


def _parsed(bound: str) -> Node | None:
    try:
        (statement,) = syntax.parse(f"CREATE TABLE t PARTITION OF p {bound}")
    except syntax.UnparsableError:
        return None
    return statement.tree.partbound


def _bound(key: str | None, bound: Node) -> _Range | _List | None:
    columns = _key_columns(key)
    if not columns or bound.is_default:
        return None
    first, *others = columns
    if bound.strategy == "r":
        lower, upper = _datum(bound.lowerdatums[0]), _datum(bound.upperdatums[0])
        if "" in (lower, upper):  # to be worked out by the server
            return None
        return _Range(first, lower, upper, tuple(others))
    if bound.strategy == "l":
        values = [n for n in bound.listdatums if not syntax.is_null(n)]
        wanted = constants(values)
        null = len(values) < len(bound.listdatums)
        return None if "" in wanted else _List(first, wanted, null)
    return None


def _key_columns(key: str | None) -> list[str]:
    """Return the key's columns; none when there is an expression in it."""
    if not key:
        return []
    try:
        (statement,) = syntax.parse(f"CREATE TABLE t (a int) PARTITION BY {key}")
    except syntax.UnparsableError:
        return []
    names = [n.partition_elem.name for n in statement.tree.partspec.part_params]
    return names if all(names) else []


def _datum(node: Node) -> Value | None:
    return None if syntax.kind(node) == "column_ref" else constant(node)


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
