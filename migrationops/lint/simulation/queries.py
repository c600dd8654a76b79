"""SELECT, INSERT, UPDATE, DELETE, MERGE and COPY: which tables they read and lock."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint.simulation import calls, edits, labels, planner, syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Constraint, Table

_DEPTH = 8  # of views upon views
_WRITES = {
    "InsertStmt": "insert_stmt",
    "UpdateStmt": "update_stmt",
    "DeleteStmt": "delete_stmt",
    "MergeStmt": "merge_stmt",
}


def run(world: World, recorder: Recorder, tree: Node, kind: str) -> None:
    """Run one query or change of rows, whichever it is."""
    if kind in _WRITES.values():
        write(world, recorder, tree, kind)
    else:
        read(world, recorder, tree)


def read(world: World, recorder: Recorder, node: Node) -> None:
    """Lock what a query names, and note which tables it reads through."""
    for message, hidden in _scoped(node, frozenset()):
        name = message.DESCRIPTOR.name
        if name == "SelectStmt":
            _read_select(world, recorder, message, hidden)
        elif name in _WRITES and message is not node:
            write(world, recorder, message, _WRITES[name])
    labels.note(world, recorder, node)
    calls.note(world, recorder, node)


def _scoped(
    message: Node, hidden: frozenset[str]
) -> Iterator[tuple[Node, frozenset[str]]]:
    """Yield every message with the WITH queries' names that it sees."""
    if "with_clause" in message.DESCRIPTOR.fields_by_name:
        for node in message.with_clause.ctes:
            cte = node.common_table_expr
            own = {cte.ctename} if message.with_clause.recursive else set()
            yield from _scoped(cte.ctequery, hidden | own)
            hidden |= {cte.ctename}
    yield message, hidden
    for field, value in message.ListFields():
        if field.message_type is not None and field.name != "with_clause":
            for child in [value] if hasattr(value, "DESCRIPTOR") else value:
                yield from _scoped(child, hidden)


def _read_select(
    world: World, recorder: Recorder, tree: Node, hidden: frozenset[str]
) -> None:
    relations = [r for n in tree.from_clause for r in _joined(n)]
    mode = Lock.RS if len(tree.locking_clause) else Lock.AS
    for relation in relations:
        name = world.name_of(relation)
        if not relation.schemaname and relation.relname in hidden:
            continue
        if not (world.find(name) or relation.schemaname) and world.complete:
            continue  # a relation of the system
        alone = len(relations) == 1
        where = tree.where_clause if alone else None
        if alone and planner.reads_an_end(world, name, tree):
            recorder.lock(name, mode)
            continue
        read_table(world, recorder, name, where, mode)


def _joined(node: Node) -> list[Node]:
    """Return the tables of one FROM item, without those of its subqueries."""
    match syntax.kind(node):
        case "range_var":
            return [node.range_var]
        case "join_expr":
            return _joined(node.join_expr.larg) + _joined(node.join_expr.rarg)
        case _:
            return []


def read_table(
    world: World,
    recorder: Recorder,
    name: str,
    where: Node | None,
    mode: Lock = Lock.AS,
    *,
    depth: int = 0,
) -> None:
    """Read one table, or what a view stands for."""
    table = world.find(name)
    recorder.lock(name, mode)
    if table and table.kind == "v" and table.definition and depth < _DEPTH:
        parts = view_tables(world, table.definition)
        pushed = where if len(parts) == 1 else None
        for part in parts:
            read_table(world, recorder, part, pushed, mode, depth=depth + 1)
        return
    for leaf in world.leaves(name):
        recorder.lock(leaf, mode)
        if not planner.uses_index(world, leaf, where):
            recorder.scan(leaf, "query")


def view_tables(world: World, definition: str) -> list[str]:
    """Return the tables and views that a view's query names."""
    try:
        statements = syntax.parse(definition)
    except syntax.UnparsableError:
        return []
    return [world.name_of(r) for s in statements for r in syntax.relations(s.tree)]


