"""SET NOT NULL: when NULL is known to be impossible, and when the table is read."""

from __future__ import annotations

from dataclasses import dataclass

from migrationops.lint.simulation import edits, expressions, syntax
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.schema import Constraint, Table


def not_null_constraint(table: Table, column: str) -> Constraint | None:
    """Return the named NOT NULL constraint of a column (PostgreSQL 18)."""
    for constraint in table.constraints:
        if constraint.kind == "n" and constraint.columns == (column,):
            return constraint
    return None


@dataclass(frozen=True, slots=True)
class _Proof:
    found: bool
    near_miss: bool  # a CHECK on the column that PostgreSQL cannot use


def _proof(table: Table, column: str) -> _Proof:
    checks = [c for c in table.constraints if c.kind == "c" and column in c.columns]
    usable = [c for c in checks if c.validated and c.enforced]
    found = any(
        expressions.proves_not_null(syntax.constraint(c.definition).raw_expr, column)
        for c in usable
    )
    return _Proof(found, bool(checks))


def is_proven(table: Table | None, column: str) -> bool:
    """Does a valid CHECK of the table make NULL in the column impossible?"""
    return table is not None and _proof(table, column).found


def is_refused(table: Table | None, column: str) -> bool:
    """Do writes of NULL fail already, whatever the old rows hold?"""
    known = table and table.column(column)
    if not table or not known:
        return False
    if not known.nullable or not_null_constraint(table, column):
        return True
    checks = (c for c in table.constraints if c.kind == "c" and c.enforced)
    trees = (syntax.constraint(c.definition).raw_expr for c in checks)
    return any(expressions.proves_not_null(tree, column) for tree in trees)


def require_not_null(sub: Subcommand, name: str, column: str) -> None:
    """SET NOT NULL on one table: read it unless NULL is known to be impossible."""
    table = sub.world.find(name)
    known = table and table.column(column)
    pending = not_null_constraint(table, column) if table else None
    if table and pending and not pending.validated:
        sub.world.put(edits.change_constraint(table, pending.name, validated=True))
        sub.phase3.scan_only(name, "set-not-null-on-notvalid-not-null")
        return
    if known and not known.nullable:
        return
    proof = _proof(table, column) if table else _Proof(False, False)
    if not proof.found:
        sub.phase3.scan_only(name, _scan_cause(sub, table, column, proof))


def _scan_cause(
    sub: Subcommand, table: Table | None, column: str, proof: _Proof
) -> str:
    if sub.before and table is not None and _proof(sub.before, column).found:
        return "set-not-null-drops-its-proof"
    return "set-not-null-bad-proof" if proof.near_miss else "set-not-null"
