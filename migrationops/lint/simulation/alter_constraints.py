"""ALTER TABLE's subcommands on constraints."""

from __future__ import annotations

from collections.abc import Callable

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import (
    constraints,
    edits,
    foreign_keys,
    indexed_constraints,
    indexes,
    not_null,
    syntax,
)
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Constraint, Table


def _add(sub: Subcommand) -> None:
    node = sub.definition.constraint
    if node.conname and _exists(sub, node.conname):
        message = (
            f'constraint "{node.conname}" for relation "{sub.table}" already exists'
        )
        sub.recorder.fail("42710", message)
    _require_version(sub, node)
    own = constraints.columns_of(node)
    indexes.require_columns(sub.world, sub.recorder, sub.table, own)
    match constraints.KINDS.get(node.contype):
        case "c":
            if not node.skip_validation and node.is_enforced:
                sub.phase3.scan(sub.table, "add-check-valid")
            constraints.announce(sub, node)
        case "f":
            _add_foreign_key(sub, node)
        case "n":
            _add_not_null(sub, node)
        case "p" | "u" | "x":
            indexed_constraints.add_indexed(sub, node)
        case _:
            sub.recorder.cannot_know("a kind of constraint that is not known")


def _exists(sub: Subcommand, name: str) -> bool:
    table = sub.world.find(sub.table)
    return bool(table and edits.find_constraint(table, name))


def _require_version(sub: Subcommand, node: Node) -> None:
    """PostgreSQL 18 brought NOT ENFORCED and a named NOT NULL by ALTER TABLE."""
    if sub.world.facts.version >= 18:
        return
    if node.contype == pb.CONSTR_NOTNULL:
        sub.recorder.fail("42601", "ADD CONSTRAINT ... NOT NULL needs PostgreSQL 18")
    if node.contype in {pb.CONSTR_CHECK, pb.CONSTR_FOREIGN} and not node.is_enforced:
        sub.recorder.fail("42601", "NOT ENFORCED needs PostgreSQL 18")


def _add_foreign_key(sub: Subcommand, node: Node) -> None:
    table = sub.world.find(sub.table)
    partitioned = bool(table and table.kind == "p")
    if partitioned and node.skip_validation and sub.world.facts.version < 18:
        message = f'cannot add NOT VALID foreign key on partitioned table "{sub.table}"'
        sub.recorder.fail("42809", message)
    foreign_keys.add_foreign_key(sub, node, "add-fk-valid", check=True)


def _add_not_null(sub: Subcommand, node: Node) -> None:
    (column,) = syntax.strings(node.keys)
    table = sub.world.find(sub.table)
    known = table and table.column(column)
    if known and not known.nullable:
        return
    names = [sub.table] if node.is_no_inherit else sub.family
    if not node.skip_validation:
        for name in names:
            _scan_for_nulls(sub, name, column)
    constraints.announce(sub, node)
    for member in [m for m in sub.members() if m.qualified_name in names]:
        sub.world.put(edits.change_column(member, column, nullable=False))


def _scan_for_nulls(sub: Subcommand, name: str, column: str) -> None:
    if not not_null.is_proven(sub.world.find(name), column):
        sub.phase3.scan_only(name, "add-not-null-constraint-valid")


def _validate(sub: Subcommand) -> None:
    constraint = _named(sub)
    if constraint is None or constraint.validated:
        sub.recorder.event("validate", sub.table, sub.node.name, constraint=constraint)
        if constraint is None:
            sub.phase3.scan(sub.table, "validate-constraint")
        return
    sub.recorder.event("validate", sub.table, constraint.name, constraint=constraint)
    if constraint.references:
        foreign_keys.lock_parent(sub, constraint.references, Lock.RS)
        sub.phase3.check_foreign_key(
            sub.table, constraint.references, "validate-constraint"
        )
    else:
        sub.phase3.scan(sub.table, "validate-constraint")
    for member in list(sub.members()):
        sub.world.put(edits.change_constraint(member, constraint.name, validated=True))


def _named(sub: Subcommand) -> Constraint | None:
    """Return the constraint that is named; a missing one is an error."""
    table = sub.world.find(sub.table)
    name = sub.node.name or sub.definition.atalter_constraint.conname
    found = edits.find_constraint(table, name) if table else None
    known = sub.world.knows_columns(sub.table) and not _may_be_not_null(sub)
    if found is None and known and not sub.node.missing_ok:
        message = f'constraint "{name}" of relation "{sub.table}" does not exist'
        sub.recorder.fail("42704", message)
    return found


