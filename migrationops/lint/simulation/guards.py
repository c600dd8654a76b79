"""IF [NOT] EXISTS (SELECT ... FROM a catalog ...): the answer, as the World has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import ranges, syntax
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.schema import Table

Row = dict[str, str]  # the columns that the World can tell


def holds(world: World, condition: str) -> bool | None:
    """Return whether a condition of PL/pgSQL is true; None when it cannot be known."""
    try:
        node = syntax.expression(condition)
    except (syntax.UnparsableError, ValueError):
        return None
    return _truth(world, node) if world.complete else None


def _truth(world: World, node: Node) -> bool | None:
    value = syntax.inner(node)
    match syntax.kind(node):
        case "bool_expr" if value.boolop == pb.NOT_EXPR:
            answer = _truth(world, value.args[0])
            return None if answer is None else not answer
        case "bool_expr" if value.boolop == pb.AND_EXPR:
            answers = {_truth(world, arg) for arg in value.args}
            return False if False in answers else None if None in answers else True
        case "sub_link" if value.sub_link_type == pb.EXISTS_SUBLINK:
            return _exists(world, value.subselect.select_stmt)
        case _:
            return None


def _exists(world: World, query: Node) -> bool | None:
    sources = [n.range_var for n in query.from_clause]
    rows = _catalog(world, sources[0]) if len(sources) == 1 else None
    plain = not (len(query.group_clause) or query.op != pb.SETOP_NONE)
    if rows is None or not plain or _aggregates(query):
        return None
    conditions = list(ranges.conjuncts(query.where_clause))
    answers = [
        [_matches(world, row, condition) for condition in conditions]
        for row in rows(world)
    ]
    if any(all(found) for found in answers):
        return True
    return None if any(False not in found for found in answers) else False


def _catalog(world: World, source: Node) -> Callable[[World], Iterator[Row]] | None:
    if world.find(world.name_of(source)):
        return None
    schema = source.schemaname or "pg_catalog"
    return _CATALOGS.get((schema, source.relname))


def _aggregates(query: Node) -> bool:
    """An aggregate has a row even where nothing is found."""
    return any(
        name == "FuncCall" for n in query.target_list for name, _ in syntax.walk(n)
    )


def _matches(world: World, row: Row, condition: Node) -> bool | None:
    """Does a row have the value that `column = constant` wants?"""
    value = condition.a_expr
    equality = value.kind == pb.AEXPR_OP and syntax.strings(value.name) == ("=",)
    if not equality or syntax.kind(value.lexpr) != "column_ref":
        return None
    column = syntax.literal(value.lexpr.column_ref.fields[-1])
    wanted = _constant(world, value.rexpr)
    if column not in row or not wanted:
        return None
    if column.endswith("relid"):
        wanted = world.qualify(tuple(wanted.replace('"', "").split(".")))
    return row[column] == wanted


def _constant(world: World, node: Node) -> str:
    if syntax.kind(node) == "func_call":
        called = syntax.strings(node.func_call.funcname)[-1]
        return world.search_path[0] if called == "current_schema" else ""
    return syntax.literal(node)


def _stored(world: World, kinds: str) -> Iterator[Table]:
    return (t for t in world.tables.values() if t.kind in kinds)


def _relations(world: World) -> Iterator[Row]:
    for table in world.tables.values():
        yield {"relname": table.name, "relkind": table.kind}
        kind = "I" if table.kind == "p" else "i"
        for index in table.indexes:
            yield {"relname": index.name, "relkind": kind}
    for name in world.sequences:
        yield {"relname": name.rpartition(".")[2], "relkind": "S"}


def _constraints(world: World) -> Iterator[Row]:
    for table in world.tables.values():
        for constraint in table.constraints:
            yield {
                "conname": constraint.name,
                "conrelid": table.qualified_name,
                "contype": constraint.kind,
                "constraint_name": constraint.name,
                "table_name": table.name,
                "table_schema": table.schema,
                "constraint_schema": table.schema,
            }


def _columns(world: World) -> Iterator[Row]:
    for table in world.tables.values():
        for column in table.columns:
            yield {
                "attname": column.name,
                "attrelid": table.qualified_name,
                "column_name": column.name,
                "table_name": table.name,
                "table_schema": table.schema,
            }


def _indexes(world: World) -> Iterator[Row]:
    for table in world.tables.values():
        for index in table.indexes:
            yield {
                "indexname": index.name,
                "tablename": table.name,
                "schemaname": table.schema,
            }


def _triggers(world: World) -> Iterator[Row]:
    for table in world.tables.values():
        for trigger in table.triggers:
            yield {"tgname": trigger.name, "tgrelid": table.qualified_name}


def _types(world: World) -> Iterator[Row]:
    for name in [*world.types, *world.tables, *world.facts.types]:
        yield {"typname": name.rpartition(".")[2]}


def _tables(kinds: str, column: str, schema: str) -> Callable[[World], Iterator[Row]]:
    def rows(world: World) -> Iterator[Row]:
        for table in _stored(world, kinds):
            yield {column: table.name, schema: table.schema}

    return rows


_STANDARD = "information_schema"
_CATALOGS: dict[tuple[str, str], Callable[[World], Iterator[Row]]] = {
    ("pg_catalog", "pg_class"): _relations,
    ("pg_catalog", "pg_constraint"): _constraints,
    (_STANDARD, "table_constraints"): _constraints,
    ("pg_catalog", "pg_attribute"): _columns,
    (_STANDARD, "columns"): _columns,
    ("pg_catalog", "pg_indexes"): _indexes,
    ("pg_catalog", "pg_trigger"): _triggers,
    ("pg_catalog", "pg_type"): _types,
    ("pg_catalog", "pg_tables"): _tables("rp", "tablename", "schemaname"),
    ("pg_catalog", "pg_views"): _tables("v", "viewname", "schemaname"),
    ("pg_catalog", "pg_matviews"): _tables("m", "matviewname", "schemaname"),
    (_STANDARD, "tables"): _tables("rpvf", "table_name", "table_schema"),
}
