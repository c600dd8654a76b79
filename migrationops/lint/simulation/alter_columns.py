"""ALTER TABLE's subcommands on columns, but for their types."""

from __future__ import annotations

from collections.abc import Callable

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import (
    datatypes,
    dependencies,
    edits,
    foreign_keys,
    inline_constraints,
    labels,
    new_columns,
    not_null,
    removal,
    syntax,
)
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.postgres.table_locks import Lock


def _add_column(sub: Subcommand) -> None:
    node = sub.definition.column_def
    table = sub.world.find(sub.table)
    if table and table.column(node.colname):
        if sub.node.missing_ok:
            return
        message = f'column "{node.colname}" of relation "{sub.table}" already exists'
        sub.recorder.fail("42701", message)
    new = new_columns.read_column(sub.world, node)
    _refuse_only(sub)
    labels.note(sub.world, sub.recorder, node, [sub.table])
    _version(sub, new)
    _event(sub, new)
    for member in list(sub.members()):
        sub.world.put(edits.add_column(member, new.column))
    _fill(sub, new)
    inline_constraints.of_column(sub, new.column.name, new.constraints)


def _refuse_only(sub: Subcommand) -> None:
    if not sub.recursive and sub.world.children(sub.table):
        sub.recorder.fail("42P16", "column must be added to child tables too")


def _version(sub: Subcommand, new: new_columns.NewColumn) -> None:
    handed_down = new.column.identity and sub.world.children(sub.table)
    if handed_down and sub.world.facts.version < 17:
        sub.recorder.fail("42P16", "cannot recursively add identity column")
    if new.column.generated == "v" and sub.world.facts.version < 18:
        sub.recorder.fail("42601", "virtual generated columns need PostgreSQL 18")


def _event(sub: Subcommand, new: new_columns.NewColumn) -> None:
    sub.recorder.event(
        "add_column",
        sub.table,
        new.column.name,
        type=new.type,
        column=new.column,
        serial=new.serial,
        volatile=new.volatile,
        has_value=new.has_value or new.serial or bool(new.column.identity),
    )


def _fill(sub: Subcommand, new: new_columns.NewColumn) -> None:
    """Work out what giving old rows their value costs."""
    domains = datatypes.chain(new.type, sub.world.domains)
    if not new.has_value and any(domain.not_null for domain in domains):
        _required(sub, new)
    if new.column.generated == "v" and not new.column.nullable:
        sub.phase3.scan(sub.table, "set-not-null")
    if cause := new.rewrite_cause(sub.world):
        sub.phase3.rewrite(sub.table, cause)
        return
    if new.volatile is None:
        sub.phase3.maybe_rewrite(sub.table, "add-column-volatile-default")
        return
    if not new.column.nullable and not new.has_value and not new.column.generated:
        _required(sub, new)


def _required(sub: Subcommand, new: new_columns.NewColumn) -> None:
    """NOT NULL without a value: refused unless the table is empty.

    Reading it ends at the first row, so it blocks nobody either way.
    """
    counts = [sub.world.row_count(leaf) for leaf in sub.world.leaves(sub.table)]
    if any(counts):
        message = (
            f'column "{new.column.name}" of relation "{sub.table}" contains null values'
        )
        sub.recorder.fail("23502", message)


def _drop_column(sub: Subcommand) -> None:
    column = sub.column_or_skip()
    if column is None and sub.world.knows_columns(sub.table):
        return
    name = sub.node.name
    cascade = sub.node.behavior == pb.DROP_CASCADE
    dependents = dependencies.of_column(sub.world, sub.table, name, dropping=True)
    if dependents and not cascade:
        sub.recorder.event("dependency", sub.table, name, dependent=dependents[0])
        message = f"cannot drop column {name} of table {sub.table}: {dependents[0]}"
        sub.recorder.fail("2BP01", f"{message} depends on it")
    for child in sub.world.descendants(sub.table):
        sub.recorder.lock(child, Lock.AX)
    foreign_keys.release_foreign_keys(sub, name)
    sub.recorder.event(
        "drop_column",
        sub.table,
        name,
        column=column,
        cascade=cascade,
        dependents=tuple(dependents),
    )
    for view in dependencies.views_of(sub.world, sub.table, name):
        removal.remove(sub.world, sub.recorder, view)
    for member in list(sub.members()):
        sub.world.put(edits.drop_column(member, name))


