"""ALTER TABLE: its passes, its lock, and which module knows each subcommand."""

from __future__ import annotations

from collections.abc import Callable

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import (
    alter_columns,
    alter_constraints,
    alter_options,
    alter_types,
    partitions,
    syntax,
)
from migrationops.lint.simulation.phase3 import Phase3
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World

Handler = Callable[[Subcommand], None]

_HANDLERS: dict[int, Handler] = {
    **alter_columns.HANDLERS,
    **alter_types.HANDLERS,
    **alter_constraints.HANDLERS,
    **alter_options.HANDLERS,
    **partitions.HANDLERS,
}

# tablecmds.c works in passes, whatever the order of the text: drops first, then
# types, columns, NOT NULL and such, indexes, constraints, the rest.
_DROP_PASS, _INDEX_PASS, _CONSTRAINT_PASS, _REST = 0, 5, 6, 7
_PASSES = {
    pb.AT_DropColumn: _DROP_PASS,
    pb.AT_DropConstraint: _DROP_PASS,
    pb.AT_DropNotNull: _DROP_PASS,
    pb.AT_DropExpression: _DROP_PASS,
    pb.AT_DropIdentity: _DROP_PASS,
    pb.AT_AlterColumnType: 1,
    pb.AT_AddColumn: 2,
    pb.AT_SetExpression: 3,
    pb.AT_SetNotNull: 4,
    pb.AT_AddIdentity: 4,
}
_INDEXED = {pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE, pb.CONSTR_EXCLUSION}

_NOT_TABLES = {pb.OBJECT_INDEX, pb.OBJECT_SEQUENCE, pb.OBJECT_TYPE, pb.OBJECT_VIEW}


def alter_table(world: World, tree: Node, recorder: Recorder) -> None:
    """Run every subcommand in PostgreSQL's order."""
    if tree.objtype in _NOT_TABLES:
        alter_options.alter_other(world, tree, recorder)
        if tree.objtype == pb.OBJECT_TYPE:
            _alter_typed(world, tree, recorder)
        return
    name = world.name_of(tree.relation)
    if not _exists(world, name, tree, recorder):
        return
    commands = [node.alter_table_cmd for node in tree.cmds]
    _lock(world, name, tree, recorder, commands)
    phase3 = Phase3(world, recorder)
    before = world.find(name)
    for command in sorted(commands, key=_pass_of):
        handler = _HANDLERS.get(command.subtype)
        if handler is None:
            recorder.cannot_know(_label(command.subtype))
            continue
        handler(
            Subcommand(
                world=world,
                recorder=recorder,
                phase3=phase3,
                table=name,
                node=command,
                before=before,
                recursive=tree.relation.inh,
            )
        )


def _alter_typed(world: World, tree: Node, recorder: Recorder) -> None:
    """A change of a composite type goes on, by CASCADE, to the tables OF it."""
    type_name = world.name_of(tree.relation)
    for table in list(world.tables.values()):
        of = [o.removeprefix("of=") for o in table.options if o.startswith("of=")]
        if of and world.qualify(tuple(of[0].split("."))) == type_name:
            statement = pb.AlterTableStmt()
            statement.CopyFrom(tree)
            statement.objtype = pb.OBJECT_TABLE
            statement.relation.schemaname = table.schema
            statement.relation.relname = table.name
            statement.relation.inh = True
            alter_table(world, statement, recorder)


def _exists(world: World, name: str, tree: Node, recorder: Recorder) -> bool:
    """Know the table, or say why not; IF EXISTS makes a missing one harmless."""
    if world.find(name) is not None:
        return True
    if world.complete and tree.missing_ok:
        return False
    if world.complete:
        recorder.fail("42P01", f'relation "{name}" does not exist')
    world.assume(name)
    recorder.event("unknown_table", name)
    return True


def _pass_of(command: Node) -> int:
    if command.subtype == pb.AT_AddConstraint:
        contype = syntax.definition(command).constraint.contype
        return _INDEX_PASS if contype in _INDEXED else _CONSTRAINT_PASS
    if command.subtype == pb.AT_ColumnDefault:
        dropping = syntax.absent(syntax.definition(command))
        return _DROP_PASS if dropping else _CONSTRAINT_PASS
    return _PASSES.get(command.subtype, _REST)


def _lock(
    world: World, name: str, tree: Node, recorder: Recorder, commands: list[Node]
) -> None:
    mode = max(alter_options.lock_mode(command) for command in commands)
    recorder.lock(name, mode)
    if not tree.relation.inh:
        return
    if any(alter_options.is_recursive(c, world) for c in commands):
        for child in world.descendants(name):
            recorder.lock(child, mode)


def _label(subtype: int) -> str:
    return f"ALTER TABLE subcommand {pb.AlterTableType.Name(subtype)}"
