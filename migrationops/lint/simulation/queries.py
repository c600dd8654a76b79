"""SELECT, INSERT, UPDATE, DELETE, MERGE and COPY: which tables they read and lock."""

from __future__ import annotations

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import expressions, syntax
from migrationops.lint.simulation.lockmode import LockMode
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World

_AS = LockMode.ACCESS_SHARE
_RX = LockMode.ROW_EXCLUSIVE
_DEPTH = 8  # of views upon views


def read(world: World, recorder: Recorder, node: Node) -> None:
    """Lock what a query names, and note which tables it reads through."""
    for message in _selects(node):
        _read_select(world, recorder, message)
    note_labels(world, recorder, node)
    note_functions(world, recorder, node)


def _selects(node: Node) -> list[Node]:
    return [m for name, m in syntax.walk(node) if name == "SelectStmt"]


def _read_select(world: World, recorder: Recorder, tree: Node) -> None:
    relations = [r for n in tree.from_clause for r in _joined(n)]
    mode = LockMode.ROW_SHARE if len(tree.locking_clause) else _AS
    for relation in relations:
        name = world.name_of(relation)
        if not (world.find(name) or relation.schemaname) and world.complete:
            continue  # a WITH query's name, or a relation of the system
        where = tree.where_clause if len(relations) == 1 else None
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
    mode: LockMode = _AS,
    *,
    depth: int = 0,
) -> None:
    """Read one table, or what a view stands for."""
    table = world.find(name)
    recorder.lock(name, mode)
    if table and table.kind == "v" and table.definition and depth < _DEPTH:
        for part in _view_tables(world, table.definition):
            read_table(world, recorder, part, None, mode, depth=depth + 1)
        return
    for leaf in world.leaves(name):
        recorder.lock(leaf, mode)
        if not uses_index(world, leaf, where):
            recorder.scan(leaf, "query")


def _view_tables(world: World, definition: str) -> list[str]:
    try:
        statements = syntax.parse(definition)
    except syntax.UnparsableError:
        return []
    return [world.name_of(r) for s in statements for r in syntax.relations(s.tree)]


def uses_index(world: World, name: str, where: Node | None) -> bool:
    """Would the planner find the rows by an index? A guess at its choice."""
    table = world.find(name)
    if where is None or syntax.absent(where) or table is None:
        return False
    leading = {i.columns[0] for i in table.indexes if i.columns and i.valid}
    return bool(leading & _narrowed(where))


def _narrowed(where: Node) -> set[str]:
    """Return the columns that a condition pins to a few values."""
    value = syntax.inner(where)
    match syntax.kind(where):
        case "bool_expr" if value.boolop == pb.AND_EXPR:
            return {c for arg in value.args for c in _narrowed(arg)}
        case "a_expr" if value.kind in _PINNING and _is_equality(value):
            if syntax.kind(value.lexpr) == "column_ref" and not syntax.column_refs(
                value.rexpr
            ):
                return {syntax.literal(value.lexpr.column_ref.fields[-1])}
            return set()
        case _:
            return set()


_PINNING = {pb.AEXPR_OP, pb.AEXPR_IN, pb.AEXPR_OP_ANY, pb.AEXPR_BETWEEN}


def _is_equality(value: Node) -> bool:
    return value.kind == pb.AEXPR_BETWEEN or syntax.strings(value.name) == ("=",)


def write(world: World, recorder: Recorder, tree: Node, kind: str) -> None:
    """INSERT, UPDATE, DELETE and MERGE."""
    name = world.name_of(tree.relation)
    if world.find(name) is None and world.complete:
        recorder.fail("42P01", f'relation "{name}" does not exist')
    names = world.family(name) if kind != "insert_stmt" else [name]
    for member in names:
        recorder.lock(member, _RX)
    where = None if kind in _WITHOUT_WHERE else tree.where_clause
    bounded = where is not None and not syntax.absent(where)
    if kind in {"update_stmt", "delete_stmt", "merge_stmt"}:
        _find_rows(world, recorder, name, where)
    _sources(world, recorder, tree, kind)
    recorder.event(
        "dml",
        name,
        kind.removesuffix("_stmt"),
        bounded=bounded,
        narrow=uses_index(world, name, where),
        from_query=_from_query(tree, kind),
    )
    read(world, recorder, tree)
    if kind in {"insert_stmt", "merge_stmt"}:
        for leaf in world.leaves(name):
            world.rows[leaf] = _grown(world, leaf, tree, kind) if leaf == name else None


_WITHOUT_WHERE = {"insert_stmt", "merge_stmt"}


def _find_rows(world: World, recorder: Recorder, name: str, where: Node | None) -> None:
    for leaf in world.leaves(name):
        if not uses_index(world, leaf, where):
            recorder.scan(leaf, "query")


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
        recorder.lock(name, _RX)
        world.rows[name] = None
        recorder.event("dml", name, "copy", bounded=True, narrow=False)
    else:
        read_table(world, recorder, name, None)


def note_labels(world: World, recorder: Recorder, node: Node) -> None:
    """A label added to an enum in this transaction may not be used in it."""
    if not world.new_labels:
        return
    labels = {label for _type, label in world.new_labels}
    used = {
        syntax.literal(pb.Node(a_const=m))
        for name, m in syntax.walk(node)
        if name == "A_Const"
    }
    for label in sorted(labels & used):
        recorder.event("enum_value_used", name=label)
        recorder.fail("55P04", f'unsafe use of new value "{label}" of an enum type')


def note_functions(world: World, recorder: Recorder, node: Node) -> None:
    """A function of the user's own may do anything, unless it is not volatile."""
    for name, call in syntax.walk(node):
        if name != "FuncCall":
            continue
        if syntax.strings(call.funcname)[-1] == "pg_advisory_lock":
            recorder.event("advisory_lock")
        found = expressions.functions_called(call, world)
        own = [f for f in found if f.schema != "pg_catalog"]
        if any(f.volatility == "v" and f.inline is None for f in own):
            called = ".".join(syntax.strings(call.funcname))
            recorder.cannot_know(f"what function {called} does")


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
