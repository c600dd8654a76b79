"""What class a statement is of: the grammar decides, never a regular expression.

The parser is imported at its first use: it costs half of what starting Django does,
and a run with nothing to do needs none.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any


class UnreadableError(Exception):
    """PostgreSQL's grammar refuses this text, or it is nested too deep to be read."""


class StatementClass(StrEnum):
    """How a statement meets other sessions."""

    DATA = "data"  # row locks only
    BLOCKING = "blocking"  # may block others while it waits: short lock_timeout
    VALIDATING = "validating"  # reads a table while others write to it
    CONCURRENT = "concurrent"  # waits for others without blocking them
    SESSION = "session"  # SET, SHOW, transaction control


# Of a script, the class of its most careful part counts.
_CAREFUL_FIRST = (
    StatementClass.BLOCKING,
    StatementClass.CONCURRENT,
    StatementClass.VALIDATING,
    StatementClass.DATA,
)
_DATA = {"select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt"}
_SESSION = {"variable_set_stmt", "variable_show_stmt", "transaction_stmt"}
_CODE = {"call_stmt", "copy_stmt", "do_stmt", "execute_stmt"}
_CONCURRENT_FLAG = {"index_stmt", "drop_stmt", "refresh_mat_view_stmt"}


# Spares the parser most of the work; the grammar has the last word.
_TRANSACTION_WORDS = re.compile(
    r"\b(begin|start|commit|end|rollback|abort|prepare)\b", re.IGNORECASE
)


_PLACEHOLDERS = re.compile(r"%\(\w+\)[sbt]|%[sbt]")


def without_placeholders(sql: str) -> str:
    """Return the text as the grammar knows it, with $1 where psycopg puts a value."""
    return _PLACEHOLDERS.sub("$1", sql)


def parse(sql: str) -> Any:
    """Return the statements as libpg_query's trees; raise UnreadableError."""
    import postgast

    try:
        return postgast.parse(sql)
    except Exception as exc:  # protobuf's too, which postgast lets through
        raise UnreadableError(str(exc)) from exc


def classify(sql: str) -> StatementClass:
    """Return the class of the SQL; what cannot be parsed counts as blocking.

    Values need not be in it yet: Django's cursors are watched before they are.
    """
    try:
        statements = parse(without_placeholders(sql)).stmts
    except UnreadableError:
        return StatementClass.BLOCKING
    classes = {_classify(raw.stmt) for raw in statements}
    return next((c for c in _CAREFUL_FIRST if c in classes), StatementClass.SESSION)


def ends_transaction(sql: str) -> bool:
    """Whether it begins or ends a transaction; savepoints do neither."""
    if not _TRANSACTION_WORDS.search(sql):
        return False
    from postgast import pg_query_pb2 as pb

    inside = {
        pb.TRANS_STMT_SAVEPOINT,
        pb.TRANS_STMT_RELEASE,
        pb.TRANS_STMT_ROLLBACK_TO,
    }
    try:
        nodes = [raw.stmt for raw in parse(sql).stmts]
    except UnreadableError:
        return False
    return any(
        node.WhichOneof("node") == "transaction_stmt"
        and node.transaction_stmt.kind not in inside
        for node in nodes
    )


def writes_rows(sql: str) -> bool:
    """Whether it is one INSERT, UPDATE, DELETE or MERGE, and nothing else."""
    try:
        statements = parse(without_placeholders(sql)).stmts
    except UnreadableError:
        return False
    kinds = [raw.stmt.WhichOneof("node") for raw in statements]
    return len(kinds) == 1 and kinds[0] in _DATA - {"select_stmt"}


def _classify(node: Any) -> StatementClass:
    kind = node.WhichOneof("node")
    if kind in _DATA:
        return StatementClass.DATA
    if kind in _SESSION:
        return StatementClass.SESSION
    statement = getattr(node, kind)
    if kind == "alter_table_stmt":
        return _classify_alter(statement)
    concurrent = (kind in _CONCURRENT_FLAG and statement.concurrent) or (
        kind == "reindex_stmt"
        and any(p.def_elem.defname == "concurrently" for p in statement.params)
    )
    return StatementClass.CONCURRENT if concurrent else StatementClass.BLOCKING


def _classify_alter(statement: Any) -> StatementClass:
    from postgast import pg_query_pb2 as pb

    commands = [c.alter_table_cmd for c in statement.cmds]
    if all(c.subtype == pb.AT_ValidateConstraint for c in commands):
        return StatementClass.VALIDATING
    detaching = (
        c.subtype in (pb.AT_DetachPartition, pb.AT_DetachPartitionFinalize)
        and getattr(c, "def").partition_cmd.concurrent
        for c in commands
    )
    return StatementClass.CONCURRENT if all(detaching) else StatementClass.BLOCKING


def definitions(sql: str) -> int | None:
    """Return how many statements define something; None if rows or code are there too.

    SET CONSTRAINTS, which Django puts behind a foreign key, is none.
    """
    try:
        kinds = [r.stmt.WhichOneof("node") for r in parse(sql).stmts]
    except UnreadableError:
        return None
    if not _DATA.isdisjoint(kinds) or not _CODE.isdisjoint(kinds):
        return None
    return len(kinds) - kinds.count("constraints_set_stmt")


def built_index(sql: str) -> str | None:
    """Return the name of the index that the statement builds, if it builds one."""
    for raw in parse(sql).stmts:
        if raw.stmt.WhichOneof("node") == "index_stmt":
            return str(raw.stmt.index_stmt.idxname)
    return None