def _may_be_not_null(sub: Subcommand) -> bool:
    """A NOT NULL has a name since 18, which the catalog leaves out."""
    table = sub.world.find(sub.table)
    filled = any(not c.nullable for c in table.columns) if table else False
    return filled and sub.world.facts.version >= 18


def _drop(sub: Subcommand) -> None:
    constraint = _named(sub)
    if constraint is None and sub.world.knows_columns(sub.table):
        return
    _refuse_only(sub)
    _refuse_inherited(sub)
    cascade = sub.node.behavior == pb.DROP_CASCADE
    sub.recorder.event(
        "drop_constraint",
        sub.table,
        sub.node.name,
        constraint=constraint,
        cascade=cascade,
    )
    if constraint is None:
        return
    if constraint.references:
        for name in sub.world.family(constraint.references):
            sub.recorder.lock(name, Lock.AX)
    if constraint.kind in {"p", "u"}:
        _drop_keys_to(sub, constraint, cascade=cascade)
    for member in list(sub.members()):
        sub.world.put(_without(member, constraint))


def _without(table: Table, constraint: Constraint) -> Table:
    table = edits.drop_constraint(table, constraint.name)
    for column in constraint.columns if constraint.kind == "n" else ():
        table = edits.change_column(table, column, nullable=True)
    return table


def _refuse_only(sub: Subcommand) -> None:
    table = sub.world.find(sub.table)
    children = sub.world.children(sub.table)
    partitioned = bool(table and table.kind == "p" and children)
    for child in children if partitioned else ():
        sub.recorder.lock(child, Lock.AX)
    if partitioned and not sub.recursive and sub.world.facts.version < 18:
        message = "cannot remove constraint from only the partitioned table"
        sub.recorder.fail("42P16", message)


def _refuse_inherited(sub: Subcommand) -> None:
    """A constraint that the parent has too can only be dropped there."""
    table = sub.world.find(sub.table)
    for parent in table.parents if table else ():
        above = sub.world.find(parent)
        found = edits.find_constraint(above, sub.node.name) if above else None
        if found and "NO INHERIT" not in found.definition:
            message = f'cannot drop inherited constraint "{sub.node.name}"'
            sub.recorder.fail("42P16", message)


def _drop_keys_to(sub: Subcommand, constraint: Constraint, *, cascade: bool) -> None:
    """Foreign keys that rest on a dropped unique constraint go too, or forbid it."""
    for child, key in list(sub.world.referencing(sub.table)):
        found = edits.find_constraint(child, key)
        if not found or not foreign_keys.rests_on(
            sub.world.tables[sub.table], found, constraint
        ):
            continue
        if not cascade:
            message = f"cannot drop constraint {constraint.name}: {key} depends on it"
            sub.recorder.fail("2BP01", message)
        sub.recorder.lock(child.qualified_name, Lock.AX)
        sub.world.put(edits.drop_constraint(child, key))


def _alter(sub: Subcommand) -> None:
    constraint = _named(sub)
    change = sub.definition.atalter_constraint
    sub.recorder.event("alter_constraint", sub.table, change.conname)
    if constraint and constraint.kind == "n" and change.alter_inheritability:
        _hand_down(sub, constraint)
    if not constraint or not constraint.references:
        return
    if not change.alter_enforceability:
        return
    for name in sub.world.family(constraint.references):
        sub.recorder.lock(name, Lock.SRX)
    if change.is_enforced and not constraint.enforced:
        sub.phase3.check_foreign_key(
            sub.table, constraint.references, "constraint-enforce-scan"
        )
    for member in list(sub.members()):
        changed = edits.change_constraint(
            member,
            constraint.name,
            enforced=change.is_enforced,
            validated=change.is_enforced,
        )
        sub.world.put(changed)


def _hand_down(sub: Subcommand, constraint: Constraint) -> None:
    """INHERIT makes a NOT NULL that of the children, which are read for it."""
    for name in sub.world.descendants(sub.table):
        for column in constraint.columns:
            not_null.require_not_null(sub, name, column)


HANDLERS: dict[int, Callable[[Subcommand], None]] = {
    pb.AT_AddConstraint: _add,
    pb.AT_ValidateConstraint: _validate,
    pb.AT_DropConstraint: _drop,
    pb.AT_AlterConstraint: _alter,
}
