"""PostgreSQL's own grammar: from SQL to trees, and what is read from a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import postgast
from postgast import pg_query_pb2 as pb

from migrationops.postgres import statements

Node = Any  # one protobuf message of libpg_query; the bindings carry no types


class UnparsableError(Exception):
    """PostgreSQL's grammar refuses this text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One statement: its text, its kind (alter_table_stmt ...) and its tree."""

    sql: str
    kind: str
    tree: Node


def parse(sql: str) -> list[Parsed]:
    """Parse a script; raise UnparsableError when any of it is not SQL."""
    try:
        result = statements.parse(sql)
    except statements.UnreadableError as exc:
        raise UnparsableError(str(exc)) from exc
    text = sql.encode()
    return [_parsed(text, raw) for raw in result.stmts]


def _parsed(text: bytes, raw: Node) -> Parsed:
    end = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(text)
    kind = raw.stmt.WhichOneof("node") or ""
    return Parsed(
        sql=text[raw.stmt_location : end].decode().strip(),
        kind=kind,
        tree=getattr(raw.stmt, kind) if kind else raw.stmt,
    )


_NAME_BYTES = 63


def long_names(sql: str) -> list[str]:
    """Return the names that the server cuts off; the parser has cut them already."""
    text = sql.encode()
    if len(text) <= _NAME_BYTES:
        return []
    try:
        tokens = postgast.scan(sql).tokens
    except (postgast.PgQueryError, ValueError):
        return []
    words = (text[t.start : t.end] for t in tokens if t.token in _NAMES)
    names = (word.strip(b'"').replace(b'""', b'"') for word in words)
    return list(dict.fromkeys(n.decode() for n in names if len(n) > _NAME_BYTES))


_NAMES = {pb.IDENT, pb.UIDENT}


@lru_cache(maxsize=4096)
def expression(text: str) -> Node:
    """Parse one expression; raise UnparsableError."""
    (statement,) = parse(f"SELECT {text}")
    return statement.tree.target_list[0].res_target.val


@lru_cache(maxsize=4096)
def constraint(text: str) -> Node:
    """Parse pg_get_constraintdef's text into its Constraint; raise UnparsableError."""
    (statement,) = parse(f"ALTER TABLE t ADD CONSTRAINT c {text}")
    return definition(inner(statement.tree.cmds[0])).constraint


@lru_cache(maxsize=4096)
def index(text: str) -> Node:
    """Parse pg_get_indexdef's text into its IndexStmt; raise UnparsableError."""
    (statement,) = parse(text)
    return statement.tree


def inner(node: Node) -> Node:
    """Return what a Node wraps."""
    kind = node.WhichOneof("node")
    return getattr(node, kind) if kind else node


def kind(node: Node) -> str:
    """Return the name of what a Node wraps, "" for none."""
    return node.WhichOneof("node") or ""


def absent(node: Node) -> bool:
    """Is this optional Node left out?"""
    return node.WhichOneof("node") is None


def strings(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Return the words of a list of String nodes: a qualified name's parts."""
    return tuple(n.string.sval for n in nodes)


def collation(column: Node) -> str | None:
    """Return what a ColumnDef's COLLATE names; None for the type's own."""
    name = ".".join(strings(column.coll_clause.collname))
    return None if name in {"", "default", "pg_catalog.default"} else name


def definition(command: Node) -> Node:
    """Return the `def` of a command (a word that Python keeps for itself)."""
    return getattr(command, "def")


def walk(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield every node below with the name of its message type."""
    for _field, message in postgast.walk(node):
        yield message.DESCRIPTOR.name, message


def column_refs(node: Node) -> set[str]:
    """Return the last part of every column reference below."""
    return {
        inner(message.fields[-1]).sval
        for name, message in walk(node)
        if name == "ColumnRef" and kind(message.fields[-1]) == "string"
    }


def relations(node: Node) -> list[Node]:
    """Return every RangeVar below that is no WITH query's name."""
    names = {m.ctename for n, m in walk(node) if n == "CommonTableExpr"}
    return [
        message
        for name, message in walk(node)
        if name == "RangeVar" and (message.schemaname or message.relname not in names)
    ]


def option(options: Iterable[Node], name: str) -> Node | None:
    """Return the DefElem of this name, if it is there."""
    for node in options:
        if node.def_elem.defname == name:
            return node.def_elem
    return None


def is_on(options: Iterable[Node], name: str) -> bool:
    """Is a boolean option such as CONCURRENTLY given and not false?"""
    found = option(options, name)
    if found is None:
        return False
    return literal(found.arg) not in {"false", "off", "0"}


def literal(node: Node) -> str:
    """Return a constant as text, "" when there is none."""
    value = inner(node)
    match kind(node):
        case "a_const":
            return _constant(value)
        case "string":
            return str(value.sval)
        case "integer":
            return str(value.ival)
        case "boolean":
            return str(value.boolval).lower()
        case "float":
            return str(value.fval)
        case "type_cast":
            return literal(value.arg)
        case "type_name":
            return strings(value.names)[-1]
        case _:
            return ""


def _constant(value: Node) -> str:
    match value.WhichOneof("val"):
        case "sval":
            return str(value.sval.sval)
        case "ival":
            return str(value.ival.ival)
        case "fval":
            return str(value.fval.fval)
        case "boolval":
            return str(value.boolval.boolval).lower()
        case "bsval":
            return str(value.bsval.bsval)
        case _:
            return ""


def is_null(node: Node) -> bool:
    """Is it the constant NULL, cast or not?"""
    if kind(node) == "type_cast":
        return is_null(node.type_cast.arg)
    return kind(node) == "a_const" and node.a_const.isnull


def deparse(node: Node, kind_: str) -> str:
    """Return the SQL of an expression ("expr") or of a statement's tree."""
    target = pb.ResTarget(val=node) if kind_ == "expr" else None
    result = pb.ParseResult(version=180000)
    statement = result.stmts.add().stmt
    if target is not None:
        statement.select_stmt.target_list.add().res_target.CopyFrom(target)
        return postgast.deparse(result).removeprefix("SELECT ")
    getattr(statement, kind_).CopyFrom(node)
    return postgast.deparse(result)


def constraint_text(node: Node) -> str:
    """Return what pg_get_constraintdef would say of a Constraint's tree."""
    copy = pb.Constraint()
    copy.CopyFrom(node)
    copy.conname = "c"
    statement = pb.AlterTableStmt(objtype=pb.OBJECT_TABLE)
    statement.relation.relname = "t"
    statement.relation.inh = True
    command = statement.cmds.add().alter_table_cmd
    command.subtype = pb.AT_AddConstraint
    definition(command).constraint.CopyFrom(copy)
    text = deparse(statement, "alter_table_stmt")
    return text.removeprefix("ALTER TABLE t ADD CONSTRAINT c ")
