"""What adding, checking and dropping a constraint does to tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from migrationops.lint.simulation import edits, expressions, syntax
from migrationops.lint.simulation.lockmode import LockMode
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.schema import Constraint, Index, Table

pb = syntax.pb

_AX = LockMode.ACCESS_EXCLUSIVE
_SRX = LockMode.SHARE_ROW_EXCLUSIVE

KINDS = {
    pb.CONSTR_CHECK: "c",
    pb.CONSTR_FOREIGN: "f",
    pb.CONSTR_PRIMARY: "p",
    pb.CONSTR_UNIQUE: "u",
    pb.CONSTR_EXCLUSION: "x",
    pb.CONSTR_NOTNULL: "n",
}
_SUFFIXES = {
    pb.CONSTR_CHECK: "check",
    pb.CONSTR_FOREIGN: "fkey",
    pb.CONSTR_PRIMARY: "pkey",
    pb.CONSTR_UNIQUE: "key",
    pb.CONSTR_EXCLUSION: "excl",
    pb.CONSTR_NOTNULL: "not_null",
}
_ENFORCEABLE = {pb.CONSTR_CHECK, pb.CONSTR_FOREIGN}
INDEXED = {pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE, pb.CONSTR_EXCLUSION}


def columns_of(node: Node) -> tuple[str, ...]:
    """Return the own columns that a constraint's tree names."""
    if node.contype == pb.CONSTR_FOREIGN:
        return syntax.strings(node.fk_attrs)
    if node.contype == pb.CONSTR_CHECK:
        return tuple(sorted(syntax.column_refs(node.raw_expr)))
    if node.contype == pb.CONSTR_EXCLUSION:
        pairs = (n.list.items[0].index_elem for n in node.exclusions)
        return tuple(element.name for element in pairs if element.name)
    return syntax.strings(node.keys)


def constraint_name(world: World, table: str, node: Node) -> str:
    """Return the constraint's name, given or PostgreSQL's own."""
    if node.conname:
        return str(node.conname)
    if node.contype == pb.CONSTR_PRIMARY:
        return edits.choose_name(world, table, [], "pkey")
    columns = list(columns_of(node))
    if node.contype == pb.CONSTR_CHECK and len(columns) != 1:
        columns = []
    return edits.choose_name(world, table, columns, _SUFFIXES[node.contype])


def value_of(world: World, table: str, node: Node) -> Constraint:
    """Return the constraint as it stands in the catalog afterwards."""
    parent = None
    if node.contype == pb.CONSTR_FOREIGN:
        parent = world.name_of(node.pktable)
    return Constraint(
        name=constraint_name(world, table, node),
        kind=KINDS[node.contype],
        definition=syntax.constraint_text(node),
        columns=columns_of(node),
        validated=not node.skip_validation,
        enforced=node.is_enforced or node.contype not in _ENFORCEABLE,
        references=parent,
    )


def store(world: World, names: Iterable[str], constraint: Constraint) -> None:
    """Add the constraint, and the index that serves it, to each table."""
    for name in names:
        table = world.find(name)
        if table is None:
            continue
        table = edits.add_constraint(table, constraint)
        if constraint.kind in {"p", "u", "x"}:
            table = edits.add_index(table, _index(table, constraint))
        if constraint.kind == "p":
            for column in constraint.columns:
                table = edits.change_column(table, column, nullable=False)
        world.put(table)


def _index(table: Table, constraint: Constraint) -> Index:
    columns = ", ".join(f'"{c}"' for c in constraint.columns)
    unique = "UNIQUE " if constraint.kind != "x" else ""
    return Index(
        name=constraint.name,
        definition=f'CREATE {unique}INDEX "{constraint.name}" '
        f'ON "{table.schema}"."{table.name}" USING btree ({columns})',
        columns=constraint.columns,
        unique=constraint.kind != "x",
        primary=constraint.kind == "p",
        constraint=constraint.name,
    )


def of_column(
    sub: Subcommand, column: str, nodes: Iterable[Node], column_node: Node
) -> None:
    """Add the constraints that ADD COLUMN wrote behind the column."""
    for original in nodes:
        if original.contype not in KINDS or original.contype == pb.CONSTR_NOTNULL:
            continue
        node = bound_to(original, column)
        if node.contype == pb.CONSTR_FOREIGN:
            with_value = any(n.contype == pb.CONSTR_DEFAULT for n in nodes)
            with_value = with_value or any(
                n.contype == pb.CONSTR_GENERATED for n in nodes
            )
            add_foreign_key(sub, node, "add-column-references", check=with_value)
            continue
        if node.contype == pb.CONSTR_CHECK:
            if node.is_enforced:
                sub.phase3.scan(sub.table, "add-column-inline-check")
        else:
            sub.phase3.build_index(sub.table, INDEX_CAUSES[node.contype])
        _announce(sub, node, inline=True)


