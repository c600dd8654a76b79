"""Walk a script over a World, statement by statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from migrationops.lint.simulation import (
    creation,
    indexes,
    maintenance,
    procedures,
    queries,
    reindex,
    removal,
    renames,
    session,
    syntax,
    types,
)
from migrationops.lint.simulation.alter_table import alter_table
from migrationops.lint.simulation.effects import Effect, Failure
from migrationops.lint.simulation.harmless import HARMLESS
from migrationops.lint.simulation.recorder import Recorder, WillFailError
from migrationops.lint.simulation.syntax import Node, Parsed
from migrationops.lint.simulation.world import World
from migrationops.postgres.splitting import split

Handler = Callable[[World, Node, Recorder], None]


def _event(kind: str) -> Handler:
    """Return a handler for a statement that no table notices."""

    def handle(_world: World, _tree: Node, recorder: Recorder) -> None:
        recorder.event(kind)

    return handle


def _outside_transactions(kind: str) -> Handler:
    def handle(world: World, _tree: Node, recorder: Recorder) -> None:
        recorder.event(kind)
        indexes.refuse_in_transaction(world, recorder, kind.replace("_", " ").upper())

    return handle


def _write(kind: str) -> Handler:
    def handle(world: World, tree: Node, recorder: Recorder) -> None:
        queries.write(world, recorder, tree, kind)

    return handle


def _read(world: World, tree: Node, recorder: Recorder) -> None:
    queries.read(world, recorder, tree)


def _copy(world: World, tree: Node, recorder: Recorder) -> None:
    queries.copy(world, recorder, tree)


def _explain(world: World, tree: Node, recorder: Recorder) -> None:
    """Only ANALYZE runs what is explained."""
    if syntax.is_on(tree.options, "analyze"):
        kind = syntax.kind(tree.query)
        queries.run(world, recorder, syntax.inner(tree.query), kind)


def _do(world: World, tree: Node, recorder: Recorder) -> None:
    """Run what a block holds as one statement; a branch that fails may not be taken."""

    def execute(sql: str) -> None:
        for statement in statements(sql):
            before = world.copy()
            try:
                _handle(statement, world, recorder)
            except WillFailError as exc:
                if not recorder.maybe:
                    raise
                world.restore(before)
                recorder.cannot_know(str(exc))

    procedures.run_block(tree, recorder, execute)


def _opaque(reason: str) -> Handler:
    def handle(_world: World, _tree: Node, recorder: Recorder) -> None:
        recorder.event("opaque", name=reason)
        recorder.cannot_know(reason)

    return handle


def _prepare(world: World, tree: Node, recorder: Recorder) -> None:
    recorder.event("other", name="prepare_stmt")
    world.prepared[tree.name] = tree.query


def _execute(world: World, tree: Node, recorder: Recorder) -> None:
    """Run what the script prepared; sessions bring no statements of their own."""
    if (query := world.prepared.get(tree.name)) is None:
        recorder.fail("26000", f'prepared statement "{tree.name}" does not exist')
    queries.run(world, recorder, syntax.inner(query), syntax.kind(query))


def _fetch(world: World, _tree: Node, recorder: Recorder) -> None:
    """A cursor reads on; that matters where something is closed."""
    if any(mode.blocks_writes for mode in world.held.values()):
        recorder.event("opaque", name="what a cursor's query reads")
        recorder.cannot_know("what a cursor's query reads")


_HANDLERS: dict[str, Handler] = {
    "alter_table_stmt": alter_table,
    "create_stmt": creation.create_table,
    "create_table_as_stmt": creation.create_table_as,
    "view_stmt": creation.create_view,
    "index_stmt": indexes.create,
    "reindex_stmt": reindex.reindex,
    "drop_stmt": removal.drop,
    "truncate_stmt": removal.truncate,
    "rename_stmt": renames.rename,
    "alter_object_schema_stmt": renames.set_schema,
    "alter_owner_stmt": renames.alter_owner,
    "create_domain_stmt": types.create_domain,
    "create_enum_stmt": types.create_type,
    "create_range_stmt": types.create_type,
    "composite_type_stmt": types.create_type,
    "alter_domain_stmt": types.alter_domain,
    "alter_enum_stmt": types.alter_enum,
    "create_function_stmt": types.create_function,
    "alter_function_stmt": types.alter_function,
    "vacuum_stmt": maintenance.vacuum,
    "cluster_stmt": maintenance.cluster,
    "refresh_mat_view_stmt": maintenance.refresh,
    "lock_stmt": maintenance.lock_table,
    "comment_stmt": maintenance.comment,
    "sec_label_stmt": maintenance.comment,
    "create_trig_stmt": maintenance.create_trigger,
    "create_policy_stmt": maintenance.policy,
    "alter_policy_stmt": maintenance.policy,
    "rule_stmt": maintenance.create_rule,
    "create_stats_stmt": maintenance.create_statistics,
    "create_publication_stmt": maintenance.publication,
    "alter_publication_stmt": maintenance.publication,
    "create_seq_stmt": maintenance.create_sequence,
    "alter_seq_stmt": maintenance.alter_sequence,
    "create_schema_stmt": maintenance.create_schema,
    "create_extension_stmt": maintenance.create_extension,
    "transaction_stmt": session.transaction,
    "variable_set_stmt": session.set_variable,
    "select_stmt": _read,
    "insert_stmt": _write("insert_stmt"),
    "update_stmt": _write("update_stmt"),
    "delete_stmt": _write("delete_stmt"),
    "merge_stmt": _write("merge_stmt"),
    "copy_stmt": _copy,
    "explain_stmt": _explain,
    "fetch_stmt": _fetch,
    "do_stmt": _do,
    "call_stmt": _opaque("what a procedure does"),
    "prepare_stmt": _prepare,
    "execute_stmt": _execute,
    "drop_owned_stmt": _opaque("what DROP OWNED takes along"),
    "alter_table_move_all_stmt": _opaque("which tables ALL IN TABLESPACE means"),
    "create_role_stmt": _event("global_object"),
    "alter_role_stmt": _event("global_object"),
    "alter_role_set_stmt": _event("global_object"),
    "drop_role_stmt": _event("global_object"),
    "grant_role_stmt": _event("global_object"),
    "create_table_space_stmt": _outside_transactions("create_tablespace"),
    "drop_table_space_stmt": _outside_transactions("drop_tablespace"),
    "createdb_stmt": _outside_transactions("create_database"),
    "dropdb_stmt": _outside_transactions("drop_database"),
    "alter_system_stmt": _outside_transactions("alter_system"),
}


def simulate(sql: str, world: World) -> list[Effect]:
    """Return the effect of each statement of a script; the world moves along."""
    return [
        run(statement, world, index) for index, statement in enumerate(statements(sql))
    ]


def statements(sql: str) -> Iterator[Parsed]:
    """Yield each statement; what the grammar refuses has no kind."""
    try:
        yield from syntax.parse(sql)
    except syntax.UnparsableError:
        yield from _one_by_one(split(sql))


def _one_by_one(parts: Iterable[str]) -> Iterator[Parsed]:
    for part in parts:
        try:
            yield from syntax.parse(part)
        except syntax.UnparsableError as exc:
            yield Parsed(sql=part, kind="", tree=str(exc))


def run(statement: Parsed, world: World, index: int) -> Effect:
    """Work out one statement, and leave the world as it would be afterwards."""
    alone = not world.in_transaction
    if alone and world.atomic and statement.kind != "transaction_stmt":
        world.begin()
        alone = False
    recorder = Recorder(world, index, statement)
    if world.aborted and statement.kind != "transaction_stmt":
        return recorder.effect(Failure(code="25P02", message="transaction is aborted"))
    before = world.copy()
    try:
        _handle(statement, world, recorder)
        effect = recorder.effect()
        for name in recorder.emptied:
            world.rows[name] = 0
    except WillFailError as failure:
        effect = recorder.effect(failure.failure)
        world.restore(before)
        world.aborted = world.in_transaction
    if alone and statement.kind != "transaction_stmt":
        world.end()
    return effect


def _handle(statement: Parsed, world: World, recorder: Recorder) -> None:
    if not statement.kind:
        recorder.cannot_know(f"not PostgreSQL: {statement.tree}")
        return
    handler = _HANDLERS.get(statement.kind)
    if handler is None:
        recorder.event("other", name=statement.kind)
        if statement.kind not in HARMLESS:
            recorder.cannot_know(f"a statement of kind {statement.kind}")
        return
    handler(world, statement.tree, recorder)