def write(world: World, recorder: Recorder, tree: Node, kind: str) -> None:
    """INSERT, UPDATE, DELETE and MERGE."""
    name = world.name_of(tree.relation)
    if tree.relation.relname.startswith("pg_"):
        read(world, recorder, tree)
        return
    if world.find(name) is None and world.complete:
        recorder.fail("42P01", f'relation "{name}" does not exist')
    names = world.family(name) if kind != "insert_stmt" else [name]
    for member in names:
        recorder.lock(member, Lock.RX)
    where = None if kind in _WITHOUT_WHERE else tree.where_clause
    bounded = where is not None and not syntax.absent(where)
    if kind in {"update_stmt", "delete_stmt", "merge_stmt"}:
        _find_rows(world, recorder, name, where)
        _find_referencing(world, recorder, tree, kind)
    _sources(world, recorder, tree, kind)
    recorder.event(
        "dml",
        name,
        kind.removesuffix("_stmt"),
        bounded=bounded,
        narrow=planner.uses_index(world, name, where),
        from_query=_from_query(tree, kind),
    )
    read(world, recorder, tree)
    if kind in {"insert_stmt", "merge_stmt"}:
        for leaf in world.leaves(name):
            world.rows[leaf] = _grown(world, leaf, tree, kind) if leaf == name else None


_WITHOUT_WHERE = {"insert_stmt", "merge_stmt"}


def _find_rows(world: World, recorder: Recorder, name: str, where: Node | None) -> None:
    for leaf in world.leaves(name):
        if not planner.uses_index(world, leaf, where):
            recorder.scan(leaf, "query")


def _find_referencing(world: World, recorder: Recorder, tree: Node, kind: str) -> None:
    """A key that goes is looked for in the tables that refer to it."""
    name = world.name_of(tree.relation)
    if kind == "merge_stmt" or world.is_empty(name) or not (table := world.find(name)):
        return
    changed = {n.res_target.name for n in getattr(tree, "target_list", ())}
    for child, key_name in list(world.referencing(name)):
        key = edits.find_constraint(child, key_name)
        if key is None or not key.enforced or _has_index(child, key):
            continue
        if kind == "delete_stmt" or changed & edits.targets(table, key):
            recorder.lock(child.qualified_name, Lock.RS)
            recorder.scan(child.qualified_name, "query")


def _has_index(child: Table, key: Constraint) -> bool:
    return any(i.columns[:1] and i.columns[0] in key.columns for i in child.indexes)


def _sources(world: World, recorder: Recorder, tree: Node, kind: str) -> None:
    """Read the tables of UPDATE ... FROM, DELETE ... USING and MERGE ... USING."""
    for node in _source_nodes(tree, kind):
        for relation in _joined(node):
            read_table(world, recorder, world.name_of(relation), None)


def _source_nodes(tree: Node, kind: str) -> list[Node]:
    match kind:
        case "update_stmt":
            return list(tree.from_clause)
        case "delete_stmt":
            return list(tree.using_clause)
        case "merge_stmt":
            return [tree.source_relation]
        case _:
            return []


def _from_query(tree: Node, kind: str) -> bool:
    if kind != "insert_stmt":
        return False
    return len(tree.select_stmt.select_stmt.from_clause) > 0


def _grown(world: World, name: str, tree: Node, kind: str) -> int | None:
    """Count the rows after an INSERT of VALUES; any other number is not known."""
    before = world.row_count(name)
    values = tree.select_stmt.select_stmt.values_lists if kind == "insert_stmt" else ()
    if before is None or not len(values):
        return None
    return before + len(values)


def copy(world: World, recorder: Recorder, tree: Node) -> None:
    if not tree.HasField("relation"):
        read(world, recorder, tree)
        return
    name = world.name_of(tree.relation)
    if tree.is_from:
        recorder.lock(name, Lock.RX)
        world.rows[name] = None
        recorder.event("dml", name, "copy", bounded=True, narrow=False)
    else:
        read_table(world, recorder, name, None)


def output_columns(node: Node) -> list[str]:
    """Return the names of a query's columns, as far as it names them."""
    names = []
    for target in node.select_stmt.target_list:
        value = target.res_target
        if value.name:
            names.append(value.name)
        elif syntax.kind(value.val) == "column_ref":
            names.append(syntax.literal(value.val.column_ref.fields[-1]))
    return [n for n in names if n]