INDEX_CAUSES = {
    pb.CONSTR_UNIQUE: "add-unique-constraint",
    pb.CONSTR_PRIMARY: "add-primary-key",
    pb.CONSTR_EXCLUSION: "add-exclusion",
}


def bound_to(node: Node, column: str) -> Node:
    """Return a column's constraint as the table's constraint on that column."""
    copy = pb.Constraint()
    copy.CopyFrom(node)
    if copy.contype == pb.CONSTR_FOREIGN:
        copy.fk_attrs.add().string.sval = column
    elif copy.contype in {*INDEXED, pb.CONSTR_NOTNULL}:
        copy.keys.add().string.sval = column
    return copy


def _announce(sub: Subcommand, node: Node, *, inline: bool = False) -> Constraint:
    constraint = value_of(sub.world, sub.table, node)
    sub.recorder.event(
        "add_constraint",
        sub.table,
        constraint.name,
        constraint=constraint,
        contype=constraint.kind,
        valid=not node.skip_validation,
        inline=inline,
        using_index=node.indexname,
    )
    only = node.is_no_inherit or not sub.recursive
    names = [sub.table] if only else sub.family
    store(sub.world, names, constraint)
    return constraint


def add(sub: Subcommand, node: Node) -> Constraint:
    """Record and store a constraint that ALTER TABLE adds."""
    return _announce(sub, node)


def add_foreign_key(sub: Subcommand, node: Node, cause: str, *, check: bool) -> None:
    """Lock the parent too; read both sides when the key must be proven."""
    parent = sub.world.name_of(node.pktable)
    lock_parent(sub, parent)
    for child in sub.world.descendants(sub.table):
        sub.recorder.lock(child, _SRX)
    _require_unique(sub, node, parent)
    check = check and not node.skip_validation and node.is_enforced
    constraint = _announce(sub, node, inline=cause == "add-column-references")
    if check:
        sub.phase3.check_foreign_key(sub.table, constraint.references or parent, cause)


def _require_unique(sub: Subcommand, node: Node, parent: str) -> None:
    """A foreign key refers to exactly the columns of some unique index."""
    table = sub.world.find(parent)
    if table is None or not sub.world.knows_columns(parent):
        return
    named = set(syntax.strings(node.pk_attrs))
    unique = [set(i.columns) for i in table.indexes if i.unique and not i.predicate]
    primary = any(i.primary for i in table.indexes)
    if named not in unique if named else not primary:
        message = f'there is no unique constraint matching given keys for "{parent}"'
        sub.recorder.fail("42830", message)


def lock_parent(sub: Subcommand, parent: str, mode: LockMode = _SRX) -> None:
    if sub.world.find(parent) is None and sub.world.complete:
        sub.recorder.fail("42P01", f'relation "{parent}" does not exist')
    for name in sub.world.family(parent):
        sub.recorder.lock(name, mode)


def release_foreign_keys(sub: Subcommand, column: str) -> None:
    """Dropping a column drops its foreign keys: their other side is locked too."""
    for table in sub.members():
        for constraint in table.constraints:
            if constraint.references and column in constraint.columns:
                sub.recorder.lock(constraint.references, _AX)
        _drop_incoming(sub, table, column)


def _drop_incoming(sub: Subcommand, table: Table, column: str) -> None:
    for child, key in list(sub.world.referencing(table.qualified_name)):
        found = edits.find_constraint(child, key)
        if found and column in targets(table, found):
            sub.recorder.lock(child.qualified_name, _AX)
            sub.world.put(edits.drop_constraint(child, key))


def targets(parent: Table, constraint: Constraint) -> set[str]:
    named = syntax.strings(syntax.constraint(constraint.definition).pk_attrs)
    primary = next((i for i in parent.indexes if i.primary), None)
    return set(named) or set(primary.columns if primary else ())


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


def rests_on(parent: Table, key: Constraint, target: Constraint) -> bool:
    """Does a foreign key refer to exactly this unique constraint's columns?"""
    return targets(parent, key) == set(target.columns)


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