def _default(sub: Subcommand) -> None:
    column = sub.column()
    dropping = syntax.absent(sub.definition)
    text = None if dropping else syntax.deparse(sub.definition, "expr")
    kind = "drop_default" if dropping else "set_default"
    labels.note(sub.world, sub.recorder, sub.definition, [sub.table])
    sub.recorder.event(kind, sub.table, sub.node.name, column=column, default=text)
    _change(sub, default=text)


def _change(sub: Subcommand, **changes: object) -> None:
    for member in list(sub.members()):
        sub.world.put(edits.change_column(member, sub.node.name, **changes))


def _set_not_null(sub: Subcommand) -> None:
    """Read the table, unless the column is NOT NULL or a valid CHECK proves it."""
    column = sub.column()
    refused = not_null.is_refused(sub.before, sub.node.name)
    sub.recorder.event(
        "set_not_null", sub.table, sub.node.name, column=column, refused=refused
    )
    for name in sub.family:
        not_null.require_not_null(sub, name, sub.node.name)
    _change(sub, nullable=False)


def _drop_not_null(sub: Subcommand) -> None:
    column = sub.column()
    if column and column.identity:
        sub.recorder.fail("55000", f'column "{column.name}" is an identity column')
    sub.recorder.event("drop_not_null", sub.table, sub.node.name, column=column)
    for member in list(sub.members()):
        found = not_null.not_null_constraint(member, sub.node.name)
        if found:
            sub.world.put(edits.drop_constraint(member, found.name))
    _change(sub, nullable=True)


def _set_expression(sub: Subcommand) -> None:
    column = sub.column()
    if sub.world.facts.version < 17:
        sub.recorder.fail("42601", "SET EXPRESSION needs PostgreSQL 17")
    sub.recorder.event("set_expression", sub.table, sub.node.name, column=column)
    if column is None or column.generated != "v":
        sub.phase3.rewrite(sub.table, "generated-set-expression")
    elif _checked(sub):
        message = "SET EXPRESSION is not supported for virtual columns with a CHECK"
        sub.recorder.fail("0A000", message)
    elif not column.nullable:
        sub.phase3.scan(sub.table, "generated-set-expression")
    _change(sub, default=syntax.deparse(sub.definition, "expr"))


def _checked(sub: Subcommand) -> bool:
    return any(
        c.kind == "c" and sub.node.name in edits.constraint_columns(c)
        for member in sub.members()
        for c in member.constraints
    )


def _drop_expression(sub: Subcommand) -> None:
    sub.column()
    sub.recorder.event("drop_expression", sub.table, sub.node.name)
    _change(sub, generated="", default=None)


def _identity(sub: Subcommand) -> None:
    column = sub.column()
    adding = sub.node.subtype == pb.AT_AddIdentity
    if adding and column and column.nullable:
        message = (
            f'column "{column.name}" must be NOT NULL before identity can be added'
        )
        sub.recorder.fail("55000", message)
    sub.recorder.event("set_identity", sub.table, sub.node.name)
    if sub.node.subtype != pb.AT_SetIdentity:
        _change(sub, identity="d" if adding else "")


HANDLERS: dict[int, Callable[[Subcommand], None]] = {
    pb.AT_AddColumn: _add_column,
    pb.AT_DropColumn: _drop_column,
    pb.AT_ColumnDefault: _default,
    pb.AT_SetNotNull: _set_not_null,
    pb.AT_DropNotNull: _drop_not_null,
    pb.AT_SetExpression: _set_expression,
    pb.AT_DropExpression: _drop_expression,
    pb.AT_AddIdentity: _identity,
    pb.AT_SetIdentity: _identity,
    pb.AT_DropIdentity: _identity,
}
